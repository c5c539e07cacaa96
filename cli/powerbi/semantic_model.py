"""The semantic model as TMDL: the wide table with its measures and hierarchies, the dates, and who sees what."""

from __future__ import annotations

from collections.abc import Mapping

from cli.powerbi import dax
from cli.powerbi.names import CALENDAR, Model
from cli.powerbi.tmdl import Node, quoted
from lake_model.contracts.kpi_contract import ColumnType, Hierarchy, Level, Measure
from lake_model.contracts.table_access import OPEN

PARAMETERS = ("Server", "HTTP path", "Catalog", "Schema")
GENERATED = "annotation Lakehouse_Generated = yes"
"""Stands in the files of tables and roles, so that earlier ones are known from files of other hands."""
_MARK = Node("annotation", "Lakehouse_Generated", "yes")
_TYPES = {"string": "string", "integer": "int64", "boolean": "boolean", "date": "dateTime", "timestamp": "dateTime"}
_DATE_TYPES = ("int64", "string", "string", "dateTime")


def model_files(model: Model, place: Mapping[str, str]) -> dict[str, str]:
    """The files below `definition`, by path.

    Args:
        place: values of the parameters, by name.
    """
    tables = (_wide_table(model), _date_table(model))
    roles = [_role(model, role) for role in model.readers if role]
    files = {
        "database.tmdl": Node("database", properties=(("compatibilityLevel", "1567"),)).to_text(),
        "model.tmdl": _model(tables, roles),
        "expressions.tmdl": "\n".join(_parameter(model, name, place[name]).to_text() for name in PARAMETERS),
        "relationships.tmdl": _relationship(model).to_text(),
    }
    files |= {f"tables/{table.name}.tmdl": table.to_text() for table in tables}
    return files | {f"roles/{role.name}.tmdl": role.to_text() for role in roles}


def _model(tables: tuple[Node, ...], roles: list[Node]) -> str:
    head = Node(
        "model",
        "Model",
        properties=(
            ("culture", "en-US"),
            ("defaultPowerBIDataSourceVersion", "powerBI_V3"),
            ("discourageImplicitMeasures", None),
            ("sourceQueryCulture", "en-US"),
        ),
    ).to_text()
    refs = [f"ref {node.kind} {quoted(node.name)}" for node in (*tables, *roles)]
    # Power BI would make a hidden table of dates for each date column.
    return head + "\nannotation __PBI_TimeIntelligenceEnabled = 0\n\n" + "\n".join(refs) + "\n"


def _parameter(model: Model, name: str, value: str) -> Node:
    return Node(
        "expression",
        name,
        f'{_m_text(value)} meta [IsParameterQuery = true, Type = "Text", IsParameterQueryRequired = true]',
        properties=(("lineageTag", model.tag("parameter", name)),),
        children=(Node("annotation", "PBI_ResultType", "Text"),),
    )


def _relationship(model: Model) -> Node:
    fact = f"{quoted(model.table)}.{quoted(model.titles[model.contract.date_column])}"
    return Node(
        "relationship",
        model.tag("relationship"),
        properties=(("fromColumn", fact), ("toColumn", f"{quoted(model.date_table)}.{CALENDAR[-1]}")),
    )


def _wide_table(model: Model) -> Node:
    listed = ", ".join(_m_text(one.name) for one in model.columns)
    rows = (
        "let\n"
        f"\tSource = {_SOURCE},\n"
        '\tDatabase = Source{[Name = #"Catalog", Kind = "Database"]}[Data],\n'
        '\tTables = Database{[Name = #"Schema", Kind = "Schema"]}[Data],\n'
        f'\tRows = Tables{{[Name = {_m_text(model.contract.table)}, Kind = "Table"]}}[Data],\n'
        f"\tColumns = Table.SelectColumns(Rows, {{{listed}}})\n"
        "in\n"
        "\tColumns"
    )
    measures = [node for one in model.measures for node in _measures(model, one)]
    columns = [_column(model, one) for one in model.columns]
    hierarchies = [node for one in model.contract.hierarchies if (node := _hierarchy(model, one))]
    return Node(
        "table",
        model.table,
        properties=(("lineageTag", model.tag("table")),),
        children=(*measures, *columns, *hierarchies, _partition(model, model.table, rows), _MARK),
    )


def _measures(model: Model, one: Measure) -> list[Node]:
    pattern = {"money": "#,0.00", "percent": "0.0%"}.get(one.format, "#,0.00" if one.per else "#,0")
    plain = Node(
        "measure",
        one.title,
        dax.measure(model, one),
        f"{one.title}, {one.unit}" if one.unit else one.title,
        (("formatString", pattern), ("lineageTag", model.tag("measure", one.name))),
    )
    others = [
        Node(
            "measure",
            f"{one.title} {what}",
            code,
            properties=(
                ("formatString", pattern if "change" not in what else "+0.0%;-0.0%;0.0%"),
                ("displayFolder", "Compared"),
                ("lineageTag", model.tag("measure", one.name, what)),
            ),
        )
        for what, code in dax.compared(model, one).items()
    ]
    return [plain, *others]


