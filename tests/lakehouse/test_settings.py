"""Settings: where their values come from, and what is said of a bad one."""

from __future__ import annotations

from datetime import date

import pytest
from lakehouse.errors import SettingError
from lakehouse.settings import PROJECT_ROOT, SETTINGS, Settings, load_settings, settings_at_parse, settings_table

LAKE = {"LAKEHOUSE_LAKE_ROOT": "file:///data/lake"}


def test_the_defaults_need_nothing_but_the_lake() -> None:
    settings = load_settings(LAKE)

    assert settings.lake_root == "file:///data/lake"
    assert settings.spark_lake_root == "/data/lake"
    assert settings.contracts_root == str(PROJECT_ROOT / "contracts")
    assert settings.spark_contracts_root == settings.contracts_root
    assert settings.mysql_conn_id == "mysql_onprem"
    assert settings.compute == {"environment_key": "lakehouse", "spec": {"environment_version": "4"}}
    assert settings.copy_batch_rows == 4096


def test_the_environment_wins_over_the_airflow_variable_and_that_over_the_default() -> None:
    variables = {"lakehouse_catalog": "from_variable", "lakehouse_job_wheel": "/wheels/medallion.whl"}

    settings = load_settings({**LAKE, "LAKEHOUSE_CATALOG": "from_environment"}, variables.get)

    assert settings.catalog == "from_environment"
    assert settings.job_wheel == "/wheels/medallion.whl"
    assert settings.row_group_rows == 262_144


def test_what_wires_a_dag_never_comes_from_a_variable_since_the_dag_was_parsed_without_it() -> None:
    settings = load_settings(LAKE, {"lakehouse_copy_pool": "other"}.get)

    assert settings.copy_pool == settings_at_parse({}).copy_pool == "lakehouse_copy"


def test_settings_at_parse_need_no_lake() -> None:
    wiring = settings_at_parse({"LAKEHOUSE_DEADLINE_MINUTES": "90", "LAKEHOUSE_SCHEDULE_START": "2026-11-01"})

    assert wiring.deadline_minutes == 90
    assert wiring.schedule_start == date(2026, 11, 1)
    assert not isinstance(wiring, Settings)


def test_a_missing_lake_says_how_to_set_it() -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({})

    assert str(caught.value) == (
        "setting lake_root is not set (the lake as Airflow sees it: file:///folder or "
        "abfs://connection@container/folder)"
        ": set the environment variable LAKEHOUSE_LAKE_ROOT or the Airflow Variable lakehouse_lake_root"
    )


def test_a_cloud_lake_needs_its_spark_form_too() -> None:
    with pytest.raises(SettingError, match=r"^setting spark_lake_root is not set, and Spark cannot read lake_root "):
        load_settings({"LAKEHOUSE_LAKE_ROOT": "abfs://adls_gen2@lake/sales"})

    spark = "abfss://lake@acme.dfs.core.windows.net/sales"
    settings = load_settings({"LAKEHOUSE_LAKE_ROOT": "abfs://adls_gen2@lake/", "LAKEHOUSE_SPARK_LAKE_ROOT": spark})
    assert settings.spark_lake_root == spark


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("COPY_BATCH_ROWS", "none", "must be a whole number of at least 1"),
        ("COPY_BATCH_ROWS", "0", "must be a whole number of at least 1"),
        ("COPY_BATCH_ROWS", "-5", "must be a whole number of at least 1"),
        ("COPY_BATCH_ROWS", "²", "must be a whole number of at least 1"),
        ("TASK_RETRIES", "x", "must be a whole number of at least 0"),
        ("COPY_POOL", " ", "must not be empty"),
        ("TIMEZONE", "Mars/Olympus", "must be a time zone's name, such as UTC or Asia/Kolkata"),
        ("SCHEDULE_START", "2026-02-30", "must be a date such as 2026-11-20"),
        ("AIRFLOW_URL", "airflow.example.com", "must be an http:// or https:// address, or empty"),
        (
            "LAKE_ROOT",
            "abfss://lake@acme.dfs.core.windows.net/x",
            "must be file:///folder or abfs://connection@container/folder",
        ),
        ("LAKE_ROOT", "file://data/lake", "must be file:///folder or abfs://connection@container/folder"),
        (
            "COMPUTE",
            '{"existing_cluster_id": 5}',
            "must be a JSON object with exactly one of environment_key, existing_cluster_id, new_cluster; "
            "existing_cluster_id must be a name",
        ),
        (
            "COMPUTE",
            '{"environment_key": "a", "existing_cluster_id": "b"}',
            "must be a JSON object with exactly one of environment_key, existing_cluster_id, new_cluster",
        ),
        (
            "COMPUTE",
            '{"existing_cluster_id": "b", "polciy": 1}',
            "must be a JSON object with exactly one of environment_key, existing_cluster_id, new_cluster; "
            "polciy does not belong there",
        ),
    ],
)
def test_a_bad_value_names_the_setting_the_value_and_the_cure(name: str, value: str, reason: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({**LAKE, f"LAKEHOUSE_{name}": value})

    assert str(caught.value) == (
        f"setting {name.lower()} has the value {value!r}, but {reason}; correct the environment variable "
        f"LAKEHOUSE_{name}"
    )


def test_compute_that_is_no_json_says_where_it_breaks() -> None:
    with pytest.raises(SettingError, match=r"not JSON: Expecting property name"):
        load_settings({**LAKE, "LAKEHOUSE_COMPUTE": "{environment_key: a}"})


def test_every_problem_is_listed_at_once_and_a_variable_is_named_as_such() -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({"LAKEHOUSE_ROW_GROUP_ROWS": "x"}, {"lakehouse_compute": "[]"}.get)

    lines = str(caught.value).splitlines()
    assert [line.split()[1] for line in lines] == ["lake_root", "compute", "row_group_rows"]
    assert lines[1].endswith("correct the Airflow Variable lakehouse_compute")


def test_every_field_has_one_line_in_the_table() -> None:
    names = [setting.name for setting in SETTINGS]

    assert len(names) == len(set(names))
    assert set(names) == set(Settings.__dataclass_fields__)
    table = settings_table()
    assert len(table.splitlines()) == len(SETTINGS) + 2
    assert str(PROJECT_ROOT) not in table
    assert "| `lake_root` | `LAKEHOUSE_LAKE_ROOT` | required |" in table
