"""How quickly the KPI page answers: whole views of a One Big Table, with filters chosen at random.

A view is all that the page shows at once: every card in three periods, the trend of both, all leaderboards, and the
share of unknown keys. `view_cpu_ms` is what a view takes of all cores together, which a busy machine leaves as it is.
The same views are asked of a plain DuckDB table (texts, decimals), of a star schema in DuckDB, and of the Delta table.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpi.answers import view_answer
from kpi.figures import Figures
from kpi.questions import question_of
from kpi.read_model import DATE, ROWS, About, Limits, ReadModel, enum_type, quoted
from kpi.read_model_files import open_or_make
from kpi.seen import Seen
from kpi.sight import Sight
from lakehouse.lake.delta_table import FolderTable, delta_state

from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts
from lake_model.contracts.table_access import WHOLE

if TYPE_CHECKING:
    import duckdb

_PROJECT = Path(__file__).resolve().parents[1]
_LAST_DATE = dt.date(2026, 6, 30)
_DAYS = 1000
_READERS = 20
_RANGES = ("last_month", "month_to_date", "last_quarter", "last_12_months", "year_to_date", "last_30_days")
# As many values as a company of this kind has: 360 products, 38 customers, 19 markets; some rows name unknown products.
_ROWS_SQL = """
SELECT DATE '{last}' - CAST(hash(i) % {days} AS INTEGER) AS order_date,
  'Division ' || (p % 5) AS division, 'Segment ' || (p % 9) AS segment, 'Category ' || (p % 13) AS category,
  IF(p < 230, 'Product ' || p, 'Unknown') AS product_name, 'Zone ' || (m % 4) AS zone, 'Market ' || m AS market_name,
  'Customer ' || (hash(i, 3) % 38) AS customer_name, IF(hash(i, 4) % 2 = 0, 'Shops', 'Online') AS customer_type,
  CAST(1 + hash(i, 5) % 9 AS BIGINT) AS sales_qty,
  CAST((100 + hash(i, 6) % 5000000) / 100 AS DECIMAL(18, 2)) AS revenue_inr
