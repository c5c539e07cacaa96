"""The reader that the project is held against finds what is wrong with a text."""

from __future__ import annotations

import pytest

from tests.cli.powerbi.tmdl_reader import read_tmdl

GOOD = "table Sales\n\tlineageTag: a\n\n\t/// Takings\n\tmeasure 'It''s net' = SUM(x)\n\t\tformatString: #,0\n"


def test_a_good_text_is_read() -> None:
    (table,) = read_tmdl(GOOD).children
    assert table.properties == {"lineageTag": "a"}
    assert table.of("measure")["It's net"].value == "SUM(x)"


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("\t\tformat", "        format", "blanks"),
        ("\tmeasure", "\t\t\tmeasure", "blanks"),
        ("formatString", "formatStrng", "no property of measure"),
        ("measure", "mesure", "nothing that stands in table"),
        (" = SUM(x)", "", "a value is missing"),
        ("'It''s net'", "It's net", "nothing that stands in table"),
        ("\t\tformatString: #,0\n", "\tmeasure 'It''s net' = 1\n", "is there twice"),
        ("\t\tformatString: #,0\n", "\tlineageTag: b\n", "no property of table here"),
        ("#,0\n", "#,0", "the last line has no end"),
    ],
)
def test_a_wrong_one_is_refused(right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    with pytest.raises(ValueError, match=message):
        read_tmdl(GOOD.replace(right, wrong, 1))
