"""What the Delta writer of a Databricks runtime can do."""

from __future__ import annotations

import pytest
from medallion.lake.delta_tables import knows_replace_on


@pytest.mark.parametrize("runtime", [None, "", "18.2", "18.3", "19.0", "18.x", "client.4.1"])
def test_newer_runtimes_know_replace_on(runtime: str | None) -> None:
    assert knows_replace_on(runtime)


@pytest.mark.parametrize("runtime", ["16.4", "17.3", "18.1"])
def test_older_runtimes_would_overwrite_the_table(runtime: str) -> None:
    assert not knows_replace_on(runtime)
