"""Which way settings choose to the lake's tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakehouse.errors import SettingError
from lakehouse.readable_lake import readable_lake
from lakehouse.settings import setting_value


def settings_of(**given: str) -> dict[str, str]:
    return {f"LAKEHOUSE_{name.upper()}": value for name, value in given.items()}


def test_with_a_catalog_and_no_warehouse_it_says_which_setting_is_missing(tmp_path: Path) -> None:
    environ = settings_of(lake_root=f"file://{tmp_path}", catalog="lakehouse_prod")
    with pytest.raises(SettingError, match=r"LAKEHOUSE_CATALOG is lakehouse_prod, .* in LAKEHOUSE_WAREHOUSE"):
        readable_lake(lambda name: setting_value(name, environ))


def test_a_warehouse_must_know_where_the_tables_are() -> None:
    environ = settings_of(lake_root="abfs://c@bronze/lake", warehouse="w1")
    with pytest.raises(SettingError, match="neither LAKEHOUSE_CATALOG nor LAKEHOUSE_SPARK_LAKE_ROOT"):
        readable_lake(lambda name: setting_value(name, environ))


def test_without_both_it_is_in_its_folders(tmp_path: Path) -> None:
    environ = settings_of(lake_root=f"file://{tmp_path}")
    lake = readable_lake(lambda name: setting_value(name, environ))
    (tmp_path / "gold" / "sales_obt").mkdir(parents=True)
    assert (lake.names("gold"), lake.names("silver"), lake.tables("gold", "nothing")) == (["sales_obt"], [], None)
