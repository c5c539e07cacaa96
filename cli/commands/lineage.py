"""`lineage`: which columns a column comes from, and which rest on it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cli.commands.command import DONE, Command
from cli.commands.contract_folders import add_contracts_argument, chosen_root, contract_folders

if TYPE_CHECKING:
    from lake_model.contracts.column_lineage import ColumnPlace, Lineage, LineageStep

_DESCRIPTION = """Shows from the contracts alone which columns a column comes from, back to MySQL, and which rest on it,
up to the measures of a One Big Table. Of a table it shows for each column where its values come from in MySQL; of a
table of MySQL or bronze, where they come to in gold."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_contracts_argument(parser)
    parser.add_argument("--json", action="store_true", help="print every step as JSON")
    parser.add_argument(
        "name",
        metavar="NAME",
        help="a column or a table, such as gold.sales_obt.revenue_inr, silver.customer, kpi.sales_obt.revenue, "
        "bronze.atliqsale.customer or mysql.atliqsale.customer.customer_name",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the lineage of a column, or of a table's columns."""
    from lake_model.contracts.column_lineage import Layer, read_lineage

    lineage = read_lineage(contract_folders(chosen_root(arguments)))
    found = lineage.found(arguments.name)
    if arguments.json:
        print(json.dumps([_column_json(lineage, place) for place in found], indent=2, ensure_ascii=False))
        return DONE
    is_table = found[0].dataset in {arguments.name, f"{Layer.MYSQL}.{arguments.name}"}
    for line in _table_lines(lineage, found) if is_table else _column_lines(lineage, found[0]):
        print(line)
    return DONE


def _column_lines(lineage: Lineage, place: ColumnPlace) -> Iterator[str]:
    yield place.label
    yield "comes from"
    yield from _tree(place, lineage.into, lambda step: step.origin) or ["  no column"]
    yield "rests on it"
    yield from _tree(place, lineage.out_of, lambda step: step.result) or ["  no column"]


def _tree(
    place: ColumnPlace,
    steps_at: Callable[[ColumnPlace], Sequence[LineageStep]],
    onward: Callable[[LineageStep], ColumnPlace],
    depth: int = 1,
) -> list[str]:
    lines = []
    for step in steps_at(place):
        how = f": {' '.join(step.how.split())}" if step.how else ""
        lines.append(f"{'  ' * depth}{onward(step).label}  {step.kind}{how}")
        lines += _tree(onward(step), steps_at, onward, depth + 1)
    return lines


def _table_lines(lineage: Lineage, places: Sequence[ColumnPlace]) -> Iterator[str]:
    from lake_model.contracts.column_lineage import Layer

    landed = places[0].layer in {Layer.MYSQL, Layer.BRONZE}
    arrow = "→" if landed else "←"
    yield places[0].dataset
    width = max(len(place.column) for place in places)
    for place in places:
        ends = lineage.values_in(place, Layer.GOLD) if landed else lineage.values_from(place, Layer.MYSQL)
        deciding = lineage.rests_on(place) if landed else lineage.comes_from(place)
        shown = ", ".join(end.label for end in ends) or ("no value, but it decides" if deciding else "no column")
        yield f"  {place.column:<{width}} {arrow} {shown}"


def _column_json(lineage: Lineage, place: ColumnPlace) -> dict[str, Any]:
    return {
        "column": place.label,
        "comes_from": [_step_json(step) for step in lineage.comes_from(place)],
        "rests_on_it": [_step_json(step) for step in lineage.rests_on(place)],
    }


def _step_json(step: LineageStep) -> dict[str, str]:
    return {"from": step.origin.label, "to": step.result.label, "kind": str(step.kind), "how": step.how}


COMMAND = Command(
    words=("lineage",),
    summary="which columns a column comes from, and which rest on it",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
