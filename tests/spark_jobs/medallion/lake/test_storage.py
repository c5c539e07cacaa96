"""Small files of the lake: whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

# Local files need no Spark.
NO_SPARK: Any = None


def test_a_text_is_written_with_its_folders_and_replaces_what_was_there(tmp_path: Path) -> None:
    from medallion.lake.storage import read_text, write_text

    for text in ("sale ü\n", "other"):
        write_text(NO_SPARK, f"file://{tmp_path}/a b/c=1/row.json", text)

        assert read_text(NO_SPARK, f"{tmp_path}/a b/c=1/row.json") == text
        assert [path.name for path in (tmp_path / "a b/c=1").iterdir()] == ["row.json"]


def test_a_text_that_cannot_take_its_place_leaves_nothing_behind_and_says_so(tmp_path: Path) -> None:
    from medallion.errors import BronzeError
    from medallion.lake.storage import write_text

    (tmp_path / "row.json").mkdir()

    with pytest.raises(BronzeError, match=rf"^{tmp_path}/row.json cannot be written: .*Is a directory"):
        write_text(NO_SPARK, f"{tmp_path}/row.json", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["row.json"]
