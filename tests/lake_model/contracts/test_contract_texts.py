"""Contracts are known by their text, each with its name, and the waivers beside them."""

from __future__ import annotations

from pathlib import Path

from lake_model.contracts.contract_texts import contract_texts, texts_digest


def test_the_digest_differs_where_any_text_does_and_by_that_alone(tmp_path: Path) -> None:
    def digest(*tables: str) -> str:
        given = texts_digest(contract_texts(tmp_path, tables), tables)
        assert given == texts_digest(contract_texts(tmp_path), tables)
        return given

    files = [tmp_path / name for name in ("a.odcs.yaml", "b.odcs.yaml", "waivers.yaml")]
    found = [digest("a", "b")]
    for file in files:
        file.write_text("one")
        found.append(digest("a", "b"))
    for file in files:
        file.write_text("two")
        found.append(digest("b", "a"))
        file.write_text("one")
    (tmp_path / "c.odcs.yaml").write_text("of another table")

    assert len(set(found)) == len(found)
    assert digest("b", "a") == found[3]
