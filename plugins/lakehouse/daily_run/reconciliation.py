"""The conservation law, checked after each run: what the source had is in silver, in quarantine or a counted duplicate.

For every table and slice (a date, `undated`, or `all`), in rows and in the sums of the measures:

    source (bronze manifest) = bronze (as silver read it) = silver + quarantined + removed as duplicates
    gold = silver of its fact table

Another run may publish a newer index or silver at any moment. So each stage is held against what it says itself that
it read; that it was newer than what this run left is reported, and is no difference.

All arithmetic is exact: sums travel as decimal texts and are compared as decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal, Inexact
from typing import Any

from lake_model.contracts.silver_contract import OneBigTableContract
from lakehouse.daily_run.planning import TablePlan
from lakehouse.errors import ReconciliationError
from lakehouse.ledger import LedgerRow

MOST_SHOWN = 20
NO_SNAPSHOT = "no_snapshot"
SUPERSEDED = "superseded"
PUBLISHED = ("copied", "unchanged")
# Sums of DECIMAL(65,30) outgrow the 28 digits that Python rounds to by default.
EXACT = Context(prec=1000, traps=[Inexact])


@dataclass(frozen=True)
class Figures:
    """A number of rows and the sums of their measures."""

    rows: int = 0
    sums: Mapping[str, Decimal] = field(default_factory=dict)

    def __add__(self, other: Figures) -> Figures:
        names = [*self.sums, *(name for name in other.sums if name not in self.sums)]
        return Figures(self.rows + other.rows, {n: EXACT.add(self.sum_of(n), other.sum_of(n)) for n in names})

    def sum_of(self, measure: str) -> Decimal:
        """A measure's sum; nothing at all sums to 0."""
        return self.sums.get(measure, Decimal(0))

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON takes them, sums as exact texts."""
        return {"rows": self.rows, "sums": {name: format(value, "f") for name, value in self.sums.items()}}


@dataclass(frozen=True)
class Line:
    """The figures of one table and slice at every place that knows them, such as `source` or `quarantined`."""

    table: str
    slice: str
    places: Mapping[str, Figures]


@dataclass(frozen=True)
class Mismatch:
    """Two figures that should be equal and are not."""

    table: str
    slice: str
    what: str
    expected: Decimal
    found: Decimal

    def __str__(self) -> str:
        difference = format(EXACT.subtract(self.found, self.expected), "+f")
        return (
            f"{self.table} {self.slice}: {self.what}: expected {self.expected:f}, found {self.found:f} ({difference})"
        )


@dataclass(frozen=True)
class Reconciliation:
    """The outcome of comparing one run.

    Attributes:
        lines: what was compared, by table and slice.
        mismatches: figures that differ.
        missing: tables and stages that left no figures though they should have.
        not_compared: why a table was rightly left out of the comparison, by its name.
        overtaken: what another run published between this run's stages, by the table's name.
    """

    lines: tuple[Line, ...]
    mismatches: tuple[Mismatch, ...]
    missing: tuple[str, ...]
    not_compared: Mapping[str, str]
    overtaken: Mapping[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether everything agrees."""
        return not self.mismatches and not self.missing

    def totals(self) -> dict[str, Figures]:
        """The figures of all lines added up, by table and place: `{"transactions.source": …}`."""
        totals: dict[str, Figures] = {}
        for line in self.lines:
            for place, figures in line.places.items():
                name = f"{line.table}.{place}"
                totals[name] = totals.get(name, Figures()) + figures
        return totals

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON takes it: counts and totals, not every line."""
        return {
            "holds": self.holds,
            "compared": len(self.lines),
            "totals": {name: figures.as_dict() for name, figures in self.totals().items()},
            "mismatches": [str(mismatch) for mismatch in self.mismatches[:MOST_SHOWN]],
            "missing": list(self.missing),
            "not_compared": dict(self.not_compared),
            "overtaken": dict(self.overtaken),
        }

    def raise_if_broken(self) -> None:
        """Nothing where everything agrees.

        Raises:
            ReconciliationError: figures differ or are missing; the message lists the first of them.
        """
        if self.holds:
            return
        problems = [*self.missing, *(str(mismatch) for mismatch in self.mismatches)]
        shown = problems[:MOST_SHOWN]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        count = f"{len(problems)} figure{'s' if len(problems) > 1 else ''}"
        raise ReconciliationError(
            f"{count} of this run do not reconcile: clear the table's copy_to_bronze with all downstream tasks; if it "
            "stays, see docs/guides/operations.md#a-reconciliation-that-differs\n" + "\n".join(shown)
        )


def reconcile(
    plans: Sequence[TablePlan],
    manifests: Mapping[str, Mapping[str, Any] | None],
    rows: Iterable[LedgerRow],
    one_big_tables: Iterable[OneBigTableContract],
) -> Reconciliation:
    """Compares source, bronze, silver, quarantine and gold of one run.

    A table without a contract is compared between source and bronze alone, and not at all where its copy failed: that
    `report` fails the run for. One that has no landed snapshot for the business date was rightly left alone and is not
    compared.

    Args:
        plans: the tables that the run worked on.
        manifests: the bronze manifests of tables without a contract, as JSON gives them, by the table's name in MySQL.
        rows: the run's ledger.
        one_big_tables: the One Big Tables that the run refreshed.
    """
    by_stage = {(row.stage, row.table): row for row in rows}
    found = _Found()
    for plan in plans:
        copied = by_stage.get(("copy", plan.table))
        if copied is not None and copied.outcome == NO_SNAPSHOT:
            found.not_compared[plan.table] = "no snapshot was landed on this date, so there is nothing to compare"
        elif plan.contracted:
            found.compare_silver(plan, copied, by_stage.get(("silver", plan.lake_name or "")))
        else:
            found.compare_bronze(plan, copied, manifests.get(plan.table))
    for wide in one_big_tables:
        found.compare_gold(wide, by_stage.get(("gold", wide.name)), by_stage.get(("silver", wide.fact)))
    mismatches = tuple(mismatch for line in found.lines for mismatch in _mismatches(line))
    return Reconciliation(
        tuple(found.lines), mismatches, tuple(found.missing), found.not_compared, overtaken=found.overtaken
    )


@dataclass
class _Found:
    """What a reconciliation has gathered so far; see `Reconciliation`."""

    lines: list[Line] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    not_compared: dict[str, str] = field(default_factory=dict)
    overtaken: dict[str, str] = field(default_factory=dict)

    def compare_bronze(self, plan: TablePlan, copied: LedgerRow | None, manifest: Mapping[str, Any] | None) -> None:
        if copied is None or copied.status != "success":
            why = (copied and copied.error) or "its copy left no figures"
            self.not_compared[plan.table] = f"it was not copied ({why})"
        elif manifest is None:
            self.missing.append(f"{plan.table}: bronze has no manifest of this run")
        else:
            self.lines += _bronze_lines(plan, manifest)

    def compare_silver(self, plan: TablePlan, copied: LedgerRow | None, silver: LedgerRow | None) -> None:
        if silver is None or silver.status != "success":
            why = silver.status if silver else "it did not run"
            self.missing.append(f"{plan.table}: silver left no figures ({why})")
        elif silver.outcome == SUPERSEDED:
            self.not_compared[plan.table] = "a newer snapshot of it is in silver, which keeps no history of this table"
        elif "landed" not in silver.detail:
            self.missing.append(f"{plan.table}: silver does not say what it read: clear its silver with downstream")
        elif _reads_too_old(copied, silver):
            why = f"silver read {_publication(silver)}, which is older than this run's copy"
            self.missing.append(f"{plan.table}: {why}")
        else:
            if _is_anothers(copied, silver):
                self.overtaken[plan.table] = f"silver read {_publication(silver)}, which came after this run's copy"
            self.lines += _silver_lines(plan, silver)

    def compare_gold(self, wide: OneBigTableContract, gold: LedgerRow | None, silver: LedgerRow | None) -> None:
        if gold is None or gold.status != "success":
            self.missing.append(f"{wide.name}: gold left no figures ({gold.status if gold else 'it did not run'})")
            return
        lines = list(_gold_lines(wide, gold, silver))
        if silver is not None and _is_overtaken(silver, gold) and any(map(_lags, lines)):
            self.overtaken[wide.name] = (
                f"gold read {wide.fact} as another run left it after this run's silver; it is compared with "
                "what it read"
            )
            lines = [replace(line, places=_without_fact(line)) for line in lines]
        self.lines += lines


def _publication(silver: LedgerRow) -> str:
    landed = silver.detail["landed"]
    return f"what run {landed['run_id']} of business date {landed['business_date']} saw at {landed['copied_at']}"


def _is_anothers(copied: LedgerRow | None, silver: LedgerRow) -> bool:
    """Whether this run's copy published the table, and silver read what another run published."""
    return copied is not None and copied.outcome in PUBLISHED and silver.detail["landed"]["run_id"] != copied.run_id


