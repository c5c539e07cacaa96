"""What takes the place of each part of a factory: tables, schedules and connections, and what has no place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cli.adf.activities import Found, Placed, Tables, Unplaced, activities_of
from cli.adf.connections import MYSQL_SERVICES, Connections, connections_of, mysql_schema, secrets_in_clear
from cli.adf.export_files import Factory, Json
from cli.adf.schedules import Schedule, schedule_of


@dataclass(frozen=True)
class SchemaPlan:
    """What a MySQL schema becomes: a folder of contracts, with its DAG.

    Attributes:
        schema: as MySQL names it.
        tables: that the factory copies by name, in order; empty where it copies all.
        all_tables: it asks for the schema's tables and copies each.
        watermarks: tables that it copies by a query with a bound.
        schedule: of the DAG; None: the factory starts it by no trigger that can be kept.
    """

    schema: str
    tables: tuple[str, ...]
    all_tables: bool
    watermarks: tuple[str, ...]
    schedule: Schedule | None


@dataclass(frozen=True)
class Translation:
    """All that a factory becomes; `unplaced` holds whatever nothing here takes the place of."""

    schemas: tuple[SchemaPlan, ...]
    connections: Connections
    placed: tuple[Placed, ...]
    unplaced: tuple[Unplaced, ...]


@dataclass
class _Gathered:
    """By pipeline: what its activities copy; and what they run."""

    tables: dict[str, list[Tables]] = field(default_factory=dict)
    calls: dict[str, set[str]] = field(default_factory=dict)


def translated(factory: Factory) -> Translation:
    """What takes the place of each part of a factory."""
    factory, unplaced = _readable(factory)
    connections = connections_of(factory)
    placed: list[Placed] = []
    unplaced += _left_services(factory, connections)
    gathered = _Gathered()
    for name, pipeline in factory.of("pipelines").items():
        try:
            found: Found = activities_of(name, pipeline, factory)
        except _OF_ANOTHER_FORM:
            unplaced.append(Unplaced("pipeline", name, "", _UNREAD))
            continue
        placed += found.placed
        unplaced += found.unplaced
        gathered.tables[name] = list(found.tables)
        gathered.calls[name] = set(found.calls)
    triggers, left = _schedules(factory, gathered)
    unplaced += left
    unplaced += [Unplaced("data flow", name, "", _DATA_FLOW) for name in factory.of("dataflows")]
    unplaced += [Unplaced("part", name, "", "nothing here reads this kind of part") for name in factory.others]
    schemas = _schemas(gathered, triggers)
    return Translation(tuple(schemas), connections, tuple(placed), tuple(unplaced))


_DATA_FLOW = "its script is not read: write what it does as transformLogic, quality and tableKind"
_UNREAD = "its JSON has not the form of such a part: nothing of it was read"
_OF_ANOTHER_FORM = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading JSON of another form than the factory's ends in."""
_IN_CLEAR = "the export holds a secret in clear: it was not copied; change it at the service, then keep it in Key Vault"


def _readable(factory: Factory) -> tuple[Factory, list[Unplaced]]:
    """The factory without linked services and triggers of another form, and those."""
    parts = dict(factory.parts)
    left = []
    for kind, label, look in (
        ("linkedServices", "linked service", _look_at_service),
        ("triggers", "trigger", _look_at_trigger),
    ):
        sound = {}
        for name, part in factory.of(kind).items():
            try:
                look(name, part)
                sound[name] = part
            except _OF_ANOTHER_FORM:
                left.append(Unplaced(label, name, "", _UNREAD))
        parts[kind] = sound
    return Factory(parts, factory.others), left


def _look_at_service(name: str, service: Json) -> None:
    alone = Factory({"linkedServices": {name: service}})
    list(_left_services(alone, connections_of(alone)))


def _look_at_trigger(name: str, trigger: Json) -> None:
    schedule_of(name, trigger)
    for each in _references(trigger):
        sorted(each.get("parameters") or {})


