"""Where the values of each column come from, MySQL to measure, as the contracts say it.

Every column of silver and gold is made by a contract, so the contracts alone show it: no run need be watched. Rules
that keep a row out of silver make no value, and are no steps here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from lake_model.contracts.contract_files import FILE_ENDING
from lake_model.contracts.kpi_contract import Aggregate, KpiContract, Measure
from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract, TableKind, WideColumn
from lake_model.contracts.sql_expressions import columns_of
from lake_model.contracts.table_contracts import (
    gold_tables,
    read_one_big_table_contract,
    read_silver_contract,
    silver_tables,
)
from lake_model.errors import ContractError


class Layer(StrEnum):
    """Where a column stands; a measure of a One Big Table stands in `KPI`."""

    MYSQL = "mysql"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    KPI = "kpi"


class StepKind(StrEnum):
    """What becomes of a column's values: the first three make the next column's, the others decide which those are.

    COPIED: they are taken as they are, perhaps in another type. COMPUTED: an expression makes others of them.
    AGGREGATED: they are summed up, or counted. JOINED: they are looked up to find the row of a dimension. VERSIONED:
    their changes decide when the versions of a dimension begin and end.
    """

    COPIED = "copied"
    COMPUTED = "computed"
    AGGREGATED = "aggregated"
    JOINED = "joined"
    VERSIONED = "versioned"

    @property
    def makes_values(self) -> bool:
        """Whether the values themselves go on, and not only what they decide."""
        return self not in {StepKind.JOINED, StepKind.VERSIONED}


@dataclass(frozen=True, order=True)
class ColumnPlace:
    """A column; `table` is written `schema.table` in MySQL and bronze, as the lake names it after them."""

    layer: Layer
    table: str
    column: str

    @property
    def dataset(self) -> str:
        """Its table, such as `gold.sales_obt` or `mysql.atliqsale.transactions`."""
        return f"{self.layer}.{self.table}"

    @property
    def label(self) -> str:
        """Its name among all columns, such as `gold.sales_obt.revenue_inr`."""
        return f"{self.dataset}.{self.column}"


@dataclass(frozen=True)
class LineageStep:
    """One column's part in another.

    Attributes:
        origin: the column that is read.
        result: the column that is made.
        kind: what becomes of its values.
        how: the expression or the condition, in the contract's words; empty for one that is copied.
    """

    origin: ColumnPlace
    result: ColumnPlace
    kind: StepKind
    how: str = ""


@dataclass(frozen=True)
class Lineage:
    """All steps, in the order of the contracts.

    Attributes:
        made: the columns that contracts make, also those that no column has a part in, such as a count of rows.
    """

    steps: tuple[LineageStep, ...]
    made: tuple[ColumnPlace, ...] = ()

    @cached_property
    def columns(self) -> Mapping[str, ColumnPlace]:
        """All columns by their labels, of each table in the contract's order."""
        in_steps = (place for step in self.steps for place in (step.origin, step.result))
        return {place.label: place for place in (*self.made, *in_steps)}

    @cached_property
    def _into(self) -> Mapping[ColumnPlace, Sequence[LineageStep]]:
        return _grouped(self.steps, lambda step: step.result)

    @cached_property
    def _out_of(self) -> Mapping[ColumnPlace, Sequence[LineageStep]]:
        return _grouped(self.steps, lambda step: step.origin)

    def into(self, place: ColumnPlace) -> Sequence[LineageStep]:
        """The steps that a column is made by."""
        return self._into.get(place, ())

    def out_of(self, place: ColumnPlace) -> Sequence[LineageStep]:
        """The steps that read a column."""
        return self._out_of.get(place, ())

    def comes_from(self, place: ColumnPlace) -> tuple[LineageStep, ...]:
        """Every step on the way to a column, its own first."""
        return _walk(place, self.into, lambda step: step.origin)

    def rests_on(self, place: ColumnPlace) -> tuple[LineageStep, ...]:
        """Every step that a column takes part in, those that read it first."""
        return _walk(place, self.out_of, lambda step: step.result)

    def values_from(self, place: ColumnPlace, layer: Layer) -> tuple[ColumnPlace, ...]:
        """The columns of a layer whose values come to a column, in order of their names."""
        steps = _walk(place, lambda at: _making(self.into(at)), lambda step: step.origin)
        return tuple(sorted({step.origin for step in steps if step.origin.layer is layer}))

    def values_in(self, place: ColumnPlace, layer: Layer) -> tuple[ColumnPlace, ...]:
        """The columns of a layer that a column's values come to, in order of their names."""
        steps = _walk(place, lambda at: _making(self.out_of(at)), lambda step: step.result)
        return tuple(sorted({step.result for step in steps if step.result.layer is layer}))

    def found(self, name: str) -> tuple[ColumnPlace, ...]:
        """The columns of a name: a column's label gives one, a table's all of its columns; `mysql.` may be left out.

        Raises:
            ContractError: there is none; the message lists what there is.
        """
        for wanted in (name, f"{Layer.MYSQL}.{name}"):
            found = [place for label, place in self.columns.items() if wanted in {label, place.dataset}]
            if found:
                return tuple(found)
        tables = dict.fromkeys(place.dataset for place in self.columns.values())
        table = max((one for one in tables if name.startswith(f"{one}.")), key=len, default=None)
        if table is None:
            same_layer = [one for one in tables if one.startswith(f"{name.partition('.')[0]}.")]
            known = ", ".join(same_layer or tables) or "none"
            raise ContractError(f"no contract has a table or column {name}; there are the tables {known}")
        known = ", ".join(place.column for place in self.columns.values() if place.dataset == table)
        raise ContractError(f"{table} has no column {name.removeprefix(f'{table}.')}; it has {known}")


