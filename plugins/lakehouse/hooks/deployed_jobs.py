"""The bundle's deployed jobs: found by their names, and tried before the first run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.errors import SettingError

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook


def deployed_job(hook: DatabricksHook, name: str) -> int:
    """The id of the one job that has a name.

    Raises:
        SettingError: none has it, or more than one; trying again heals neither.
        AirflowException: Databricks does not answer, or refuses the login.
    """
    found = hook.list_jobs(job_name=name)
    if len(found) != 1:
        many = f"{len(found)} jobs have" if found else "no job that Airflow's login may see has"
        cure = "delete all but one" if found else "deploy the bundle (infra/databricks/deploy TARGET RELEASE)"
        raise SettingError(
            f"{many} the name {name!r} in the Databricks workspace, and LAKEHOUSE_DATABRICKS_JOBS wants one: {cure}"
            ", or correct the setting; where it is empty, Airflow makes one-time runs"
        )
    return int(found[0]["job_id"])


def try_databricks(hook: DatabricksHook, names: Sequence[str]) -> tuple[bool, str]:
    """Whether Databricks takes the login and has each of the jobs; if not, what to do."""
    from airflow.providers.common.compat.sdk import AirflowException

    works, message = hook.test_connection()
    if not works:
        return False, f"Databricks, by the connection {hook.databricks_conn_id}: {message}"
    try:
        for name in names:
            deployed_job(hook, name)
    except (SettingError, AirflowException) as error:
        return False, str(error)
    jobs = f", and has the jobs {', '.join(names)}" if names else ""
    return True, f"Databricks takes the login of {hook.databricks_conn_id}{jobs}"
