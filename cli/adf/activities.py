"""The activities of a pipeline: what each becomes here, or why it becomes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cli.adf.connections import LAKE_SERVICES, MYSQL_SERVICES, mysql_schema
from cli.adf.export_files import Factory, Json
from cli.adf.expressions import Items, Scope, is_expression, items_named_in, items_of, text_of, values_of
from cli.adf.source_queries import QueryMeaning, query_meaning


@dataclass(frozen=True)
class Placed:
    """An activity with what does its work here."""

    pipeline: str
    activity: str
    kind: str
    by: str


@dataclass(frozen=True)
class Unplaced:
    """What nothing here takes the place of.

    Attributes:
        part: kind of the part of the factory, such as `trigger`; of an activity its pipeline's name is in `name`.
        name: of the part, for an activity `pipeline/activity`.
        what: which of its fields, or its type; empty: all of it.
        reason: why, and what to do instead.
    """

    part: str
    name: str
    what: str
    reason: str


@dataclass(frozen=True)
class Tables:
    """What a Copy reads: tables of a schema by name, or all of it."""

    schema: str
    names: tuple[str, ...] = ()
    all_tables: bool = False
    by_watermark: bool = False


@dataclass
class Found:
    """What a pipeline's activities become."""

    placed: list[Placed] = field(default_factory=list)
    unplaced: list[Unplaced] = field(default_factory=list)
    tables: list[Tables] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)


_NOTEBOOK = "its code is not read: what it does to rows is the contract's transformLogic, quality and tableKind here"
_CALL = "alerts go by channels (LAKEHOUSE_ALERT_…), other calls by a DAG of yours that waits for the asset"
_REASONS = {
    "DatabricksNotebook": _NOTEBOOK,
    "DatabricksSparkPython": _NOTEBOOK,
    "DatabricksSparkJar": _NOTEBOOK,
    "DatabricksJob": _NOTEBOOK,
    "SynapseNotebook": _NOTEBOOK,
    "ExecuteDataFlow": "its script is not read: write what it does as transformLogic, quality and tableKind",
    "SqlServerStoredProcedure": "nothing is written to a database: the ledger notes runs; else use a DAG of yours",
    "Script": "nothing is written to the source: run it by a DAG of yours that waits for the asset",
    "WebActivity": _CALL,
    "WebHook": _CALL,
    "AzureFunctionActivity": "call it from a DAG of yours that waits for the asset",
    "Delete": "nothing is deleted by hand: the DAG lakehouse_upkeep sweeps what no manifest names",
    "GetMetadata": "a copy proves itself by rows and sums: no files are inspected",
    "Validation": "the sensor source_ready waits for MySQL; no file is waited for",
    "Wait": "nothing waits for a fixed time: tasks wait for what they need",
    "SetVariable": "runs keep no variables: the business date and the contracts say what is done",
    "AppendVariable": "runs keep no variables: the business date and the contracts say what is done",
    "Filter": "leave tables out by their contracts (excluded)",
    "IfCondition": "its condition is not kept: both of its branches were read as though it were not there",
    "Switch": "its condition is not kept: all of its cases were read as though it were not there",
    "Until": "its condition is not kept: tasks are tried again by their retries",
    "Fail": "a run fails by itself where rows or sums differ",
}
_NESTED = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities")
_LAKE_SINKS = re.compile(r"(Parquet|DelimitedText|Orc|Avro|Json|Binary|Blob|AzureBlobFS|AzureDataLakeStore)\w*Sink")
_MYSQL_SOURCES = frozenset({"MySqlSource", "AzureMySqlSource", "MariaDBSource", "AzureMariaDBSource"})
_COPY_LEFT = {
    "translator": "its mapping of columns is not read: a property's physicalName and transformLogic say it",
    "redirectIncompatibleRowSettings": "rows that cannot be converted go to the table's quarantine, with the reason",
    "logSettings": "the task's log and the ledger say what was copied",
    "preserve": "nothing but rows is copied",
}
_SOURCE_LEFT = {
    "additionalColumns": "bronze has the source's columns alone; the manifest says run, date and query",
    "partitionSettings": "set parallelRanges in the table's contract",
}


def activities_of(pipeline: str, document: Json, factory: Factory) -> Found:
    """What the activities of one pipeline become."""
    defaults = {
        name: one.get("defaultValue") for name, one in (document.get("parameters") or {}).items() if one
    }  # fmt: skip
    reading = _Reading(pipeline, factory, Found())
    parameters = defaults | reading.handed_lists()
    reading.read(list(document.get("activities") or []), Scope(parameters, reading.lookups_of(pipeline)))
    return reading.found


