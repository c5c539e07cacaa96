"""What the two Databricks operators share: build the run when it starts, wait for it outside the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator

from lakehouse.alerting.task_failures import settings_of_task
from lakehouse.settings import settings_at_parse

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from lakehouse.settings import Settings


class DatabricksRunOperator(DatabricksSubmitRunOperator):
    """A deferrable `runs/submit` whose payload comes from the settings at run time.

    Always deferrable: the synchronous operator keeps the run id across a clear and would then skip the run
    silently. The run is cancelled when the task is killed.

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
