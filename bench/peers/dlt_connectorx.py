"""dlt with its connectorx backend."""

from __future__ import annotations

from typing import Any

from bench.peers import dlt_pipeline
from bench.peers.way import Source


class Copy(dlt_pipeline.Copy):
    """The same pipeline; the rows come from connectorx, streamed."""

    packages = ("dlt", "sqlalchemy", "connectorx", "pyarrow")
    backend = "connectorx"

    def backend_options_of(self, source: Source) -> dict[str, Any]:
        """connectorx knows no `mysql+mysqldb`, so it is told the address in its own form."""
        return {"conn": source.uri(), "return_type": "arrow_stream"}
