"""What a factory becomes, as a page in Markdown, and as the file of a schema's choices."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from cli.adf.connections import Connection, Connections
from cli.adf.translation import SchemaPlan, Translation

_AT_ONCE = "all tables of the schema"


def draft_commands(plan: SchemaPlan) -> list[str]:
    """What is to be typed, after `bin/lakehouse`, to draft the contracts of a schema."""
    schema = shlex.quote(plan.schema)
    if plan.all_tables:
        return [f"contract draft --all --schema {schema}"]
    return [f"contract draft {shlex.quote(table)} --schema {schema}" for table in plan.tables]


def daily_run_text(plan: SchemaPlan) -> str:
    """The schema's `daily_run.toml`: what is left out of it is as the settings say."""
    lines = [f"# The choices of the daily run of {_line(plan.schema)}, from the factory's trigger."]
    schedule = plan.schedule
    if schedule is None:
        lines.append("# No trigger of the factory could be kept, so it runs every day at midnight.")
    else:
        lines += [f"# Trigger {_line(schedule.trigger)} began on {_line(schedule.began) or 'no date that it names'}."]
        lines += [f"schedule = {json.dumps(schedule.cron)}", f"timezone = {json.dumps(schedule.timezone)}"]
    lines.append("# start_date = 2026-12-01  # the first date that runs here; history begins with the first copy")
    return "\n".join(lines) + "\n"


def report_text(translation: Translation) -> str:
    """The whole page."""
    return "\n".join(_report(translation)) + "\n"


def _report(translation: Translation) -> Iterator[str]:
    yield "# What takes the factory's place"
    if not translation.schemas:
        yield "\nNo activity copies from MySQL, so there is nothing to make a DAG of."
    for plan in translation.schemas:
        yield from _schema(plan)
    yield from _connections(translation.connections)
    yield "\n## What was found a place\n"
    yield from _table(
        ("activity", "type", "here"),
        [(f"{one.pipeline}/{one.activity}", one.kind, one.by) for one in translation.placed],
    )
    yield "\n## What was found no place\n"
    yield "Each line needs a decision; nothing of it is done by the files above.\n"
    yield from _table(
        ("part", "name", "what", "why, and what to do"),
        [(one.part, one.name, one.what, one.reason) for one in translation.unplaced],
    )


def _schema(plan: SchemaPlan) -> Iterator[str]:
    yield f"\n## Schema {_line(plan.schema)}\n"
    when = f"`{plan.schedule.cron}` in {plan.schedule.timezone}" if plan.schedule else "every day at midnight"
    yield f"- Tables: {_AT_ONCE if plan.all_tables else ', '.join(map(_line, plan.tables))}."
    if not plan.all_tables:
        yield "  A run copies all that the account may read: grant it these alone, or exclude others by contract."
    yield f"- Schedule: {when}; a run works on the date on which its interval begins."
    if plan.watermarks:
        yield f"- Copied between bounds until now: {', '.join(map(_line, plan.watermarks))}. The drafts find changes"
        yield "  by fingerprint, which sees updates and deletes too; `changeDetection: watermark` keeps the old way."
    yield "\nContracts to draft, and then to settle and check:\n\n```sh"
    yield from (f"bin/lakehouse {command}" for command in draft_commands(plan))
    yield f"bin/lakehouse contract check --schema {shlex.quote(plan.schema)}\n```"


def _connections(connections: Connections) -> Iterator[str]:
    yield "\n## Connections to make"
    if not connections.made:
        yield "\nNone."
    for one in connections.made:
        yield from _connection(one)
    for name, address in connections.vaults.items():
        yield f"\nKey Vault {_line(name)} is Airflow's secrets backend:\n\n```sh"
        yield "AIRFLOW__SECRETS__BACKEND=airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend"
        yield f"AIRFLOW__SECRETS__BACKEND_KWARGS='{json.dumps({'vault_url': address})}'\n```"


def _connection(one: Connection) -> Iterator[str]:
    document = dict(one.document)
    yield f"\n### {one.conn_id}, from linked service {_line(one.service)}\n"
    yield from (f"- {note}." for note in one.notes)
    if one.secret is None:
        hidden = document | {"password": "…"} if document["conn_type"] == "mysql" else document
        yield f"\n```json\n{json.dumps(hidden, ensure_ascii=False)}\n```"
        return
    vault = shlex.quote(_vault_name(one.vault or ""))
    name = f"airflow-connections-{one.conn_id.replace('_', '-')}"
    program = json.dumps(document, ensure_ascii=False)[:-1] + ', "password": .}'
    yield f"- Its password is the secret {_line(one.secret)}; Airflow wants the whole connection in one secret, {name}."
    yield "  These lines, in `bash`, make it of the old one without showing it:\n\n```sh"
    yield f"umask 077 && az keyvault secret show --vault-name {vault} --name {shlex.quote(one.secret)} \\"
    yield f"  --query value --output tsv | jq -Rc {shlex.quote(program)} > {one.conn_id}.json"
    yield f"az keyvault secret set --vault-name {vault} --name {name} --file {one.conn_id}.json --output none"
    yield f"rm {one.conn_id}.json\n```"


def _vault_name(address: str) -> str:
    return address.removeprefix("https://").partition(".")[0].strip("/") or "<vault>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        yield "Nothing."
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = [_line(cell).replace("|", "\\|") for cell in row]
        yield f"| {' | '.join(cells)} |"


def _line(text: str) -> str:
    """A name out of the export, which may hold anything, on one line."""
    return " ".join(text.split())