def _column(model: Model, one: ColumnType) -> Node:
    levels = {level.column for level in model.contract.levels}
    decimal = "decimal" if one.spark.startswith("decimal") else "double"
    properties: list[tuple[str, str | None]] = [("dataType", _TYPES.get(one.logical, decimal))]
    # What no level shows is there for measures, rules and the relationship.
    properties += [] if one.name in levels else [("isHidden", None)]
    properties += [
        ("lineageTag", model.tag("column", one.name)),
        ("summarizeBy", "none"),
        ("sourceColumn", one.name),
    ]
    return Node("column", model.titles[one.name], properties=tuple(properties))


def _hierarchy(model: Model, one: Hierarchy) -> Node | None:
    # A level that a role may not see would take the whole hierarchy from its readers.
    levels = [level for level in one.levels if OPEN.sees(level.classification)]
    children = tuple(_level(model, one, level) for level in levels)
    tag = (("lineageTag", model.tag("hierarchy", one.name)),)
    return Node("hierarchy", f"{one.title} levels", properties=tag, children=children) if len(levels) > 1 else None


def _level(model: Model, hierarchy: Hierarchy, one: Level) -> Node:
    title = model.titles[one.column]
    tag = model.tag("hierarchy", hierarchy.name, one.column)
    return Node("level", title, properties=(("lineageTag", tag), ("column", quoted(title))))


def _date_table(model: Model) -> Node:
    day = model.contract.date_column.replace("`", "``")
    sql = (
        "SELECT year(`Date`) AS `Year`, concat(year(`Date`), ' Q', quarter(`Date`)) AS `Quarter`, "
        "date_format(`Date`, 'yyyy-MM') AS `Month`, `Date` FROM (SELECT explode(sequence("
        f"trunc(min(`{day}`), 'YEAR'), date_sub(add_months(trunc(max(`{day}`), 'YEAR'), 12), 1))) AS `Date` FROM `"
    )
    table = model.contract.table.replace("`", "``")
    rows = (
        "let\n"
        f"\tSource = {_SOURCE},\n"
        '\tDatabase = Source{[Name = #"Catalog", Kind = "Database"]}[Data],\n'
        f'\tQuery = {_m_text(sql)} & #"Catalog" & "`.`" & #"Schema" & {_m_text(f"`.`{table}`)")},\n'
        "\tDates = Value.NativeQuery(Database, Query, null, [EnableFolding = true])\n"
        "in\n"
        "\tDates"
    )
    columns = [
        Node(
            "column",
            name,
            properties=(
                ("dataType", kind),
                *((("isKey", None), ("formatString", "yyyy-mm-dd")) if name == CALENDAR[-1] else ()),
                ("lineageTag", model.tag("date", name)),
                ("summarizeBy", "none"),
                ("sourceColumn", name),
            ),
        )
        for name, kind in zip(CALENDAR, _DATE_TYPES, strict=True)
    ]
    levels = tuple(
        Node("level", name, properties=(("lineageTag", model.tag("calendar", name)), ("column", name)))
        for name in CALENDAR
    )
    hierarchy = Node(
        "hierarchy", "Calendar levels", properties=(("lineageTag", model.tag("calendar")),), children=levels
    )
    return Node(
        "table",
        model.date_table,
        properties=(("lineageTag", model.tag("dates")), ("dataCategory", "Time")),
        children=(*columns, hierarchy, _partition(model, model.date_table, rows), _MARK),
    )


def _partition(model: Model, name: str, code: str) -> Node:
    return Node("partition", name, "m", properties=(("mode", model.mode),), expressions=(("source", code),))


def _role(model: Model, name: str) -> Node:
    access = model.readers[name]
    # What a role may not see is not there for its readers: neither its values nor its name.
    hidden = tuple(
        Node("columnPermission", model.titles[one.name], "none")
        for one in model.columns
        if not access.sees(one.classification)
    )
    rows = " || ".join(f"({dax.row_filter(model, rule)})" for rule in sorted(access.rules) if rule)
    permission = Node("tablePermission", model.table, rows, children=hidden)
    limited = bool(rows or hidden)
    return Node(
        "role",
        name,
        properties=(("modelPermission", "read"),),
        children=(*([permission] if limited else []), _MARK),
    )


_SOURCE = (
    'Databricks.Catalogs(#"Server", #"HTTP path", '
    '[Catalog = #"Catalog", Database = null, EnableAutomaticProxyDiscovery = null])'
)


def _m_text(value: str) -> str:
    return '"' + value.replace("#(", "#(#)(").replace('"', '""') + '"'