def _deep(activities: list[Any]) -> Iterator[Json]:
    for one in activities:
        if isinstance(one, dict):
            yield one
            yield from _deep(_inner(one))


def _inner(activity: Json) -> list[Any]:
    properties = activity.get("typeProperties") or {}
    inner = [one for name in _NESTED for one in properties.get(name) or []]
    return inner + [one for case in properties.get("cases") or [] for one in case.get("activities") or []]


@dataclass(frozen=True)
class _Reading:
    pipeline: str
    factory: Factory
    found: Found

    def read(self, activities: list[Any], scope: Scope) -> None:
        for one in activities:
            kind = str(one.get("type"))
            if str(one.get("state", "Active")) == "Inactive":
                self._left(one, kind, "it is switched off in the factory")
                continue
            if kind == "ForEach":
                self._for_each(one, scope)
            elif kind == "Lookup":
                self._lookup(one)
            elif kind == "Copy":
                self._copy(one, scope)
            elif kind == "ExecutePipeline":
                self._call(one, scope)
            else:
                self._left(one, kind, _REASONS.get(kind, "no rule is known for this type of activity"))
            if kind != "ForEach":
                self.read(_inner(one), scope)

    def lookups_of(self, pipeline: str) -> dict[str, Items]:
        """What the Lookups of a pipeline answer with, where the export alone shows it: all tables of a schema.

        A Lookup may stand anywhere before the ForEach that goes over its answer.
        """
        asked = ((str(one.get("name")), self._query(one)) for one in self._activities(pipeline, "Lookup"))
        return {
            name: Items(all_tables=True) for name, meaning in asked if meaning is not None and meaning.asks_for_tables
        }

    def handed_lists(self) -> dict[str, Items]:
        """The lists that other pipelines hand to this one: one pipeline looks tables up, another copies them."""
        found: dict[str, Items] = {}
        for caller, call in self._calls():
            for name, value in ((call.get("typeProperties") or {}).get("parameters") or {}).items():
                items = items_of(value, Scope(lookups=self.lookups_of(caller)))
                if items is not None:
                    found[name] = items
        return found

    def _calls(self) -> Iterator[tuple[str, Json]]:
        for caller in self.factory.of("pipelines"):
            for call in self._activities(caller, "ExecutePipeline"):
                if _called(call) == self.pipeline:
                    yield caller, call

    def _activities(self, pipeline: str, kind: str) -> list[Json]:
        document = self.factory.of("pipelines").get(pipeline, {})
        return [one for one in _deep(list(document.get("activities") or [])) if one.get("type") == kind]

    def _lookup(self, activity: Json) -> None:
        meaning = self._query(activity)
        if meaning is None:
            self._left(activity, "Lookup", "it does not ask MySQL: no task reads a control table or a file")
        elif meaning.asks_for_tables:
            self._placed(activity, "Lookup", "task list_tables")
        elif meaning.asks_for_bound:
            self._placed(activity, "Lookup", "changeDetection in the table's contract: fingerprint, or watermark")
        else:
            self._left(activity, "Lookup", "no task asks MySQL for rows to steer a run by")

    def _for_each(self, activity: Json, scope: Scope) -> None:
        properties = activity.get("typeProperties") or {}
        items = items_of(properties.get("items"), scope)
        if items is None:
            reason = "its items are known only when the pipeline runs: draft the contracts of its tables by name"
            self._left(activity, "ForEach", reason)
        else:
            limit = (
                "one at a time" if properties.get("isSequential") else f"{properties.get('batchCount', 20)} at a time"
            )
            by = f"dynamic task mapping: one task copy_to_bronze for each table; {limit} is the pool's number of slots"
            self._placed(activity, "ForEach", by)
        self.read(_inner(activity), replace(scope, items=items))

    def _call(self, activity: Json, scope: Scope) -> None:
        name = _called(activity)
        if name not in self.factory.of("pipelines"):
            self._left(activity, "ExecutePipeline", f"the export has no pipeline {name}")
            return
        self.found.calls.append(name)
        self._placed(activity, "ExecutePipeline", f"what {name} became: one DAG does all of a schema")
        given = (activity.get("typeProperties") or {}).get("parameters") or {}
        for parameter in sorted(key for key, value in given.items() if items_of(value, scope) is None):
            reason = f"{name} was read with the parameter's default value, if it has one"
            self._left(activity, f"parameter {parameter}", reason)

    def _copy(self, activity: Json, scope: Scope) -> None:
        properties = activity.get("typeProperties") or {}
        source, sink = properties.get("source") or {}, properties.get("sink") or {}
        kind = str(source.get("type"))
        dataset, values = self._dataset(activity, "inputs")
        if kind not in _MYSQL_SOURCES and self._service_kind(dataset) not in MYSQL_SERVICES:
            self._left(activity, "Copy", f"its source is {kind}: only MySQL is copied")
            return
        target, _ = self._dataset(activity, "outputs")
        if not _LAKE_SINKS.fullmatch(str(sink.get("type"))) or self._service_kind(target) not in LAKE_SERVICES | {""}:
            self._left(activity, "Copy", f"its sink is {sink.get('type')}: rows are copied to the lake's bronze alone")
            return
        inner = replace(scope, dataset=values)
        tables = self._tables(source, dataset, inner)
        if tables is None:
            reason = "its tables are known only when the pipeline runs: draft their contracts by name"
            self._left(activity, "Copy", reason)
            return
        self.found.tables.append(tables)
        self._placed(activity, "Copy", "task copy_to_bronze, which proves rows and sums against MySQL by itself")
        for name, reason in (*_COPY_LEFT.items(), *_SOURCE_LEFT.items()):
            if properties.get(name) or source.get(name):
                self._left(activity, name, reason)
        query = text_of(source.get("query"))
        if query and not tables.by_watermark and query_meaning(query).narrows:
            self._left(activity, "query", "it takes some columns or rows only: bronze holds the whole table")
        if tables.by_watermark:
            reason = "its bound is no part of the copy: the contract's changeDetection says how changes are found"
            self._left(activity, "query", reason)

    def _tables(self, source: Json, dataset: Json, scope: Scope) -> Tables | None:
        """The schema and tables that a Copy reads."""
        query = text_of(source.get("query"))
        meaning = query_meaning(query) if query else None
        schema = self._schema(dataset, meaning)
        if schema is None:
            return None
        if meaning is None:
            named = dataset.get("typeProperties") or {}
            items = values_of(named.get("tableName") or named.get("table"), scope)
        elif is_expression(source.get("query")) and (items := items_named_in(query, scope)) is not None:
            pass
        else:
            items = Items(meaning.tables) if meaning.tables else None
        if items is None:
            return None
        names = tuple(name.rpartition(".")[2].strip("`") for name in items.values)
        return Tables(schema, names, items.all_tables, meaning is not None and meaning.has_bound)

    def _schema(self, dataset: Json, meaning: QueryMeaning | None) -> str | None:
        if meaning is not None and meaning.schema:
            return meaning.schema
        named = dataset.get("typeProperties") or {}
        table = text_of(named.get("tableName"))
        if "." in table and not is_expression(table):
            return table.partition(".")[0].strip("`")
        service = self.factory.of("linkedServices").get(_service_of(dataset), {})
        lookups = [one for name in self._with_callers() for one in self._activities(name, "Lookup")]
        asked = {one.schema for one in map(self._query, lookups) if one and one.schema}
        return mysql_schema(service) or (asked.pop() if len(asked) == 1 else None)

    def _with_callers(self) -> list[str]:
        return [self.pipeline, *(caller for caller, _ in self._calls())]

    def _query(self, activity: Json) -> QueryMeaning | None:
        """What the query of a Lookup asks MySQL; None where it asks something else."""
        properties = activity.get("typeProperties") or {}
        source = properties.get("source") or {}
        reference = properties.get("dataset") or {}
        dataset = self.factory.of("datasets").get(str(reference.get("referenceName")), {})
        if str(source.get("type")) not in _MYSQL_SOURCES and self._service_kind(dataset) not in MYSQL_SERVICES:
            return None
        return query_meaning(text_of(source.get("query")))

    def _dataset(self, activity: Json, side: str) -> tuple[Json, Mapping[str, Any]]:
        """The dataset of a Copy's source or sink, and the values of its parameters."""
        references = activity.get(side) or [{}]
        dataset = self.factory.of("datasets").get(str(references[0].get("referenceName")), {})
        declared = {
            name: parameter.get("defaultValue") for name, parameter in (dataset.get("parameters") or {}).items()
        }
        return dataset, declared | dict(references[0].get("parameters") or {})

    def _service_kind(self, dataset: Json) -> str:
        return str(self.factory.of("linkedServices").get(_service_of(dataset), {}).get("type", ""))

    def _placed(self, activity: Json, kind: str, by: str) -> None:
        self.found.placed.append(Placed(self.pipeline, str(activity.get("name")), kind, by))

    def _left(self, activity: Json, what: str, reason: str) -> None:
        name = f"{self.pipeline}/{activity.get('name')}"
        self.found.unplaced.append(Unplaced("activity", name, what, reason))


def _called(activity: Json) -> str:
    return str(((activity.get("typeProperties") or {}).get("pipeline") or {}).get("referenceName"))


def _service_of(dataset: Json) -> str:
    return str((dataset.get("linkedServiceName") or {}).get("referenceName", ""))
