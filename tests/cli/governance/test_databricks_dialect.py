"""Each form of statement that the generator makes is one of Databricks' dialect, by a parser that knows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from cli.governance.predicates import Exempt
from cli.governance.statements import Place, statements
from lake_model.contracts.table_access import RoleRule
from lake_model.contracts.table_governance import GovernedColumn, GovernedTable, governed_tables
from tests.conftest import PROJECT

# Reads statements from its input and tells those that it cannot read.
PARSER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import sqlfluff
refused = []
for statement in json.load(sys.stdin):
    try:
        sqlfluff.parse(statement + ";\\n", dialect="databricks")
    except sqlfluff.api.APIParsingError:
        refused.append(statement)
print(json.dumps(refused))
"""
ODD = GovernedTable(
    "silver", "date", "odd schema",
    (
        GovernedColumn("zone", "string", comment="It's\n`odd`"),
        GovernedColumn("year", "bigint"),
        GovernedColumn("amount", "decimal(14,2)", "secret"),
        GovernedColumn("at", "timestamp", "secret"),
    ),
    (RoleRule("all", frozenset({"secret"})), RoleRule("n", rows=(("zone", ("Côte d'Or",)), ("year", ("2026",))))),
    ("All", "n-1"),
)  # fmt: skip


def refused(given: list[str]) -> list[str]:
    """The statements that the parser cannot read."""
    found = subprocess.run(
        [sys.executable, "-c", PARSER, str(Path(os.environ["LAKEHOUSE_INFRA"]) / "sqlfluff")],
        input=json.dumps(given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    unread: list[str] = json.loads(found.stdout)
    return unread


WRONG = [
    "GRANT SELEKT ON TABLE a.b.c TO `g`",
    "GRANT SELECT ON TABEL a.b.c TO `g`",
    "ALTER TABLE a.b.c SET ROW FILTERS f ON (`z`)",
    "ALTER TABLE a.b.c ALTER COLUMN `z` SET MASKS f",
    "CREATE OR REPLACE FUNCTION f(z STRING) RETURNS BOOLEAN RETURN (z = 'x'",
]


def test_every_form_is_read_and_wrong_statements_are_refused() -> None:
    tables = [*governed_tables(PROJECT / "contracts"), ODD]
    made = statements(tables, Place("lake", Exempt(("aaaa-1",), ("admins",))))
    # One of each form is enough: names and texts make no other.
    forms = {
        re.sub(r"`[^`]*`|'(?:[^'\\]|\\.)*'", "x", one): one for pair in made for one in (pair.do, pair.undo)
    }  # fmt: skip
    assert len(forms) > 20
    assert refused([*forms.values(), *WRONG]) == WRONG
