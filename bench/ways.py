"""The ways that are compared, and how each one's process is started."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import tools
from bench.peers.way import Source
from bench.worker_process import PROJECT, WorkerProcess

WIRE = "wire"
OURS = "ours"


@dataclass(frozen=True)
class WaySpec:
    """A way: its name in `--peers` and in the JSON, what the tables call it, and where it runs.

    `environment` is `project`, `peers` or `native`; `needs` names tools besides; `many` says that it is timed with
    many small tables too.
    """

    name: str
    label: str
    environment: str = "peers"
    needs: Sequence[str] = ()
    many: bool = False

    @property
    def writes(self) -> bool:
        """Whether it leaves Parquet behind."""
        return self.name != WIRE


WAYS: tuple[WaySpec, ...] = (
    WaySpec(WIRE, "bare wire: a C client drains the SELECT", "native", many=True),
    WaySpec(OURS, "ours: snapshot, fingerprint, copy, verification, manifest", "project", many=True),
    WaySpec("ours_stream", "ours, reading and decoding alone", "project"),
    WaySpec("connectorx_stream", "connectorx `arrow_stream`", many=True),
    WaySpec("polars_frame", "polars over connectorx, whole frame"),
    WaySpec("odbc_batches", "arrow-odbc over MariaDB's ODBC driver", needs=["odbc_driver"]),
    WaySpec("duckdb_extension", "DuckDB's MySQL extension", many=True),
    WaySpec("chdb_function", "chdb (ClickHouse), `mysql()` table function"),
    WaySpec("dlt_connectorx", "dlt `sql_database`, connectorx backend"),
    WaySpec("dlt_pipeline", "dlt `sql_database`, pyarrow backend", many=True),
    WaySpec("spark_jdbc", "Spark JDBC, MariaDB's driver", "project", needs=["jdbc_jar"]),
    WaySpec("mysqlclient_rows", "mysqlclient `fetchmany` and pyarrow"),
    WaySpec("airflow_hook", "Airflow's MySQL hook, pandas", "project", many=True),
)
NOT_TO_BE_HAD: Mapping[str, str] = {
    "ADBC's MySQL driver": "in no package registry of Python",
}


@dataclass(frozen=True)
class Toolbox:
    """Where the tools are that were found, and why those which were not are missing."""

    paths: Mapping[str, Path] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def why_unavailable(self, way: WaySpec) -> str | None:
        """Why a way cannot run here; None if it can."""
        return next((self.missing[name] for name in needed_tools(way) if name in self.missing), None)


def chosen_ways(names: Sequence[str] | None) -> list[WaySpec]:
    """The ways of these names, in the benchmark's order; all of them where none is named.

    Raises:
        ValueError: there is no such way.
    """
    known = {way.name: way for way in WAYS}
    unknown = sorted(set(names or ()) - known.keys())
    if unknown:
        raise ValueError(f"there is no way {', '.join(unknown)}: choose from {', '.join(known)}")
    return [way for way in WAYS if names is None or way.name in names]


def needed_tools(way: WaySpec) -> tuple[str, ...]:
    """The tools without which a way cannot run."""
    own = {"native": ("wire_program",), "peers": ("peers_python",), "project": ()}[way.environment]
    return (*own, *way.needs)


def find_tools(ways: Sequence[WaySpec], cache: Path) -> Toolbox:
    """Find or make what the ways need."""
    makers: Mapping[str, Callable[[Path], Path]] = {
        "wire_program": tools.wire_program,
        "peers_python": tools.peers_python,
        "odbc_driver": tools.odbc_driver,
        "jdbc_jar": tools.jdbc_jar,
    }
    paths: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name in dict.fromkeys(tool for way in ways for tool in needed_tools(way)):
        try:
            paths[name] = makers[name](cache)
        except tools.ToolMissingError as error:
            missing[name] = str(error)
    return Toolbox(paths, missing)


def start(way: WaySpec, source: Source, toolbox: Toolbox, server_pid: int, scratch: Path) -> WorkerProcess:
    """The process of a way, yet to be entered; what it keeps for itself goes into the folder `scratch`."""
    if way.environment == "native":
        command = [str(toolbox.paths["wire_program"]), source.host, str(source.port), source.user, source.schema]
        return WorkerProcess(command, {"MYSQL_PWD": source.password}, server_pid, greeting=None)
    python = sys.executable if way.environment == "project" else str(toolbox.paths["peers_python"])
    environment = {
        "PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}",
        "TMPDIR": str(scratch),
        "AIRFLOW_HOME": str(scratch / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    if "odbc_driver" in way.needs:
        environment["LD_LIBRARY_PATH"] = tools.odbc_libraries(tools.cache_folder())
    greeting = {**asdict(source), "tools": {name: str(toolbox.paths[name]) for name in way.needs}}
    return WorkerProcess([python, "-m", "bench.worker", f"bench.peers.{way.name}"], environment, server_pid, greeting)


def request(way: WaySpec, tables: Sequence[str], folder: Path, **more: Any) -> str:
    """The line that has a way's process copy tables into a folder."""
    if way.environment == "native":
        return " ".join(tables)
    return json.dumps({"tables": list(tables), "folder": str(folder), **more})
