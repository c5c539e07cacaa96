"""`adf read`: the page and the files that an exported factory becomes, and what is refused."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lakehouse.daily_run.daily_run_file import DailyRun, daily_runs
from lakehouse.settings import settings_at_parse

from cli.adf.export_files import Factory, read_export
from cli.adf.report import report_text
from cli.adf.schedules import Schedule, schedule_of
from cli.adf.translation import translated
from cli.commands.command import DONE, NOT_DONE
from cli.main import main

FACTORY = Path(__file__).parents[1] / "adf" / "factory"
"""By hand, in the form of a factory that is kept in Git; each secret in it says `planted`."""
PAGE = FACTORY.parent / "report.md"
Shown = pytest.CaptureFixture[str]

_ARM_KINDS = {
    "pipeline": "pipelines",
    "dataset": "datasets",
    "linkedService": "linkedServices",
    "trigger": "triggers",
    "integrationRuntime": "integrationRuntimes",
}


def read(export: Path, contracts: Path, *further: str) -> int:
    return main(["adf", "read", str(export), "--contracts", str(contracts), *further])


def test_the_page_names_tables_schedule_connections_and_all_that_has_no_place(tmp_path: Path, capsys: Shown) -> None:
    assert read(FACTORY, tmp_path) == DONE
    assert capsys.readouterr().out == PAGE.read_text()


def test_each_schema_gets_the_schedule_of_its_own_trigger(tmp_path: Path, capsys: Shown) -> None:
    assert read(FACTORY, tmp_path, "--report", str(tmp_path / "page.md")) == DONE
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page.md").read_text() == PAGE.read_text()
    for schema, table in (("Atliqsale", "customer"), ("crm", "call")):
        (tmp_path / schema / f"{table}.odcs.yaml").touch()
    runs, problems = daily_runs(tmp_path, settings_at_parse())
    assert problems == []
    assert [(run.dag_id, run.schedule, run.timezone) for run in runs if isinstance(run, DailyRun)] == [
        ("Atliqsale_daily", "30 2 * * *", "Asia/Kolkata"),
        ("crm_daily", "0 5 * * *", "UTC"),
    ]


def test_a_template_of_the_same_factory_becomes_the_same(tmp_path: Path) -> None:
    template = tmp_path / "ARMTemplateForFactory.json"
    template.write_text(json.dumps(arm_template()))
    assert translated(read_export(template)) == translated(read_export(FACTORY))
    assert translated(read_export(tmp_path)) == translated(read_export(FACTORY))


def arm_template() -> dict[str, Any]:
    """The factory as its export by the portal has it."""
    resources = []
    for folder, kind in _ARM_KINDS.items():
        for file in sorted((FACTORY / folder).glob("*.json")):
            part = json.loads(file.read_text())
            name = f"[concat(parameters('factoryName'), '/{part['name']}')]"
            resources.append(
                {
                    "name": name,
                    "type": f"Microsoft.DataFactory/factories/{kind}",
                    "apiVersion": "2018-06-01",
                    "properties": part["properties"],
                    "dependsOn": [],
                }
            )
    return {"$schema": "…", "contentVersion": "1.0.0.0", "parameters": {}, "resources": resources}


def test_no_secret_of_the_export_is_written_or_shown(tmp_path: Path, capsys: Shown) -> None:
    assert "planted-secret" in (FACTORY / "linkedService" / "ls_mysql_crm.json").read_text()
    assert read(FACTORY, tmp_path) == DONE
    shown = capsys.readouterr()
    written = [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(written) == 2
    assert not [text for text in (shown.out, shown.err, *written) if "planted" in text]


def test_a_file_that_is_there_is_left_as_it_is_without_force(tmp_path: Path, capsys: Shown) -> None:
    file = tmp_path / "crm" / "daily_run.toml"
    file.parent.mkdir()
    file.write_text("owner = 'crm team'\n")
    assert read(FACTORY, tmp_path) == DONE
    assert file.read_text() == "owner = 'crm team'\n"
    assert f"{file}: is there already, and was left as it is: give --force to replace it" in capsys.readouterr().err
    assert read(FACTORY, tmp_path, "--force") == DONE
    assert 'schedule = "0 5 * * *"' in file.read_text()


def test_a_dry_run_writes_no_file_of_a_schema(tmp_path: Path) -> None:
    assert read(FACTORY, tmp_path / "contracts", "--dry-run") == DONE
    assert not (tmp_path / "contracts").exists()


def test_tables_that_one_pipeline_looks_up_and_another_copies_are_all_of_the_schema(tmp_path: Path) -> None:
    """Microsoft's sample of a bulk copy: the list goes from pipeline to pipeline as a parameter."""
    export = tmp_path / "factory"
    shutil.copytree(FACTORY, export)
    file = export / "pipeline" / "pipe-copy-mysql-tables-to-adlsgen2.json"
    pipeline = json.loads(file.read_text())
    lookup, loop, *_ = pipeline["properties"]["activities"]
    loop["typeProperties"]["items"]["value"] = "@pipeline().parameters.tableList"
    inner = {"activities": [loop], "parameters": {"tableList": {"type": "Array"}}}
    call = {
        "name": "TriggerCopy",
        "type": "ExecutePipeline",
        "typeProperties": {
            "pipeline": {"referenceName": "copy-each", "type": "PipelineReference"},
            "parameters": {"tableList": {"value": "@activity('LookupTables').output.value", "type": "Expression"}},
        },
    }
    pipeline["properties"]["activities"] = [lookup, call]
    file.write_text(json.dumps(pipeline))
    (export / "pipeline" / "copy-each.json").write_text(json.dumps({"name": "copy-each", "properties": inner}))

    translation = translated(read_export(export))

    plan = next(one for one in translation.schemas if one.schema == "Atliqsale")
    assert (plan.all_tables, plan.tables, plan.schedule and plan.schedule.cron) == (True, (), "30 2 * * *")
    assert not [
        one for one in translation.unplaced if "TriggerCopy" in one.name or one.name.startswith("copy-each/CopyEach")
    ]


