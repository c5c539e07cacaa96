"""What the two Databricks operators share: build the run when it starts, wait outside the worker, but not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.databricks.operators.databricks import XCOM_RUN_ID_KEY, DatabricksSubmitRunOperator
from airflow.sdk.exceptions import AirflowException, TaskDeferralTimeout

from lakehouse.alerting.task_failures import settings_of_task
from lakehouse.settings import settings_at_parse

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from lakehouse.settings import Settings

# Databricks stops a run itself when its time is over; what it does not count is how long a run stands in its queue.
LONGEST_IN_QUEUE = timedelta(minutes=15)


class DatabricksRunOperator(DatabricksSubmitRunOperator):
    """A deferrable `runs/submit` whose payload comes from the settings at run time.

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
            **kwargs,
        )
        self.longest_wait = timedelta(minutes=parse_time.databricks_timeout_minutes) + LONGEST_IN_QUEUE
        self.business_date = business_date
        self.run_slug = run_slug

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The `runs/submit` payload; `attempt` names this try, so that a retry is a run of its own."""
        raise NotImplementedError

    def execute(self, context: Context) -> None:
        """Submits the run and defers until it ends.

        Raises:
            AirflowFailException: a setting is missing or wrong.
            AirflowException: Databricks refused the run, or it failed; the message carries the job's error.
        """
        from datetime import date

        instance = context["ti"]
        attempt = f"{instance.dag_id}/{instance.run_id}/{instance.task_id}/{instance.map_index}/{instance.id}"
        self.params.clear()  # the operator would forward the DAG's params to a wheel task that takes none of them
        self.json = self.build_run(settings_of_task(), date.fromisoformat(self.business_date), attempt)
        super().execute(context)

    def defer(
        self,
        *,
        trigger: BaseTrigger,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> NoReturn:
        """Defers as the provider asks, which knows no limit, for `longest_wait` at most."""
        super().defer(trigger=trigger, method_name=method_name, kwargs=kwargs, timeout=timeout or self.longest_wait)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Goes on when the run has ended; cancels it when it took too long.

        Raises:
            AirflowException: the run took too long, or failed; Airflow tries again.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout as error:
            # Airflow drops the trigger of a task whose time is over, and nobody else ends the run.
            instance = context["ti"]
            run_id = instance.xcom_pull(task_ids=instance.task_id, key=XCOM_RUN_ID_KEY, map_indexes=instance.map_index)
            self._hook.cancel_run(run_id)
            raise AirflowException(
                f"the Databricks run {run_id} was not over after {self.longest_wait} and was cancelled: see on its "
                "page what it waited for, or raise LAKEHOUSE_DATABRICKS_TIMEOUT_MINUTES"
            ) from error