def read_lineage(folders: Iterable[Path]) -> Lineage:
    """The lineage of all tables of some schemas' folders of contracts.

    Raises:
        ContractError: a contract is wrong; the message lists every problem of its table.
    """
    steps: list[LineageStep] = []
    made: list[ColumnPlace] = []
    for folder in folders:
        silver = {name: read_silver_contract(folder, name) for name in silver_tables(folder)}
        wide = [read_one_big_table_contract(folder, name) for name in gold_tables(folder)]
        steps += (step for one in silver.values() for step in (*bronze_steps(one), *silver_steps(one)))
        steps += (step for one in wide for step in (*gold_steps(one, silver), *kpi_steps(one)))
        made += (ColumnPlace(Layer.SILVER, one.name, name) for one in silver.values() for name in one.column_names)
        made += (ColumnPlace(Layer.GOLD, one.name, column.name) for one in wide for column in one.columns)
        made += (ColumnPlace(Layer.KPI, one.name, kpi.name) for one in wide if one.kpis for kpi in one.kpis.measures)
    return Lineage(tuple(dict.fromkeys(steps)), tuple(made))


def bronze_steps(contract: SilverContract) -> Iterator[LineageStep]:
    """Each column that a contract takes from MySQL, or computes with, on its way to bronze."""
    table = f"{contract.schema}.{contract.source_table}"
    for name in _source_columns(contract).values():
        yield LineageStep(
            ColumnPlace(Layer.MYSQL, table, name), ColumnPlace(Layer.BRONZE, table, name), StepKind.COPIED
        )


def silver_steps(contract: SilverContract) -> Iterator[LineageStep]:
    """The columns of a table of silver, with those that silver itself adds, and of its quarantine."""
    landed, sources = f"{contract.schema}.{contract.source_table}", _source_columns(contract)
    for column in contract.columns:
        result = ColumnPlace(Layer.SILVER, contract.name, column.name)
        used = [sources[reference.column.casefold()] for reference in columns_of(column.expression)]
        for name in dict.fromkeys(used):
            yield _step(ColumnPlace(Layer.BRONZE, landed, name), result, column.expression)
    if contract.kind is TableKind.DIMENSION:
        yield from _version_steps(contract)
    for name in sources.values():
        origin, result = (
            ColumnPlace(Layer.BRONZE, landed, name),
            ColumnPlace(Layer.SILVER, f"{contract.name}_quarantine", "raw_row"),
        )
        yield LineageStep(origin, result, StepKind.COMPUTED, "a refused row as JSON, confidential values masked")


def _version_steps(contract: SilverContract) -> Iterator[LineageStep]:
    """Surrogate key and validity of a dimension's rows."""

    def place(name: str) -> ColumnPlace:
        return ColumnPlace(Layer.SILVER, contract.name, name)

    parts = [*contract.key, *(["valid_from"] if contract.scd_type == 2 else [])]
    for name in parts:
        how = f"SHA-256 of {', '.join(parts)}"
        yield LineageStep(place(name), place(contract.key_column), StepKind.COMPUTED, how)
    if contract.scd_type != 2:
        return
    for made in ("valid_from", "valid_to", "is_current"):
        for name in (*contract.key, *contract.tracked):
            how = f"a version lasts while {', '.join(contract.tracked)} stay as they are"
            yield LineageStep(place(name), place(made), StepKind.VERSIONED, how)