FROM (SELECT i, hash(i, 1) % 360 AS p, hash(i, 2) % 19 AS m FROM range({rows}) numbers(i))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints a line of JSON last."""
    parser = argparse.ArgumentParser(prog="python -m bench kpi", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table (default 10,000,000)")
    parser.add_argument("--views", type=int, default=100, help="views that are asked (default 100)")
    parser.add_argument("--no-peers", action="store_true", help="ask the read model alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="lakehouse-kpi-bench-") as folder:
        print(json.dumps(_measured(Path(folder), options.rows, options.views, not options.no_peers)))
    return 0


def _measured(folder: Path, rows: int, views: int, with_peers: bool) -> dict[str, Any]:
    contract = read_kpi_contracts(_PROJECT / "contracts")[0]
    _say(f"writing a Delta table of {rows:,} rows")
    _write_gold(folder / "gold", rows)
    state = delta_state(folder / "gold")
    assert state
    _say("making the read model")
    started = time.perf_counter()
    made = open_or_make(folder / "models", contract, state, Limits())
    making = time.perf_counter() - started
    made.close()
    started = time.perf_counter()
    model = open_or_make(folder / "models", contract, state, Limits())
    asked = _questions(views)
    _view(contract, model, asked[0])
    first = time.perf_counter() - started
    _say(f"asking {views} views of the read model")
    used = time.process_time()
    times, about = _times(contract, model, asked), model.about
    used = time.process_time() - used
    errors = _errors_of_many_readers(contract, model, asked)
    size = model.path.stat().st_size
    model.close()
    peers = {}
    if with_peers:
        for name, peer in _PEERS.items():
            _say(f"asking {name}")
            other = peer(folder, contract, state, about)
            found = _times(contract, other, asked[: max(10, views // 10)])
            other.close()
            peers[name] = {"view_p50_ms": _percentile(found, 50), "view_p95_ms": _percentile(found, 95)}
    return {
        "rows": rows,
        "view_p50_ms": _percentile(times, 50),
        "view_p95_ms": _percentile(times, 95),
        "view_cpu_ms": round(used / views * 1000),
        "first_view_ms": round(first * 1000),
        "errors": errors,
        "making_s": round(making, 1),
        "model_mb": round(size / 1e6),
        "peers": peers,
    }


def _write_gold(folder: Path, rows: int) -> None:
    import duckdb
    from deltalake import write_deltalake

    with duckdb.connect(config={"threads": 2}) as session:
        answer = session.sql(_ROWS_SQL.format(last=_LAST_DATE, days=_DAYS, rows=rows))
        write_deltalake(folder, answer.to_arrow_reader(1_000_000))


def _questions(count: int) -> list[list[tuple[str, str]]]:
    chance = random.Random(1)
    choices = {
        "f.category": [f"Category {number}" for number in range(13)],
        "f.zone": [f"Zone {number}" for number in range(4)],
        "f.market_name": [f"Market {number}" for number in range(19)],
        "f.customer_type": ["Shops", "Online"],
    }
    asked = []
    for _ in range(count):
        question = [
            ("range", chance.choice(_RANGES)),
            ("measure", chance.choice(("revenue", "sales", "average_price"))),
        ]
        for level in chance.sample(sorted(choices), chance.randrange(4)):
            question += [(level, value) for value in chance.sample(choices[level], chance.randint(1, 2))]
        asked.append(question)
    return asked


def _view(contract: KpiContract, model: ReadModel, asked: list[tuple[str, str]]) -> str:
    question = question_of(contract, asked, *model.about.span)
    seen = Seen(contract, Sight(model, contract, WHOLE), None, None, WHOLE, contract.levels)
    return json.dumps(view_answer(seen, Figures(seen.sight, question), question))


def _times(contract: KpiContract, model: ReadModel, asked: list[list[tuple[str, str]]]) -> list[float]:
    found = []
    for question in asked:
        started = time.perf_counter()
        _view(contract, model, question)
        found.append(time.perf_counter() - started)
    return found


def _errors_of_many_readers(contract: KpiContract, model: ReadModel, asked: list[list[tuple[str, str]]]) -> int:
    errors: list[Exception] = []

    def read(number: int) -> None:
        try:
            for question in asked[number :: len(asked) // 3]:
                _view(contract, model, question)
        except Exception as error:  # Counted, whatever it is.
            errors.append(error)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(_READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return len(errors)


def _plain_table(folder: Path, contract: KpiContract, state: FolderTable, about: About) -> ReadModel:
    """The rows as DuckDB takes them by itself: texts as texts, amounts as decimals."""
    return _other(contract, state, about, "TABLE", folder / "plain.duckdb")


def _delta_directly(folder: Path, contract: KpiContract, state: FolderTable, about: About) -> ReadModel:
    """The Delta table itself, read by each question."""
    return _other(contract, state, about, "VIEW", folder / "view.duckdb")


def _star_schema(folder: Path, contract: KpiContract, state: FolderTable, about: About) -> ReadModel:
    """A fact with a key for each hierarchy, and a dimension of its levels, joined by each question."""
    session = _session(folder / "star.duckdb", contract, state)
    fact, wide = ["stored.* EXCLUDE (" + ", ".join(quoted(one.column) for one in contract.levels) + ")"], ["fact.*"]
    joins, joined = "", ""
    for hierarchy in contract.hierarchies:
        name, levels = f"dim_{hierarchy.name}", ", ".join(quoted(level.column) for level in hierarchy.levels)
        session.execute(
            f"CREATE TABLE {name} AS SELECT row_number() OVER () AS {name}_key, * "
            f"FROM (SELECT DISTINCT {levels} FROM stored)"
        )
        fact.append(f"{name}_key")
        wide.append(f"{name}.* EXCLUDE ({name}_key)")
        joins += f" JOIN {name} USING ({levels})"
        joined += f" JOIN {name} USING ({name}_key)"
    day = f"{quoted(contract.date_column)} AS {DATE}"
    session.execute(f"CREATE TABLE fact AS SELECT {', '.join(fact)}, {day} FROM stored{joins} ORDER BY {DATE}")
    session.execute(f"CREATE VIEW {ROWS} AS SELECT {', '.join(wide)} FROM fact{joined}")
    return _as_peer(session, about)


_PEERS = {"duckdb_table": _plain_table, "star_schema": _star_schema, "deltalake": _delta_directly}


def _other(contract: KpiContract, state: FolderTable, about: About, kind: str, path: Path) -> ReadModel:
    session = _session(path, contract, state)
    made = "TABLE" if kind == "TABLE" else "TEMP VIEW"
    session.execute(f"CREATE {made} {ROWS} AS SELECT *, {quoted(contract.date_column)} AS {DATE} FROM stored")
    return _as_peer(session, about)


def _session(path: Path, contract: KpiContract, state: FolderTable) -> duckdb.DuckDBPyConnection:
    import duckdb

    session = duckdb.connect(str(path), config={"threads": 2, "memory_limit": "2GB"})
    for level in contract.levels:
        session.execute(f"CREATE TYPE {enum_type(level.column)} AS VARCHAR")
    session.register("stored", state.table.to_pyarrow_dataset())
    return session


def _as_peer(session: duckdb.DuckDBPyConnection, about: About) -> ReadModel:
    return _OneSession(session, dataclasses.replace(about, scales={}, combinations=[]))


class _OneSession(ReadModel):
    """Asks on the session itself, one question after the other: what is registered there, no other cursor sees."""

    def __init__(self, session: duckdb.DuckDBPyConnection, about: About) -> None:
        super().__init__(Path(), session, about)
        self._alone = threading.Lock()

    def ask(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with self._alone:
            return list(self._session.execute(sql, parameters or []).fetchall())


def _percentile(times: list[float], percent: int) -> int:
    return round(statistics.quantiles(times, n=100, method="inclusive")[percent - 1] * 1000)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
