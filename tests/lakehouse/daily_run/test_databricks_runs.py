"""The exact requests that are sent to Databricks, for one-time runs and for runs of the bundle's deployed jobs."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lakehouse.daily_run.databricks_runs import JOB_DEPENDENCIES, WHEEL_PACKAGE, run_request
from lakehouse.daily_run.silver_batches import BatchLimits, silver_batches
from lakehouse.errors import SettingError
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator
from lakehouse.operators.lake_upkeep_operator import LakeUpkeepOperator
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator
from lakehouse.settings import Settings, load_settings

from local.databricks_api.job_definitions import parse_job, run_of
from local.databricks_api.submission import check_submission
from tests.conftest import PROJECT
from tests.databricks_bundle import create_bodies

ENVIRONMENT = {
    "LAKEHOUSE_LAKE_ROOT": "abfs://adls_gen2@lake/sales",
    "LAKEHOUSE_SPARK_LAKE_ROOT": "abfss://lake@acme.dfs.core.windows.net/sales",
    "LAKEHOUSE_SPARK_CONTRACTS_ROOT": "/Workspace/lakehouse/contracts",
    "LAKEHOUSE_SPARK_CODE_ROOT": "/Workspace/lakehouse/spark_jobs",
}
DAY, RUN = date(2026, 11, 20), "scheduled__2026-11-21"
PARAMETERS = [
    "--contracts=/Workspace/lakehouse/contracts/atliqsale",
    "--tables=customer",
    "--business-date=2026-11-20",
    "--run-id=scheduled__2026-11-21",
    "--lake-root=abfss://lake@acme.dfs.core.windows.net/sales",
    "--catalog=",
]


def customer_run(attempt: str = "dag/run/table.silver/0/a", **environment: str) -> dict[str, Any]:
    return silver_run(["customer"], attempt, **environment)


def silver_run(tables: list[str], attempt: str = "a", **environment: str) -> dict[str, Any]:
    return run_request(
        load_settings({**ENVIRONMENT, **environment}), "silver", schema="atliqsale", tables=tables, business_date=DAY,
        run_slug=RUN, attempt=attempt,
    )  # fmt: skip


def of_operator(kind: type[DatabricksRunOperator], **arguments: Any) -> DatabricksRunOperator:
    return kind(task_id="it", schema="atliqsale", business_date=DAY.isoformat(), run_slug=RUN, **arguments)


def test_what_is_asked_of_silver_follows_the_other_parameters() -> None:
    silver = of_operator(BronzeToSilverOperator, batch={}, rebuild="True", accept_deletes="True")
    silver._tables = ["customer"]
    run = silver.build_run(load_settings(ENVIRONMENT), DAY, "a")
    parameters = run["tasks"][0]["spark_python_task"]["parameters"]
    assert parameters == [*PARAMETERS, "--rebuild=true", "--accept-deletes=true"]


def test_several_tables_share_one_run_that_is_named_by_the_first_of_them() -> None:
    found = silver_run(["customer", "date", "market", "product", "transactions"])

    parameters = found["tasks"][0]["spark_python_task"]["parameters"]
    assert parameters[1] == "--tables=customer,date,market,product,transactions"
    assert found["run_name"] == "silver atliqsale.customer, date, market and 2 more 2026-11-20"
    assert found["idempotency_token"] != silver_run(["customer", "date"])["idempotency_token"]


def test_silver_runs_its_file_on_serverless_by_default() -> None:
    run = customer_run()

    token = run.pop("idempotency_token")
    assert len(token) == 64
    assert run == {
        "run_name": "silver atliqsale.customer 2026-11-20",
        "tasks": [
            {
                "task_key": "silver",
                "spark_python_task": {
                    "python_file": "/Workspace/lakehouse/spark_jobs/silver.py",
                    "parameters": PARAMETERS,
                },
                "environment_key": "lakehouse",
            }
        ],
        "environments": [
            {
                "environment_key": "lakehouse",
                "spec": {"environment_version": "4", "dependencies": list(JOB_DEPENDENCIES)},
            }
        ],
        "timeout_seconds": 7200,
    }


def test_gold_runs_its_own_file_and_names_its_table() -> None:
    run = of_operator(SilverToGoldOperator, table="sales_obt").build_run(load_settings(ENVIRONMENT), DAY, "a")

    assert run["run_name"] == "gold atliqsale.sales_obt 2026-11-20"
    task = run["tasks"][0]
    assert task["task_key"] == "gold"
    assert task["spark_python_task"]["python_file"] == "/Workspace/lakehouse/spark_jobs/gold.py"
    assert task["spark_python_task"]["parameters"][1] == "--tables=sales_obt"


def test_upkeep_is_of_all_tables_of_a_schema_and_knows_how_long_versions_stay() -> None:
    settings = load_settings({**ENVIRONMENT, "LAKEHOUSE_SILVER_VERSION_DAYS": "60"})
    run = of_operator(LakeUpkeepOperator).build_run(settings, DAY, "a")

    assert run["run_name"] == "upkeep atliqsale 2026-11-20"
    task = run["tasks"][0]
    assert task["spark_python_task"]["python_file"] == "/Workspace/lakehouse/spark_jobs/upkeep.py"
    assert task["spark_python_task"]["parameters"] == [
        PARAMETERS[0], "--tables=", *PARAMETERS[2:], "--silver-days=60", "--gold-days=7",
    ]  # fmt: skip


@pytest.mark.parametrize("days", ["6", "366", "a week"])
def test_versions_stay_as_long_as_delta_can_keep_them(days: str) -> None:
    with pytest.raises(SettingError, match="but must be a whole number from 7 to 365"):
        load_settings({**ENVIRONMENT, "LAKEHOUSE_SILVER_VERSION_DAYS": days})


def test_a_catalog_is_passed_on() -> None:
    parameters = customer_run(LAKEHOUSE_CATALOG="main")["tasks"][0]["spark_python_task"]["parameters"]

    assert parameters == [*PARAMETERS[:-1], "--catalog=main"]


def test_an_existing_cluster_needs_no_environment() -> None:
    run = customer_run(LAKEHOUSE_COMPUTE='{"existing_cluster_id": "1120-abc"}')

    assert "environments" not in run
    assert run["tasks"][0]["existing_cluster_id"] == "1120-abc"


def test_a_new_cluster_with_a_wheel_installs_it_as_a_library() -> None:
    cluster = '{"new_cluster": {"spark_version": "18.0.x-scala2.13", "num_workers": 2, "policy_id": "P"}}'

    run = customer_run(LAKEHOUSE_COMPUTE=cluster, LAKEHOUSE_JOB_WHEEL="/Volumes/main/code/medallion.whl")

    assert run["tasks"] == [
        {
            "task_key": "silver",
            "python_wheel_task": {
                "package_name": "lakehouse-spark-jobs",
                "entry_point": "silver",
                "parameters": PARAMETERS,
            },
            "new_cluster": {
                "spark_version": "18.0.x-scala2.13", "num_workers": 2, "policy_id": "P", "custom_tags": {
                    "lakehouse_stage": "silver", "lakehouse_schema": "atliqsale", "lakehouse_tables": "customer",
                    "lakehouse_business_date": "2026-11-20",
                },
            },
            "libraries": [{"whl": "/Volumes/main/code/medallion.whl"}],
        }
    ]  # fmt: skip


def test_the_tags_of_a_new_cluster_are_added_to_those_that_it_has_and_fit_a_cloud_s_rules() -> None:
    settings = load_settings(
        {**ENVIRONMENT, "LAKEHOUSE_COMPUTE": '{"new_cluster": {"custom_tags": {"team": "sales"}}}'}
    )
    tables = [f"table_{number}_{'x' * 120}" for number in range(5)]

    run = run_request(
        settings, "silver", schema="atliqsale", tables=tables, business_date=DAY, run_slug="r", attempt="a"
    )

    tags = run["tasks"][0]["new_cluster"]["custom_tags"]
    assert tags["team"] == "sales"
    assert len(tags["lakehouse_tables"]) == 255
    assert "," not in tags["lakehouse_tables"]
    # The setting stays as it was, for the next run.
    assert settings.compute == {"new_cluster": {"custom_tags": {"team": "sales"}}}


def test_the_wheel_its_entry_points_and_its_dependencies_are_those_that_are_built() -> None:
    built = tomllib.loads((PROJECT / "spark_jobs" / "pyproject.toml").read_text())["project"]

    assert built["name"] == WHEEL_PACKAGE
    assert set(built["scripts"]) >= {"silver", "gold"}
    assert built["dependencies"] == list(JOB_DEPENDENCIES)


def test_serverless_takes_the_wheel_as_a_dependency_of_its_environment() -> None:
    compute = '{"environment_key": "e", "spec": {"environment_version": "4", "dependencies": ["sqlglot==1"]}}'

    run = customer_run(LAKEHOUSE_COMPUTE=compute, LAKEHOUSE_JOB_WHEEL="/Volumes/w.whl")

    dependencies = ["sqlglot==1", "/Volumes/w.whl"]
    assert run["environments"] == [
        {"environment_key": "e", "spec": {"environment_version": "4", "dependencies": dependencies}}
    ]
    assert "libraries" not in run["tasks"][0]
    assert customer_run(LAKEHOUSE_COMPUTE=compute, LAKEHOUSE_JOB_WHEEL="/Volumes/w.whl") == run


@pytest.mark.parametrize("attempt", ["dag/run/table.silver/0/b", "dag/run/table.silver/1/a", ""])
def test_another_try_is_another_run_and_the_same_try_the_same(attempt: str) -> None:
    assert customer_run()["idempotency_token"] == customer_run()["idempotency_token"]
    assert customer_run(attempt)["idempotency_token"] != customer_run()["idempotency_token"]


JOBS = {"LAKEHOUSE_DATABRICKS_JOBS": " [dev] lakehouse {stage} ", "LAKEHOUSE_CATALOG": "main"}
GIVEN = {
    "contracts_root": "/Workspace/lakehouse/contracts",
    "schema": "atliqsale",
    "tables": "customer",
    "business_date": "2026-11-20",
    "run_id": "scheduled__2026-11-21",
    "lake_root": "abfss://lake@acme.dfs.core.windows.net/sales",
    "catalog": "main",
}


def of_stage(stage: str, settings: Settings, attempt: str = "a") -> dict[str, Any]:
    """The request of each operator."""
    silver = of_operator(BronzeToSilverOperator, batch={}, rebuild="False", accept_deletes="True")
    silver._tables = ["customer"]
    gold = of_operator(SilverToGoldOperator, table="sales_obt")
    return {"silver": silver, "gold": gold, "upkeep": of_operator(LakeUpkeepOperator)}[stage].build_run(
        settings, DAY, attempt
    )


@pytest.mark.parametrize(
    ("stage", "own"),
    [
        ("silver", {"rebuild": "false", "accept_deletes": "true"}),
        ("gold", {"tables": "sales_obt"}),
        ("upkeep", {"tables": "", "silver_days": "30", "gold_days": "7"}),
    ],
)
def test_a_deployed_job_is_named_by_its_stage_and_given_all_that_airflow_decides(
    stage: str, own: dict[str, str]
) -> None:
    settings = load_settings({**ENVIRONMENT, **JOBS})

    run = of_stage(stage, settings)

    token = run.pop("idempotency_token")
    assert run == {"job_name": f"[dev] lakehouse {stage}", "job_parameters": {**GIVEN, **own}}
    assert len(token) == 64
    assert of_stage(stage, settings)["idempotency_token"] == token
    assert of_stage(stage, settings, "b")["idempotency_token"] != token


@pytest.mark.parametrize("stage", ["silver", "gold", "upkeep"])
def test_a_deployed_job_runs_its_program_with_the_words_of_a_one_time_run(stage: str) -> None:
    settings = load_settings({**ENVIRONMENT, **JOBS})
    body = create_bodies("prod", Path("/jobs.whl"), release="r1", lake_root="/by/hand", airflow_client_id="a")[stage]

    run = run_of(parse_job(body), of_stage(stage, settings)["job_parameters"])

    assert {one["name"] for one in body["parameters"]} == set(of_stage(stage, settings)["job_parameters"])
    (task,) = of_stage(stage, replace(settings, databricks_jobs="", job_wheel="/jobs.whl"))["tasks"]
    assert run.tasks[0].python_wheel_task
    assert run.tasks[0].python_wheel_task.as_dict() == task["python_wheel_task"]


def test_as_many_tables_as_one_batch_takes_fit_into_the_parameters_of_a_job() -> None:
    plans = [({"table": "t", "lake_name": f"{'t' * 59}_{number:04}"}, 1) for number in range(1000)]
    folder = "/Volumes/lakehouse_prod/operations/releases/" + "r" * 500
    settings = load_settings({**ENVIRONMENT, **JOBS, "LAKEHOUSE_SPARK_CONTRACTS_ROOT": folder})
    body = create_bodies("prod", Path("/jobs.whl"), release="r1", lake_root="/lake", airflow_client_id="a")["silver"]

    for batch in silver_batches(plans, BatchLimits(1000, 1000)):
        silver = of_operator(BronzeToSilverOperator, batch={})
        silver._tables = [plan["lake_name"] for plan in batch["plans"]]
        check_submission(run_of(parse_job(body), silver.build_run(settings, DAY, "a")["job_parameters"]))


@pytest.mark.parametrize("pattern", ["lakehouse silver", "lakehouse {Stage}", "{stage"])
def test_names_of_jobs_that_would_be_one_for_all_stages_are_refused(pattern: str) -> None:
    with pytest.raises(SettingError) as refused:
        load_settings({**ENVIRONMENT, "LAKEHOUSE_DATABRICKS_JOBS": pattern})
    assert str(refused.value) == (
        f"setting databricks_jobs has the value {pattern!r}, but must have {{stage}} where silver, gold or upkeep "
        "stands in the jobs' names, or be empty; correct the environment variable LAKEHOUSE_DATABRICKS_JOBS"
    )
