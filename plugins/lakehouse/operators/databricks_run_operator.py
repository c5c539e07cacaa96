"""What the two Databricks operators share: build the run when it starts, wait for it here, then outside."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.databricks.operators.databricks import (
    DEFER_METHOD_NAME,
    XCOM_RUN_ID_KEY,
    DatabricksSubmitRunOperator,
    _handle_deferrable_databricks_operator_execution,
)
from airflow.sdk.exceptions import AirflowException, TaskDeferralTimeout

from lakehouse.alerting.task_failures import failing_at_once, settings_of_task
from lakehouse.settings import settings_at_parse

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from lakehouse.settings import Settings

# Databricks stops a run itself when its time is over; what it does not count is how long a run stands in its queue.
LONGEST_IN_QUEUE = timedelta(minutes=15)


class DatabricksRunOperator(DatabricksSubmitRunOperator):
    """A deferrable Databricks run whose payload comes from the settings at run time: `runs/submit`, or `jobs/run-now`.

    A run that is over within `databricks_worker_wait_seconds` is waited for in the worker, and only a longer one
    outside of it: to defer a task costs some seconds, and Airflow takes a task for lost that goes on too soon.

    Always deferrable: the synchronous operator keeps the run id across a clear and would then skip the run
    silently. The run is cancelled when the task is killed, and when it is not over `databricks_timeout_minutes` and a
    quarter of an hour after it was submitted: `execution_timeout` does not count while a task is deferred.

    Args:
        business_date: ISO date, templated.
        run_slug: the run's name in paths, templated.
    """

    template_fields = (*DatabricksSubmitRunOperator.template_fields, "business_date", "run_slug")

    def __init__(self, *, business_date: str, run_slug: str, **kwargs: Any) -> None:
        parse_time = settings_at_parse()
        super().__init__(
            json={},
            databricks_conn_id=parse_time.databricks_conn_id,
            polling_period_seconds=parse_time.databricks_polling_seconds,
            deferrable=True,
            wait_for_termination=False,  # the provider's operator would defer at once
            **kwargs,
        )
        self.worker_wait = timedelta(seconds=parse_time.databricks_worker_wait_seconds)
        self.longest_wait = timedelta(minutes=parse_time.databricks_timeout_minutes) + LONGEST_IN_QUEUE
        self.business_date = business_date
        self.run_slug = run_slug

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The payload of `runs/submit`, or that of `jobs/run-now` with `job_name`.

        `attempt` names this try, so that a retry is a run of its own.
        """
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Starts the run and waits until it ends, at first here and then deferred.

        Raises:
            AirflowFailException: a setting is missing or wrong, or names no deployed job.
            AirflowException: Databricks refused the run, or it failed; the message carries the job's error.
        """
        from datetime import date

        from lakehouse.errors import SettingError
        from lakehouse.hooks.deployed_jobs import deployed_job

        instance = context["ti"]
        attempt = f"{instance.dag_id}/{instance.run_id}/{instance.task_id}/{instance.map_index}/{instance.id}"
        self.params.clear()  # the operator would forward the DAG's params to a wheel task that takes none of them
        run = self.build_run(settings_of_task(), date.fromisoformat(self.business_date), attempt)
        if "job_name" in run:
            with failing_at_once(SettingError):
                job_id = deployed_job(self._hook, run.pop("job_name"))
            self.run_id = self._hook.run_now({"job_id": job_id, **run})
            # The rest of `execute`, which is the same in the provider's operator for such runs.
            _handle_deferrable_databricks_operator_execution(self, self._hook, self.log, context)
        else:
            self.json = run
            super().execute(context)
        assert self.run_id is not None
        event = self._ended_within(self.worker_wait, self.run_id)
        if event is None:
            self._defer(self.run_id)
        self.execute_complete(dict(context), event)

    def get_openlineage_facets_on_failure(self, _instance: object) -> None:
        """Nothing is reported of the tables of a run that failed: it may have made none of them."""

    def _ended_within(self, longest: timedelta, run_id: int) -> dict[str, Any] | None:
        """What the trigger would report of the run, once it has ended; None if it has not within that time."""
        from airflow.providers.databricks.hooks.databricks import RunState
        from airflow.providers.databricks.utils.databricks import extract_failed_task_errors

        deadline = time.monotonic() + longest.total_seconds()
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(self.polling_period_seconds, left))
            run = self._hook.get_run(run_id)
            state = RunState(**run["state"])
            if state.is_terminal:
                return {
                    "run_id": run_id,
                    "run_page_url": run["run_page_url"],
                    "run_state": state.to_json(),
                    "errors": extract_failed_task_errors(self._hook, run, state),
                }
        return None

    def _defer(self, run_id: int) -> NoReturn:
        from lakehouse.operators.databricks_run_trigger import DatabricksRunTrigger

        self.defer(
            trigger=DatabricksRunTrigger(
                run_id=run_id,
                databricks_conn_id=self.databricks_conn_id,
                polling_period_seconds=self.polling_period_seconds,
                retry_limit=self.databricks_retry_limit,
                retry_delay=self.databricks_retry_delay,
                run_page_url=self._hook.get_run_page_url(run_id),
            ),
            method_name=DEFER_METHOD_NAME,
            timeout=self.longest_wait - self.worker_wait,
        )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Goes on when the run has ended; cancels it when it took too long.

        Raises:
            AirflowException: the run took too long, or failed; Airflow tries again.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout as error:
            # Airflow drops the trigger of a task whose time is over, and nothing else ends the run.
            instance = context["ti"]
            run_id = instance.xcom_pull(task_ids=instance.task_id, key=XCOM_RUN_ID_KEY, map_indexes=instance.map_index)
            self._hook.cancel_run(run_id)
            raise AirflowException(
                f"the Databricks run {run_id} was not over after {self.longest_wait} and was cancelled: see on its "
                "page what it waited for, or raise LAKEHOUSE_DATABRICKS_TIMEOUT_MINUTES"
            ) from error


def is_true(value: bool | str) -> bool:
    """Whether a templated flag is set: a template gives text."""
    return str(value) == "True"
