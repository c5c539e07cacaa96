"""A copy that takes its time, so that something can happen at the source meanwhile."""

from __future__ import annotations

import threading

from lakehouse.source.source_load import Pace, SourceLoad

from lake_model.contracts.copy_spec import CopySpec
from tests.lakehouse.copying import Bench


class Slowly:
    """A copy that runs in a thread, and is streaming when the block begins; the block's end waits for it.

    The table's first column is `sold_on`, and it must hold more bytes than the buffers of a connection, so that the
    server waits for the reader.
    """

    def __init__(self, bench: Bench, spec: CopySpec, rows_per_second: int = 2000) -> None:
        self.error: Exception | None = None
        self._rows_per_second = rows_per_second
        self._bench = bench
        self._thread = threading.Thread(target=self._copy, args=(spec,))

    def _copy(self, spec: CopySpec) -> None:
        try:
            self._bench.copy(spec, "2026-11-20", "faulty")
        except Exception as error:
            self.error = error

    def __enter__(self) -> Slowly:
        self._bench.load = SourceLoad(pace=Pace(rows_per_second=self._rows_per_second))
        self._thread.start()
        asked = (
            "SELECT id FROM information_schema.processlist "
            "WHERE user = 'lakehouse' AND state IN ('Writing to net', 'Sending to client') "
            "AND info LIKE 'SELECT `sold_on`, %'"
        )
        while not self._bench.ask(asked):
            assert self._thread.is_alive()
        return self

    @property
    def is_running(self) -> bool:
        """Whether the copy has not ended yet."""
        return self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