def _reads_too_old(copied: LedgerRow | None, silver: LedgerRow) -> bool:
    """Whether silver has not seen what this run's copy changed; a copy that changed nothing leaves nothing to see."""
    if copied is None or copied.outcome != "copied":
        return False
    return datetime.fromisoformat(silver.detail["landed"]["copied_at"]) < datetime.fromisoformat(copied.started_at)


def _is_overtaken(silver: LedgerRow, gold: LedgerRow) -> bool:
    """Whether gold read a later commit of the fact than this run's silver measured."""
    left, read = silver.detail.get("silver") or {}, gold.detail.get("silver") or {}
    return bool(left and read) and (left["id"] != read["id"] or left["version"] < read["version"])


def _lags(line: Line) -> bool:
    places = line.places
    return "fact" in places and any(True for _ in _differences(line, "", places["fact"], places["silver"]))


def _without_fact(line: Line) -> dict[str, Figures]:
    return {place: figures for place, figures in line.places.items() if place != "fact"}


def _bronze_lines(plan: TablePlan, manifest: Mapping[str, Any]) -> Iterator[Line]:
    for entry in manifest["slices"]:
        # Without a date column a file belongs to the one slice as a whole, so what was written can be counted.
        stored = sum(manifest["files"][file]["rows"] for file in entry["files"])
        yield Line(plan.table, entry["slice"], {"source": Figures(entry["rows"]), "bronze": Figures(stored)})


