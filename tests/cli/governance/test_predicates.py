"""The conditions of row filters and masks mean what the KPI page's rule means, for every set of groups."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import pytest

from cli.governance.predicates import Exempt, column_predicate, row_predicate
from lake_model.contracts.table_access import WHOLE, RoleRule, access_of
from lake_model.contracts.table_governance import GovernedColumn, GovernedTable

if TYPE_CHECKING:
    import duckdb

NORTH, SOUTH = (("zone", ("North",)),), (("zone", ("South", "West")),)
BIG_NORTH = (("zone", ("North",)), ("size", ("2", "3")))
SECRET = frozenset({"secret"})
JOBS, GUEST = "aaaa-1", "guest@example.com"
EXEMPT = Exempt((JOBS,), ("admins",))
COLUMNS = (
    GovernedColumn("zone", "string"),
    GovernedColumn("size", "bigint"),
    GovernedColumn("flag", "boolean"),
    GovernedColumn("name", "string", "Secret"),
)
ZONES, SIZES = ["North", "South", "West", "East", None], [1, 2, 3, None]


def table(**roles: RoleRule) -> GovernedTable:
    return GovernedTable("gold", "t", "s", COLUMNS, tuple(roles.values()), tuple(roles))


def role(name: str, rows: tuple[tuple[str, tuple[str, ...]], ...] = (), words: Collection[str] = ()) -> RoleRule:
    return RoleRule(name.lower(), frozenset(words), rows)


TABLES = {
    "regions": table(
        All=role("All"), Steward=role("Steward", (), SECRET), north=role("north", NORTH), south=role("south", SOUTH)
    ),
    "regional stewards": table(
        all=role("all"), north=role("north", NORTH), n2=role("n2", NORTH, SECRET), s2=role("s2", SOUTH, SECRET),
        south=role("south", SOUTH),
    ),
    "two columns": table(big=role("big", BIG_NORTH, SECRET), north=role("north", NORTH), all=role("all")),
    "regions alone": table(north=role("north", NORTH), south=role("south", SOUTH, SECRET)),
    "flags": table(on=role("on", (("flag", ("true",)),)), off=role("off", (("flag", ("false",)),), SECRET)),
    "no roles": table(),
}  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with what Databricks knows of who asks, and rows of each kind."""
    import duckdb

    with duckdb.connect() as found:
        found.execute("CREATE MACRO is_account_group_member(name) AS list_contains(getvariable('groups'), name)")
        found.execute("CREATE TABLE t (zone VARCHAR, size BIGINT, flag BOOLEAN)")
        rows = list(itertools.product(ZONES, SIZES, [True, False, None]))
        found.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        yield found


def seen_rows(session: duckdb.DuckDBPyConnection, groups: Collection[str], who: str, predicate: str) -> set[object]:
    """The rows that a filter lets through."""
    as_duckdb = predicate.replace("`", '"').replace("session_user()", "getvariable('who')")
    session.execute("SET VARIABLE groups = ?", [list(groups)])
    session.execute("SET VARIABLE who = ?", [who])
    return set(session.execute(f"SELECT zone, size, flag FROM t WHERE {as_duckdb}").fetchall())


def expected_rows(
    session: duckdb.DuckDBPyConnection, governed: GovernedTable, groups: Collection[str], who: str
) -> set[object]:
    """The rows that the KPI page shows a reader of these roles, by its own rule."""
    access = WHOLE if is_exempt(groups, who) else access_of(governed.roles, {group.lower() for group in groups})
    rows = set(session.execute("SELECT zone, size, flag FROM t").fetchall())
    if access is None:
        return set()
    places = {"zone": 0, "size": 1, "flag": 2}

    def text(value: object) -> str | None:
        return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    return {
        row
        for row in rows
        if any(all(text(row[places[column]]) in values for column, values in rule) for rule in access.rules)
    }


def is_exempt(groups: Collection[str], who: str) -> bool:
    return who == JOBS or "admins" in groups


def readers(governed: GovernedTable) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every set of the table's groups, with strangers and those who are exempt."""
    known = (*governed.groups, "stranger")
    for count in range(len(known) + 1):
        for groups in itertools.combinations(known, count):
            yield groups, GUEST
    yield from [((), JOBS), (("admins",), GUEST), ((*governed.groups[:1], "admins"), GUEST)]


@pytest.mark.parametrize("name", [name for name, governed in TABLES.items() if governed.row_columns])
def test_a_row_filter_shows_what_the_page_shows(name: str, session: duckdb.DuckDBPyConnection) -> None:
    governed = TABLES[name]
    predicate = row_predicate(governed, EXEMPT)
    assert predicate is not None
    for groups, who in readers(governed):
        assert seen_rows(session, groups, who, predicate) == expected_rows(session, governed, groups, who), groups


@pytest.mark.parametrize("name", TABLES)
def test_a_mask_shows_a_column_where_the_page_shows_it(name: str, session: duckdb.DuckDBPyConnection) -> None:
    governed = TABLES[name]
    predicate = column_predicate(governed, "Secret", EXEMPT)
    for groups, who in readers(governed):
        access = WHOLE if is_exempt(groups, who) else access_of(governed.roles, {group.lower() for group in groups})
        # Who reads nothing of the table has no grant on it either.
        shown = bool(seen_rows(session, groups, who, predicate))
        if access is not None:
            assert shown == access.sees("Secret"), groups
        else:
            assert not shown, groups


@pytest.mark.parametrize(
    ("who", "groups", "zones", "name"),
    [
        (GUEST, "", set(), False),
        (GUEST, "stranger", set(), False),
        (GUEST, "All", {"North", "South", "West", "East", None}, False),
        (GUEST, "north", {"North"}, False),
        (GUEST, "south", {"South", "West"}, False),
        (GUEST, "north south", {"North", "South", "West"}, False),
        (GUEST, "north All", {"North", "South", "West", "East", None}, False),
        (GUEST, "Steward", {"North", "South", "West", "East", None}, True),
        (GUEST, "Steward north", {"North", "South", "West", "East", None}, True),
        (GUEST, "admins", {"North", "South", "West", "East", None}, True),
        (JOBS, "", {"North", "South", "West", "East", None}, True),
    ],
)
def test_who_sees_what(
    who: str, groups: str, zones: set[str | None], name: bool, session: duckdb.DuckDBPyConnection
) -> None:
    governed = TABLES["regions"]
    rows, column = row_predicate(governed, EXEMPT), column_predicate(governed, "secret", EXEMPT)
    assert rows is not None
    found = seen_rows(session, groups.split(), who, rows)
    assert {row[0] for row in found if isinstance(row, tuple)} == zones
    assert bool(seen_rows(session, groups.split(), who, column)) == name


def test_a_table_whose_roles_see_all_rows_needs_no_filter() -> None:
    assert row_predicate(table(all=role("all"), steward=role("steward", (), SECRET)), EXEMPT) is None
