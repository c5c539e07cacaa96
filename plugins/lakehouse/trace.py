"""Where the rows of a date of a One Big Table come from: its silver, its bronze files, the runs, and the source.

A date of a fact is one slice everywhere: silver rewrites it whole, bronze's index names its files, and the manifest of
the run that copied it says what was asked of which server, and where its binary log stood.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake_model.bronze_manifest import Latest, Manifest, Slice
from lake_model.contracts.contract_files import FILE_ENDING, ContractFile, read_contract_file
from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from lake_model.lake_layout import LATEST_NAME, bronze_root, manifest_name, table_folder
from lakehouse.errors import StorageError
from lakehouse.lake.lake_path import read
from lakehouse.lake.tables import DeltaState, Lake, Tables

_COMMITS = 500
"""How many commits of silver are looked through for the one that wrote a date."""


@dataclass(frozen=True)
class Fact:
    """Something that is known of a step.

    Attributes:
        is_open: it holds no figure, column or value, so every reader of the table may see it.
    """

    name: str
    text: str
    is_open: bool = True


@dataclass(frozen=True)
class Step:
    """One of the places that rows passed: gold, silver, bronze, source."""

    layer: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Trace:
    """The way of a date's rows, from the table that people look at back to the source.

    Attributes:
        notes: what does not fit together, or cannot be known any more.
    """

    table: str
    day: dt.date
    steps: tuple[Step, ...]
    notes: tuple[str, ...]

    def open_part(self) -> Trace:
        """What a reader who does not see everything may see."""
        steps = [Step(step.layer, tuple(fact for fact in step.facts if fact.is_open)) for step in self.steps]
        return Trace(self.table, self.day, tuple(steps), self.notes)


def trace_date(lake: Lake, contracts: Path, table: str, day: dt.date) -> Trace:
    """The way of the rows of a One Big Table's date.

    Args:
        lake: where its tables and copies are.
        contracts: the folder of the schema's contracts.
        table: the One Big Table.
        day: the date of the fact's rows.

    Raises:
        ContractError: there is no such table, or its contract is wrong.
        StorageError: the lake cannot be read, or has no such table yet.
    """
    wide = read_one_big_table_contract(contracts, table)
    fact = read_silver_contract(contracts, wide.fact)
    gold = lake.tables("gold", table)
    if gold is None:
        raise StorageError(f"there is no gold table {table} in the lake yet: run the DAG {wide.schema}_daily once")
    notes: list[str] = []
    slice_name = day.isoformat()
    steps = [_gold_step(gold, wide, day)]
    progress = _progress(lake.tables, fact.name, slice_name)
    silver = lake.tables("silver", fact.name)
    if progress is None or silver is None:
        notes.append(f"silver has no rows of {day}, or does not say any more how they came")
    else:
        steps.append(_silver_step(silver, contracts, fact, slice_name, progress))
    steps += _bronze_steps(lake.root, fact, slice_name, progress, notes)
    return Trace(f"{wide.schema}.{table}", day, tuple(steps), tuple(notes))


def _gold_step(gold: DeltaState, wide: OneBigTableContract, day: dt.date) -> Step:
    reflected = next((found for one in gold.commits(_COMMITS) if (found := _noted(one, "lakehouse_gold"))), {})
    silver: Mapping[str, Any] = reflected.get("silver") or {}
    facts = [
        Fact("table", f"gold.{wide.name}"),
        Fact("rows of", day.isoformat()),
        Fact("version", f"{gold.version} of {_instant(gold.committed_at)}"),
    ]
    facts += [
        Fact(f"made of silver.{name}", f"version {one.get('version')}", is_open=name == wide.fact)
        for name, one in sorted(silver.items())
        if isinstance(one, dict)
    ]
    return Step("gold", tuple(facts))


def _silver_step(
    silver: DeltaState, contracts: Path, fact: SilverContract, slice_name: str, progress: Mapping[str, Any]
) -> Step:
    commits = silver.commits(_COMMITS)
    wrote = next((one for one in commits if slice_name in (_noted(one, "lakehouse_silver").get("slices") or ())), None)
    # What was waived stands behind the contract's own digest.
    digest, _, waived = progress["contract_hash"].partition("+waivers:")
    is_todays = digest == fact.content_hash
    version = _contract_version(contracts / f"{fact.name}{FILE_ENDING}")
    written = "before the commits that the table still lists"
    if wrote:
        written = f"{wrote['version']} of {_instant(dt.datetime.fromtimestamp(wrote['timestamp'] / 1000, dt.UTC))}"
    facts = [
        Fact("table", f"silver.{fact.name}"),
        Fact("written by version", written),
        Fact("run", f"{progress['run_id']} of business date {progress['business_date']}"),
        Fact("contract", f"{fact.file}, version {version}" if is_todays else f"an earlier {fact.file}"),
        Fact("contract's digest", f"{digest}, with waivers" if waived else digest),
        Fact("rows taken from bronze", f"{progress['rows_bronze']}", is_open=False),
        Fact("of them removed as duplicates", f"{progress['rows_duplicate']}", is_open=False),
    ]
    return Step("silver", tuple(facts))


def _bronze_steps(
    lake: Any, fact: SilverContract, slice_name: str, progress: Mapping[str, Any] | None, notes: list[str]
) -> list[Step]:
    folder = table_folder(bronze_root(lake), fact.schema, fact.source_table)
    pointer = read(folder / LATEST_NAME)
    latest = Latest.from_json(pointer, folder / LATEST_NAME) if pointer else None
    index = _manifest(folder, latest.manifest) if latest else None
    found = _slice(index, slice_name)
    if index is None or found is None:
        notes.append(f"bronze's index names no rows of {slice_name}: the source has them no more, or its copy is gone")
        return []
    copied = _manifest(folder, manifest_name(dt.date.fromisoformat(found.copied_business_date)))
    # Another run of that business date may have replaced what the first one said.
    if copied is None or (_slice(copied, slice_name) or found).fingerprint != found.fingerprint:
        notes.append("what the run that copied the rows said of the source was replaced; the newest manifest is shown")
        copied = index
    if progress is not None and progress["fingerprint"] != found.fingerprint:
        notes.append("bronze has newer rows of this date than silver: the next run takes them over")
    bronze = [
        Fact("folder", str(folder)),
        Fact("index", latest.manifest if latest else ""),
        *(Fact("file", name) for name in found.files),
        *(
            Fact("of the file", f"{index.files[name].rows:,} rows, SHA-256 {index.files[name].sha256}", is_open=False)
            for name in found.files
        ),
        Fact("fingerprint", found.fingerprint, is_open=False),
        Fact("rows", f"{found.rows}", is_open=False),
        *(Fact(f"sum of {name}", total, is_open=False) for name, total in found.sums.items()),
        Fact("run", f"{copied.run_id} of business date {found.copied_business_date}"),
        Fact("copied at", copied.copied_at),
    ]
    server = copied.server
    place = f"{server.binlog_file}:{server.binlog_position}" if server.binlog_file else "not shown to the account"
    source = [
        Fact("table", f"{copied.schema}.{copied.table}"),
        Fact("server", server.version),
        Fact("position in its binary log", place),
        *([Fact("GTID", server.gtid)] if server.gtid else []),
        Fact("query", copied.query, is_open=False),
    ]
    return [Step("bronze", tuple(bronze)), Step("source", tuple(source))]


def _manifest(folder: Any, name: str) -> Manifest | None:
    content = read(folder / name)
    return Manifest.from_json(content, folder / name) if content else None


def _slice(manifest: Manifest | None, name: str) -> Slice | None:
    return next((one for one in manifest.slices if one.slice == name), None) if manifest else None


def _progress(tables: Tables, fact: str, slice_name: str) -> Mapping[str, Any] | None:
    """What silver noted of a slice last; None where it has none."""
    state = tables("silver", f"{fact}_progress")
    if state is None:
        return None
    # The name is a date of ours: no text of others gets into the query.
    sql = (
        "SELECT fingerprint, contract_hash, business_date, run_id, rows_bronze, rows_duplicate FROM stored "
        f"WHERE slice = '{slice_name}' ORDER BY sequence DESC LIMIT 1"
    )
    rows: Iterable[dict[str, Any]] = state.batches(sql).read_all().to_pylist()
    return next((row for row in rows if row["fingerprint"] is not None), None)


def _noted(commit: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What a job noted in a commit."""
    try:
        found = json.loads(commit.get("userMetadata") or "{}").get(key)
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _contract_version(path: Path) -> str:
    file = read_contract_file(path, strict=False)
    return str(file.contract.version) if isinstance(file, ContractFile) else "unknown"


def _instant(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