def _references(trigger: Json) -> list[Json]:
    """The pipelines that a trigger starts, each with what it hands over; a tumbling window starts one."""
    one = trigger.get("pipeline")
    found = [*(trigger.get("pipelines") or []), *([one] if one else [])]
    for each in found:
        (each.get("pipelineReference") or {}).get("referenceName")
    return found


def _left_services(factory: Factory, connections: Connections) -> Iterator[Unplaced]:
    for name, reason in connections.left.items():
        yield Unplaced("linked service", name, "", reason)
    for name, service in factory.of("linkedServices").items():
        for secret in secrets_in_clear(service):
            yield Unplaced("linked service", name, f"typeProperties.{secret}", _IN_CLEAR)
        if service.get("type") in MYSQL_SERVICES and mysql_schema(service) is None:
            reason = "it names no database by itself: the schema is taken from its datasets and queries"
            yield Unplaced("linked service", name, "typeProperties.database", reason)


def _schedules(factory: Factory, gathered: _Gathered) -> tuple[dict[str, Schedule], list[Unplaced]]:
    """By schema its schedule, and the triggers, or parts of them, that none came from."""
    found: dict[str, list[tuple[int, Schedule]]] = {}
    left: list[Unplaced] = []
    for name, trigger in factory.of("triggers").items():
        schedule = schedule_of(name, trigger)
        if isinstance(schedule, str):
            left.append(Unplaced("trigger", name, str(trigger.get("type")), schedule))
            continue
        references = _references(trigger)
        started = {str((each.get("pipelineReference") or {}).get("referenceName")) for each in references}
        schemas = _schemas_below(started, gathered)
        for schema, calls in schemas.items():
            found.setdefault(schema, []).append((calls, schedule))
        if not schemas:
            left.append(Unplaced("trigger", name, "", "it starts no pipeline that copies from MySQL"))
        for each in references:
            if each.get("parameters"):
                reason = "a run takes a business date (params.business_date), by itself that of its data interval"
                left.append(Unplaced("trigger", name, f"parameters {', '.join(sorted(each['parameters']))}", reason))
    chosen: dict[str, Schedule] = {}
    for schema, candidates in sorted(found.items()):
        # The trigger nearest to the pipeline, that of every day, the first one by name.
        first, *others = sorted(candidates, key=lambda one: (one[0], not one[1].is_daily, one[1].trigger))
        chosen[schema] = first[1]
        left += [Unplaced("trigger", first[1].trigger, "", note) for note in first[1].notes]
        reason = f"schema {schema} has one schedule, which trigger {first[1].trigger} gave"
        left += [Unplaced("trigger", one.trigger, "", reason) for _, one in others]
    return chosen, list(dict.fromkeys(left))


def _schemas_below(pipelines: set[str], gathered: _Gathered) -> dict[str, int]:
    """The schemas that pipelines copy, or those that they run, with how many calls lie between."""
    found: dict[str, int] = {}
    seen: set[str] = set()
    level, calls = set(pipelines), 0
    while level:
        seen |= level
        for name in level:
            for tables in gathered.tables.get(name, ()):
                found.setdefault(tables.schema, calls)
        level = {called for name in level for called in gathered.calls.get(name, ())} - seen
        calls += 1
    return found


def _schemas(gathered: _Gathered, schedules: Mapping[str, Schedule]) -> Iterator[SchemaPlan]:
    everything = [tables for found in gathered.tables.values() for tables in found]
    for schema in dict.fromkeys(tables.schema for tables in everything):
        of_schema = [tables for tables in everything if tables.schema == schema]
        names = tuple(dict.fromkeys(name for tables in of_schema for name in tables.names))
        marked = tuple(dict.fromkeys(name for tables in of_schema if tables.by_watermark for name in tables.names))
        whole = any(tables.all_tables for tables in of_schema)
        yield SchemaPlan(schema, names, whole, marked, schedules.get(schema))