@pytest.mark.parametrize(
    ("recurrence", "cron", "timezone", "notes"),
    [
        ({"frequency": "Day", "startTime": "2026-01-01T03:15:00Z", "timeZone": "UTC"}, "15 3 * * *", "UTC", 0),
        ({"frequency": "Day", "interval": 1, "startTime": "2026-01-01T23:15:00Z", "timeZone": "India Standard Time"},
         "45 4 * * *", "Asia/Kolkata", 0),
        ({"frequency": "Day", "interval": 1, "startTime": "2026-01-01T23:15:00", "timeZone": "Europe/Berlin"},
         "15 23 * * *", "Europe/Berlin", 0),
        ({"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:05:00Z"}, "5 0 * * *", "UTC", 1),
        ({"frequency": "Day", "interval": 2, "schedule": {"hours": [6, 18], "minutes": [30]}}, "30 6 * * *", "UTC", 2),
    ],
)  # fmt: skip
def test_a_trigger_becomes_a_daily_schedule_and_says_what_it_could_not_keep(
    recurrence: dict[str, Any], cron: str, timezone: str, notes: int
) -> None:
    schedule = schedule_of("trg", {"type": "ScheduleTrigger", "typeProperties": {"recurrence": recurrence}})
    assert isinstance(schedule, Schedule)
    assert (schedule.cron, schedule.timezone, len(schedule.notes)) == (cron, timezone, notes)


def test_a_tumbling_window_of_a_day_becomes_its_schedule() -> None:
    window = {"frequency": "Hour", "interval": 24, "startTime": "2026-01-01T00:00:00Z", "maxConcurrency": 1}
    schedule = schedule_of(
        "trg", {"type": "TumblingWindowTrigger", "typeProperties": window, "runtimeState": "Started"}
    )
    assert schedule == Schedule("0 0 * * *", "UTC", "trg", "2026-01-01", True)


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        ({"type": "ScheduleTrigger", "runtimeState": "Stopped"}, "it is stopped in the factory"),
        ({"type": "ScheduleTrigger", "typeProperties": {"recurrence": {"frequency": "Day", "timeZone": "Mars Time"}}},
         "its time zone Mars Time has no known name here: set timezone and schedule in daily_run.toml yourself"),
        ({"type": "ScheduleTrigger", "typeProperties": {"recurrence": {"frequency": "Day", "startTime": "soon"}}},
         "its startTime is no time: set schedule in daily_run.toml yourself"),
    ],
)  # fmt: skip
def test_a_trigger_that_becomes_no_schedule_has_a_reason(trigger: dict[str, Any], reason: str) -> None:
    assert schedule_of("trg", trigger) == reason


def test_a_pipeline_of_another_form_is_listed_and_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    export = tmp_path / "factory"
    shutil.copytree(FACTORY, export)
    (export / "pipeline" / "odd.json").write_text('{"name": "odd", "properties": {"activities": ["Copy"]}}')
    translation = translated(read_export(export))
    assert [plan.schema for plan in translation.schemas] == ["Atliqsale", "crm"]
    assert [one.reason for one in translation.unplaced if one.name == "odd"] == [
        "its JSON has not the form of such a part: nothing of it was read"
    ]


def places_of(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a document."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places_of(one, (*place, key))


@pytest.mark.parametrize("kind", ["pipelines", "datasets", "linkedServices", "triggers"])
def test_whatever_stands_in_a_part_it_becomes_a_page(kind: str) -> None:
    whole = read_export(FACTORY)
    for name, part in whole.of(kind).items():
        for *way, last in list(places_of(part))[1:]:
            for odd in (None, 3, ["x"]):
                spoilt = copy.deepcopy(part)
                inner: Any = spoilt
                for key in way:
                    inner = inner[key]
                inner[last] = odd
                translation = translated(Factory({**whole.parts, kind: {name: spoilt}}))
                assert report_text(translation).startswith("# What takes the factory's place")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is no export of a factory: it has neither a folder pipeline/ nor a file ARMTemplateForFactory.json"),
        ({"pipeline/a.json": "{"}, "a.json: it is no JSON (line 1): export the factory again"),
        ({"pipeline/a.json": "[]"}, "a.json: it must hold one JSON object"),
        ({"pipeline/a.json": "{}"}, "a.json: properties: it must be an object, as in every part of a factory"),
        ({"ARMTemplateForFactory.json": "{}"}, "resources: it must be a list, as in an ARM template of a factory"),
        ({"template.json": '{"resources": []}'}, "resources: there is none of Microsoft.DataFactory/factories"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_told_in_one_message(
    tmp_path: Path, capsys: Shown, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        file = tmp_path / "export" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "export").mkdir(exist_ok=True)
    assert read(tmp_path / "export", tmp_path) == NOT_DONE
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
