"""Which conversions lose nothing of any value."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("given", "wanted", "is_lossless"),
    [
        ("int", "bigint", True), ("bigint", "int", False), ("decimal(10,0)", "int", True),
        ("decimal(10,2)", "int", False), ("decimal(10,2)", "decimal(14,2)", True),
        ("decimal(10,4)", "decimal(14,2)", False),
        ("decimal(14,2)", "decimal(14,4)", False), ("double", "decimal(38,10)", False), ("float", "double", True),
        ("double", "float", False), ("int", "double", True), ("bigint", "double", False), ("tinyint", "boolean", False),
        ("boolean", "int", True), ("timestamp", "date", False), ("timestamp_ntz", "timestamp", True),
        ("date", "timestamp", True), ("timestamp", "bigint", False), ("double", "string", True), ("void", "date", True),
    ],
)  # fmt: skip
def test_conversions_that_need_no_look_at_the_value(given: str, wanted: str, is_lossless: bool) -> None:
    from medallion.quality import conversion

    assert conversion.is_lossless(given, wanted) is is_lossless
