"""A Power BI project against what is published of its form, read by readers of the tests' own."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lakehouse.errors import LakehouseError

from cli.commands.command import DONE, NOT_DONE
from cli.main import main
from cli.powerbi.names import Model
from cli.powerbi.project import project_files
from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts
from tests.cli.powerbi.tmdl_reader import Node, plain, read_tmdl

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]
PLACE = {
    "Server": "adb-1.2.azuredatabricks.net",
    "HTTP path": "/sql/1.0/warehouses/a",
    "Catalog": "c",
    "Schema": "gold",
}
_COLUMN = re.compile(r"'((?:[^']|'')+)'\[((?:[^\]]|\]\])+)\]")
_MEASURE = re.compile(r"(?<!')\[((?:[^\]]|\]\])+)\]")


@pytest.fixture
def contract(contracts_folder: Path) -> KpiContract:
    (found,) = read_kpi_contracts(contracts_folder.parent)
    return found


def made(contract: KpiContract, mode: str = "directQuery") -> dict[str, str]:
    return project_files(Model(contract, mode), PLACE)


def model_of(files: dict[str, str]) -> dict[str, list[Node]]:
    """All objects of the model by kind; a file that is no TMDL is an error."""
    found: dict[str, list[Node]] = {}
    for path, text in files.items():
        if path.endswith(".tmdl"):
            for node in read_tmdl(text).children:
                found.setdefault(node.kind, []).append(node)
    return found


def table(files: dict[str, str], name: str) -> Node:
    (found,) = [one for one in model_of(files)["table"] if one.name == name]
    return found


def all_nodes(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from all_nodes(node.children)


def test_the_model_is_whole(contract: KpiContract) -> None:
    objects = model_of(made(contract))
    tables = {one.name: one for one in objects["table"]}
    columns = {(name, column) for name, one in tables.items() for column in one.of("column")}
    measures = {measure for one in tables.values() for measure in one.of("measure")}
    assert [one.properties for one in objects["database"]] == [{"compatibilityLevel": "1567"}]
    for one in tables.values():
        for measure in one.of("measure").values():
            named = {(t.replace("''", "'"), c.replace("]]", "]")) for t, c in _COLUMN.findall(measure.value)}
            assert named <= columns, measure.value
            assert {m.replace("]]", "]") for m in _MEASURE.findall(_COLUMN.sub("", measure.value))} <= measures
            assert measure.value.count("(") == measure.value.count(")")
        for hierarchy in one.of("hierarchy").values():
            assert {plain(level.properties["column"]) for level in hierarchy.of("level").values()} <= set(
                one.of("column")
            )
        names = [*one.of("column"), *one.of("measure")]
        assert len({name.lower() for name in names}) == len(names)
    (relationship,) = objects["relationship"]
    for end in relationship.properties.values():
        owner, _, column = end.partition(".")
        assert (plain(owner), plain(column)) in columns
    tags = [one.properties["lineageTag"] for one in all_nodes([*tables.values()]) if "lineageTag" in one.properties]
    assert len(set(tags)) == len(tags)


def test_measures_are_those_of_the_contract_and_are_compared_with_a_year_before(contract: KpiContract) -> None:
    measures = table(made(contract), "Sales").of("measure")
    assert {name: one.value for name, one in measures.items() if "displayFolder" not in one.properties} == {
        "Revenue": "SUM('Sales'[revenue_inr])",
        "Quantity": "SUM('Sales'[sales_qty])",
        "Sales": "COUNTROWS('Sales')",
        "Average price": "DIVIDE(SUM('Sales'[revenue_inr]), SUM('Sales'[sales_qty]))",
    }
    assert measures["Revenue a year before"].value == "CALCULATE([Revenue], SAMEPERIODLASTYEAR('Date'[Date]))"
    assert measures["Revenue change to a year before"].value == (
        "DIVIDE([Revenue] - [Revenue a year before], ABS([Revenue a year before]))"
    )
    assert [one.properties["formatString"] for name, one in measures.items() if name in {"Revenue", "Quantity"}] == [
        "#,0.00", "#,0",
    ]  # fmt: skip


def test_dates_are_a_marked_table_of_whole_years(contract: KpiContract) -> None:
    import sqlglot

    dates = table(made(contract), "Date")
    assert dates.properties["dataCategory"] == "Time"
    keys = {name: one.properties["dataType"] for name, one in dates.of("column").items() if "isKey" in one.properties}
    assert keys == {"Date": "dateTime"}
    assert list(dates.of("hierarchy")["Calendar levels"].of("level")) == ["Year", "Quarter", "Month", "Date"]
    (partition,) = dates.of("partition").values()
    (written,) = re.findall(r'Query = (".*"),', partition.properties["source"])
    sql = "".join(re.findall(r'"((?:[^"]|"")*)"(?! *[,\]])', re.sub(r'#"(\w+)"', r'"\1"', written)))
    assert "`Catalog`.`Schema`.`sales_obt`" in sql
    sqlglot.parse_one(sql, dialect="databricks")


def test_columns_are_read_from_the_table_by_their_names(contract: KpiContract) -> None:
    for mode in ("directQuery", "import"):
        sales = table(made(contract, mode), "Sales")
        (partition,) = sales.of("partition").values()
        assert partition.properties["mode"] == mode
        assert partition.value == "m"
        sources = [one.properties["sourceColumn"] for one in sales.of("column").values()]
        assert f"{{{', '.join(f'{chr(34)}{name}{chr(34)}' for name in sources)}}}" in partition.properties["source"]
        assert set(sources) <= {one.name for one in contract.column_types}
        types = {name: one.properties["dataType"] for name, one in sales.of("column").items()}
        assert (types["sales_qty"], types["revenue_inr"], types["Zone"], types["order_date"]) == (
            "int64", "decimal", "string", "dateTime",
        )  # fmt: skip
    parameters = {one.name: one.value for one in model_of(made(contract))["expression"]}
    assert parameters["HTTP path"] == (
        '"/sql/1.0/warehouses/a" meta [IsParameterQuery = true, Type = "Text", IsParameterQueryRequired = true]'
    )
    assert set(parameters) == set(PLACE)


def test_a_role_sees_its_rows_and_neither_values_nor_name_of_a_column_that_is_not_for_it(contract: KpiContract) -> None:
    def seen(one: Node) -> tuple[str, dict[str, str]]:
        return one.value, {name: hidden.value for name, hidden in one.of("columnPermission").items()}

    roles = {one.name: one.of("tablePermission") for one in model_of(made(contract))["role"]}
    assert {name: {table: seen(one) for table, one in of.items()} for name, of in roles.items()} == {
        "sales_analysts": {"Sales": ("", {"Customer": "none"})},
        "data_stewards": {},
        "sales_north": {"Sales": ("('Sales'[Zone] IN {\"North\"})", {"Customer": "none"})},
        "sales_south": {"Sales": ("('Sales'[Zone] IN {\"South\"})", {"Customer": "none"})},
    }


def test_what_no_role_may_see_is_not_in_the_project_at_all(contract: KpiContract) -> None:
    files = made(replace(contract, roles=()))
    assert "role" not in model_of(files)
    assert not [path for path, text in files.items() if "customer_name" in text or '"Customer"' in text]


def test_every_field_of_the_page_is_in_the_model_and_open_to_all(contract: KpiContract) -> None:
    files = made(contract)
    known = {
        (one.name, kind, name)
        for one in model_of(files)["table"]
        for kind in ("column", "measure")
        for name in one.of(kind)
    }
    visuals = [json.loads(text) for path, text in files.items() if path.endswith("/visual.json")]
    fields = [found for one in visuals for found in fields_of(one["visual"]["query"])]
    assert {(entity, kind.lower(), name) for kind, entity, name in fields} <= known
    assert "Customer" not in {name for _, _, name in fields}
    kinds = [one["visual"]["visualType"] for one in sorted(visuals, key=lambda one: one["position"]["tabOrder"])]
    assert kinds == ["slicer"] * 4 + ["card"] * 4 + ["lineChart"] + ["clusteredBarChart"] * 3
    boxes = [one["position"] for one in visuals]
    for one in boxes:
        assert one["x"] + one["width"] <= 1280
        assert one["y"] + one["height"] <= 720
        assert not [other for other in boxes if other is not one and overlap(one, other)]


def fields_of(value: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, dict):
        for kind in ("Column", "Measure"):
            if kind in value:
                yield kind, value[kind]["Expression"]["SourceRef"]["Entity"], value[kind]["Property"]
        for one in value.values():
            yield from fields_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from fields_of(one)


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "width"), ("y", "height"))
    )


def test_names_that_code_could_break_on_are_quoted(contract: KpiContract) -> None:
    awkward = "O'Hara's \"net\" [€]"
    first = replace(contract.measures[0], title=awkward)
    files = made(replace(contract, title="It's sales: all", measures=(first,)))
    measures = table(files, "It's sales: all").of("measure")
    assert measures[awkward].value == "SUM('It''s sales: all'[revenue_inr])"
    assert measures[f"{awkward} a year before"].value.startswith("CALCULATE([O'Hara's \"net\" [€]]], ")


def test_two_things_of_one_name_are_refused(contract: KpiContract) -> None:
    first, second, *_ = contract.measures
    with pytest.raises(LakehouseError, match="two measures or columns would be called Revenue in Power BI"):
        made(replace(contract, measures=(first, replace(second, title="revenue"))))
    # A level gives way: it has another name, that of its column.
    files = made(replace(contract, measures=(replace(first, title="Product"), second)))
    assert "product_name" in table(files, "Sales").of("column")


def test_a_project_is_written_again_without_a_difference(
    tmp_path: Path, contracts_folder: Path, edit_contract: EditContract, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(contracts_folder.parent))
    folder = tmp_path / "project"

    def written() -> str:
        assert main(["powerbi", "sales_obt", str(folder), "--server", "s", "--http-path", "p"]) == DONE
        return capsys.readouterr().out.rpartition(", ")[2].strip()

    assert written() == "32 changed"
    assert written() == "0 changed"
    own = folder / "sales_obt.SemanticModel/definition/roles/ours.tmdl"
    own.write_text("role ours\n\tmodelPermission: read\n")
    edit_contract("sales_obt", lambda document: document["roles"].pop())
    assert written() == "2 changed"
    assert sorted(path.name for path in own.parent.iterdir()) == [
        "data_stewards.tmdl", "ours.tmdl", "sales_analysts.tmdl", "sales_north.tmdl",
    ]  # fmt: skip
    assert main(["powerbi", "customer", str(folder)]) == NOT_DONE
    assert "no contract declares kpis and hierarchies of customer; there are: sales_obt" in capsys.readouterr().err


SCHEMAS = "LAKEHOUSE_PBIR_SCHEMAS"


@pytest.mark.skipif(SCHEMAS not in os.environ, reason=f"{SCHEMAS} names no copy of microsoft/json-schemas")
def test_every_json_file_is_valid_by_its_published_schema(contract: KpiContract) -> None:
    import jsonschema
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    root = Path(os.environ[SCHEMAS])

    # By the path, because not every schema names itself rightly.
    def schema_at(uri: str) -> Resource[Any]:
        path = root / urllib.parse.urlsplit(uri).path.removeprefix("/json-schemas/")
        return Resource(json.loads(path.read_text(encoding="utf-8-sig")) | {"$id": uri}, DRAFT7)

    registry: Registry[Any] = Registry(retrieve=schema_at)

    def faults(document: dict[str, Any]) -> list[str]:
        schema = schema_at(document["$schema"]).contents
        return [one.message for one in jsonschema.Draft7Validator(schema, registry=registry).iter_errors(document)]

    documents = {
        path: json.loads(text) for path, text in made(contract).items() if not path.endswith((".tmdl", ".gitignore"))
    }
    assert {path: faults(document) for path, document in documents.items()} == {path: [] for path in documents}
    assert len(documents) == 21
    # What lies in another file of the schema holds as well.
    visual = next(document for path, document in documents.items() if path.endswith("/visual.json"))
    visual["visual"]["query"]["queryState"]["Values"] = {"projektions": []}
    assert faults(visual)