def _silver_lines(plan: TablePlan, silver: LedgerRow) -> Iterator[Line]:
    source = {entry["slice"]: entry for entry in silver.detail["landed"]["slices"]}
    processed = {entry["slice"]: entry for entry in silver.detail.get("dates", ())}
    for name in sorted({*source, *processed}):
        landed, judged = source.get(name, {}), processed.get(name, {})
        sums = judged.get("sums") or {}
        places = {
            "source": Figures(
                int(landed.get("rows", 0)), {m: _decimal((landed.get("sums") or {}).get(m)) for m in plan.measures}
            )
        }
        for place in ("bronze", "silver", "quarantined", "duplicate"):
            measured = {m: _decimal((sums.get(m) or {}).get(place)) for m in plan.measures}
            places[place] = Figures(int(judged.get(f"rows_{place}") or 0), measured)
        yield Line(plan.table, name, places)


def _gold_lines(wide: OneBigTableContract, gold: LedgerRow, silver: LedgerRow | None) -> Iterator[Line]:
    refreshed = {entry["slice"]: entry for entry in gold.detail.get("dates", ())}
    of_fact = {entry["slice"]: entry for entry in silver.detail.get("dates", ())} if silver else {}
    for name in sorted({*refreshed, *of_fact}):
        entry = refreshed.get(name, {})
        sums = entry.get("sums") or {}
        places = {
            place: Figures(
                int(entry.get(f"rows_{place}") or 0),
                {m: _decimal((sums.get(m) or {}).get(place)) for m in wide.measures},
            )
            for place in ("silver", "gold")
        }
        if silver is not None:
            fact = of_fact.get(name, {})
            fact_sums = {m: _decimal(s.get("silver")) for m, s in (fact.get("sums") or {}).items()}
            shared = {m: fact_sums.get(m, Decimal(0)) for m in wide.measures if m in _measures_of(silver)}
            places["fact"] = Figures(int(fact.get("rows_silver") or 0), shared)
        yield Line(wide.name, name, places)


def _measures_of(silver: LedgerRow) -> set[str]:
    return {measure for entry in silver.detail.get("dates", ()) for measure in entry.get("sums") or {}}


def _decimal(text: object) -> Decimal:
    return Decimal(str(text)) if text not in {None, ""} else Decimal(0)


def _mismatches(line: Line) -> Iterator[Mismatch]:
    places = line.places
    if "gold" in places:
        if "fact" in places:
            yield from _differences(line, "silver as gold read it = silver", places["fact"], places["silver"])
        yield from _differences(line, "gold = silver", places["silver"], places["gold"])
        return
    yield from _differences(line, "bronze = source", places["source"], places["bronze"])
    if "silver" in places:
        kept = places["silver"] + places["quarantined"] + places["duplicate"]
        yield from _differences(line, "silver + quarantined + duplicates = bronze", places["bronze"], kept)


def _differences(line: Line, law: str, expected: Figures, found: Figures) -> Iterator[Mismatch]:
    if expected.rows != found.rows:
        yield Mismatch(line.table, line.slice, f"rows, {law}", Decimal(expected.rows), Decimal(found.rows))
    for measure in expected.sums:
        if expected.sum_of(measure) != found.sum_of(measure):
            what = f"sum of {measure}, {law}"
            yield Mismatch(line.table, line.slice, what, expected.sum_of(measure), found.sum_of(measure))
