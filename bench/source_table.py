"""The tables that the benchmarks copy, made by the server itself from a row's number: the same on every machine.

The large one has nine columns like a company's sales: a key, a date, an integer, three texts, an integer, a decimal and
a timestamp of microseconds, with NULLs in three of them. Its dates rise with its key, as in a table that is appended
to, and every fiftieth row is up to 30 days late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from local.number_rows import number_rows

FIRST_DATE = date(2018, 1, 1)
DATES = 2_801
LAST_DATE = FIRST_DATE + timedelta(days=DATES - 1)
DATE_COLUMN = "order_date"
SMALL_TABLES = 200
SMALL_ROWS = 1_000
_RECIPE = 1
_ROWS_OF_A_TRANSACTION = 500_000

_DEFINITION = """
CREATE TABLE `{table}` (
  id BIGINT NOT NULL,
  order_date DATE NOT NULL,
  customer_id INT NOT NULL,
  product_code VARCHAR(16) NOT NULL,
  market_code VARCHAR(16) NULL,
  note VARCHAR(64) NULL,
  quantity INT NOT NULL,
  amount DECIMAL(12,2) NULL,
  booked_at DATETIME(6) NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB CHARACTER SET utf8mb4
"""

_ROWS = """
INSERT INTO `{table}`
SELECT seq,
  day,
  mixed % 5000,
  CONCAT('Prod', LPAD(mixed % 400, 3, '0')),
  IF(mixed % 20 = 0, NULL, CONCAT('Mark', LPAD(mixed % 15, 3, '0'))),
  IF(mixed % 10 = 1, NULL, CONCAT('order ', HEX(mixed), ' é')),
  mixed % 500 + 1,
  IF(mixed % 50 = 3, NULL, (mixed % 99999999) / 100),
  day + INTERVAL mixed * 20 MICROSECOND
FROM (
  SELECT seq,
    CRC32(seq) AS mixed,
    '{first_date}' + INTERVAL GREATEST(0, (seq * {dates}) DIV ({rows} + 1) - IF(seq % 50 = 0, seq % 31, 0)) DAY AS day
  FROM {numbers}
) AS made
"""


@dataclass(frozen=True)
class LargeTable:
    """The large table of so many rows in a schema."""

    schema: str
    rows: int
    name: str = "sales"


def make_large_table(cursor: Any, table: LargeTable) -> None:
    """Make the large table in its schema; one that an earlier run made of as many rows is taken as it is."""
    cursor.execute(f"USE `{table.schema}`")
    cursor.execute("CREATE TABLE IF NOT EXISTS made (name VARCHAR(64) PRIMARY KEY, recipe VARCHAR(64))")
    recipe = f"{_RECIPE}:{table.rows}"
    cursor.execute("SELECT COUNT(*) FROM made WHERE name = %s AND recipe = %s", [table.name, recipe])
    if cursor.fetchone() == (1,):
        return
    forget_large_table(cursor, table)
    cursor.execute(f"DROP TABLE IF EXISTS `{table.name}`")
    cursor.execute(_DEFINITION.format(table=table.name))
    _fill(cursor, table.name, table.rows)
    cursor.execute(f"ALTER TABLE `{table.name}` ADD KEY ({DATE_COLUMN})")
    # Without it the optimizer goes by whatever it had seen of the table while it was being filled.
    cursor.execute(f"ANALYZE TABLE `{table.name}`")
    cursor.fetchall()
    cursor.execute("INSERT INTO made VALUES (%s, %s)", [table.name, recipe])


def forget_large_table(cursor: Any, table: LargeTable) -> None:
    """Have the next run make the large table anew: its rows are about to be changed."""
    cursor.execute(f"DELETE FROM `{table.schema}`.made WHERE name = %s", [table.name])


def make_small_tables(cursor: Any, schema: str, tables: int = SMALL_TABLES, rows: int = SMALL_ROWS) -> list[str]:
    """Make many small tables of the same columns, without an index on the date, and give their names."""
    cursor.execute(f"USE `{schema}`")
    names = [f"small_{number:03}" for number in range(tables)]
    for name in names:
        cursor.execute(f"DROP TABLE IF EXISTS `{name}`")
        cursor.execute(_DEFINITION.format(table=name))
        _fill(cursor, name, rows)
    return names


def spread_dates(count: int) -> list[date]:
    """So many of the large table's dates, spread evenly over all of them."""
    return [FIRST_DATE + timedelta(days=number * DATES // count) for number in range(count)]


def change_dates(cursor: Any, table: LargeTable, days: Sequence[date]) -> int:
    """Change a row in ten of the given dates, and give how many rows that were."""
    marks = ", ".join(["%s"] * len(days))
    return int(
        cursor.execute(
            f"UPDATE `{table.schema}`.`{table.name}` SET quantity = quantity + 1 "
            f"WHERE {DATE_COLUMN} IN ({marks}) AND MOD(id, 10) = 0",
            list(days),
        )
    )


def rows_of_dates(cursor: Any, table: LargeTable, days: Sequence[date]) -> int:
    """How many rows the given dates have."""
    marks = ", ".join(["%s"] * len(days))
    cursor.execute(f"SELECT COUNT(*) FROM `{table.schema}`.`{table.name}` WHERE {DATE_COLUMN} IN ({marks})", list(days))
    return int(cursor.fetchone()[0])


def _fill(cursor: Any, table: str, rows: int) -> None:
    for first in range(1, rows + 1, _ROWS_OF_A_TRANSACTION):
        last = min(first + _ROWS_OF_A_TRANSACTION - 1, rows)
        numbers = number_rows(first, last)
        cursor.execute(_ROWS.format(table=table, rows=rows, dates=DATES, first_date=FIRST_DATE, numbers=numbers))