def gold_steps(contract: OneBigTableContract, silver: Mapping[str, SilverContract]) -> Iterator[LineageStep]:
    """The columns of a One Big Table; those of a dimension rest on the columns too that find its row.

    Args:
        silver: the contracts of its fact and dimensions, by name.

    Raises:
        ContractError: one of them is not there.
    """
    joins = {join.dimension: join for join in contract.joins}
    if missing := [name for name in (contract.fact, *joins) if name not in silver]:
        cure = f"write {missing[0]}{FILE_ENDING}, or take it out"
        raise ContractError(f"{contract.file}: it is made of {', '.join(missing)}, which has no contract: {cure}")
    for column in contract.columns:
        result = ColumnPlace(Layer.GOLD, contract.name, column.name)
        references = columns_of(column.expression)
        for reference in references:
            names = {name.casefold(): name for name in silver[reference.table].column_names}
            origin = ColumnPlace(Layer.SILVER, reference.table, names[reference.column.casefold()])
            yield _step(origin, result, _wide_expression(column))
        for table in dict.fromkeys(reference.table for reference in references):
            for left, right in joins[table].on if table in joins else ():
                how = f"{contract.fact}.{left} = {table}.{right}"
                for owner, name in ((contract.fact, left), (table, right)):
                    yield LineageStep(ColumnPlace(Layer.SILVER, owner, name), result, StepKind.JOINED, how)


def kpi_steps(contract: OneBigTableContract) -> Iterator[LineageStep]:
    """The measures of a One Big Table; one that counts rows rests on no column."""
    kpis: KpiContract | None = contract.kpis
    for measure in kpis.measures if kpis else ():
        for one in filter(None, (measure.value, measure.per)):
            if one.column:
                origin = ColumnPlace(Layer.GOLD, contract.name, one.column)
                result = ColumnPlace(Layer.KPI, contract.name, measure.name)
                yield LineageStep(origin, result, StepKind.AGGREGATED, _measure_text(measure))


def _wide_expression(column: WideColumn) -> str:
    if column.unknown_member is None:
        return column.expression
    return f"{column.expression}, or '{column.unknown_member}' where {column.dimension} has no such row"


def _measure_text(measure: Measure) -> str:
    return " / ".join(_aggregate_text(one) for one in (measure.value, measure.per) if one)


def _aggregate_text(one: Aggregate) -> str:
    if one.function == "count_distinct":
        return f"count(distinct {one.column})"
    return f"{one.function}({one.column or '*'})"


def _source_columns(contract: SilverContract) -> Mapping[str, str]:
    """The columns at the source, by their names in lower case, as the contract first writes each."""
    names = [column.source for column in contract.columns if column.source]
    names += [reference.column for column in contract.columns for reference in columns_of(column.expression)]
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.casefold(), name)
    return found


def _step(origin: ColumnPlace, result: ColumnPlace, expression: str) -> LineageStep:
    plain = expression.replace("`", "").strip()
    if plain in {origin.column, f"{origin.table}.{origin.column}"}:
        return LineageStep(origin, result, StepKind.COPIED)
    return LineageStep(origin, result, StepKind.COMPUTED, expression)


def _making(steps: Iterable[LineageStep]) -> list[LineageStep]:
    return [step for step in steps if step.kind.makes_values]


def _grouped(
    steps: Iterable[LineageStep], key: Callable[[LineageStep], ColumnPlace]
) -> dict[ColumnPlace, list[LineageStep]]:
    groups: dict[ColumnPlace, list[LineageStep]] = {}
    for step in steps:
        groups.setdefault(key(step), []).append(step)
    return groups


def _walk(
    start: ColumnPlace,
    steps_at: Callable[[ColumnPlace], Iterable[LineageStep]],
    onward: Callable[[LineageStep], ColumnPlace],
) -> tuple[LineageStep, ...]:
    """All steps that can be reached, nearest first, each once."""
    found: dict[LineageStep, None] = {}
    waiting, seen = [start], {start}
    while waiting:
        here, waiting = waiting, []
        for place in here:
            for step in steps_at(place):
                found.setdefault(step)
                if onward(step) not in seen:
                    seen.add(onward(step))
                    waiting.append(onward(step))
    return tuple(found)
