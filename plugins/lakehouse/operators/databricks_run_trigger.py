"""Waits for a Databricks run in the triggerer, and not too soon after its task was deferred."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.databricks.triggers.databricks import DatabricksExecutionTrigger
from airflow.triggers.base import TriggerEvent

# Airflow's scheduler takes a deferred task for lost when the task goes on before the scheduler has noticed that the
# worker's process ended; under load it has been seen to need seven seconds for that.
FIRST_LOOK_SECONDS = 15.0


class DatabricksRunTrigger(DatabricksExecutionTrigger):
    """The provider's trigger, which would resume a task at once when its run ends while the task is being deferred."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """This class, with what the provider's needs."""
        _, arguments = super().serialize()
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks for the first time after `FIRST_LOOK_SECONDS`."""
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        async for event in super().run():  # type: ignore[no-untyped-call]
            yield event
