"""Snapshots of a large dimension, landed as the copy lands them, and the history that they must give."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from lake_model.bronze_manifest import ALL, BronzeFile, Column, Manifest, Server, Slice
from lake_model.lake_layout import date_folder_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCHEMA, TABLE = "shop", "customer"
FIRST, SECOND, THIRD = dt.date(2026, 11, 1), dt.date(2026, 11, 2), dt.date(2026, 11, 3)
VALUES = ("name", "city", "segment")
_COLUMNS = (
    *(Column(name, "varchar(64)", "string", True) for name in ("code", "name", "city")),
    Column("segment", "int", "int32", True),
)
_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: customer
name: customer
version: 1.0.0
status: active
schema:
  - name: customer
    physicalName: customer
    physicalType: table
    logicalType: object
    customProperties:
      - {property: tableKind, value: dimension}
      - {property: scdType, value: 2}
    properties:
      - {name: code, physicalType: varchar(16), logicalType: string, primaryKey: true, required: true}
      - {name: name, physicalType: varchar(64), logicalType: string}
      - {name: city, physicalType: varchar(64), logicalType: string}
      - {name: segment, physicalType: int, logicalType: integer}
"""


@dataclass(frozen=True)
class Lake:
    """A lake on this machine, with the contract of one dimension."""

    root: Path

    @property
    def contracts(self) -> Path:
        """Folder of the contracts."""
        return self.root / "contracts" / SCHEMA

    @property
    def silver(self) -> Path:
        """Folder of the silver tables."""
        return self.root / "silver"

    def write_contract(self) -> None:
        """Writes the dimension's contract."""
        self.contracts.mkdir(parents=True, exist_ok=True)
        (self.contracts / f"{TABLE}.odcs.yaml").write_text(_CONTRACT)

    def days(self) -> list[dt.date]:
        """The days with a snapshot."""
        folders = (self.root / "bronze" / SCHEMA / TABLE).glob("business_date=*")
        return sorted(dt.date.fromisoformat(path.name.partition("=")[2]) for path in folders)

    def folder(self, day: dt.date) -> Path:
        """Where a day's snapshot lies."""
        return self.root / "bronze" / SCHEMA / TABLE / f"business_date={day}"

    def land(self, rows: DataFrame, day: dt.date, fingerprint: str) -> None:
        """Lands a snapshot: its files and its manifest."""
        rows.write.mode("overwrite").parquet(str(self.folder(day)))
        self.index(day, day, fingerprint, rows.count())

    def index(self, day: dt.date, of: dt.date, fingerprint: str, rows: int) -> None:
        """Writes a manifest whose rows lie in the files of the snapshot ``of``."""
        files = {
            f"{date_folder_name(of)}/{path.name}": BronzeFile(0, path.stat().st_size, "")
            for path in sorted(self.folder(of).glob("*.parquet"))
        }
        manifest = Manifest(
            schema=SCHEMA,
            table=TABLE,
            business_date=day.isoformat(),
            run_id="bench",
            copied_at=f"{day.isoformat()}T02:00:00.000000Z",
            change_detection="full",
            date_column=None,
            query="",
            server=Server(""),
            columns=_COLUMNS,
            files=files,
            slices=(Slice(ALL, rows, {}, fingerprint, tuple(files), of.isoformat()),),
            rows=rows,
            sums={},
            rows_not_yet_due=0,
            substitutions={},
        )
        self.folder(day).mkdir(parents=True, exist_ok=True)
        (self.folder(day) / "_manifest.json").write_text(manifest.to_json())


def snapshot(spark: SparkSession, keys: int, generation: int) -> DataFrame:
    """All keys, every one with other values in another generation."""
    return spark.range(keys).selectExpr(
        "concat('C', lpad(id, 9, '0')) AS code",
        f"concat('name ', pmod(xxhash64(id, {generation}), 1000000)) AS name",
        f"concat('city ', pmod(xxhash64(id, {generation}, 1), 5000)) AS city",
        f"CAST(pmod(xxhash64(id, {generation}, 2), 20) AS INT) AS segment",
    )


def changed_snapshot(spark: SparkSession, keys: int, generation: int, percent: int) -> DataFrame:
    """A generation of which some percent of the keys changed: mostly values; one in ten to NULL, is gone, or is new."""
    hit = f"pmod(xxhash64(code, 'pick'), 1000) < {percent * 10} AS hit"
    base = snapshot(spark, keys, generation).selectExpr("*", hit)
    base = base.selectExpr("*", "pmod(xxhash64(code, 'how'), 10) AS how")
    return base.where("NOT (hit AND how = 0)").selectExpr(
        "CASE WHEN hit AND how = 1 THEN concat('N', substr(code, 2)) ELSE code END AS code",
        "CASE WHEN hit AND how > 2 THEN concat(name, ' *') ELSE name END AS name",
        "CASE WHEN hit AND how = 2 THEN NULL ELSE city END AS city",
        "segment",
    )


def history(spark: SparkSession, lake: Lake) -> DataFrame:
    """The dimension of the landed snapshots, each of which has other values of every key."""
    days = lake.days()
    periods = [
        _period(spark.read.parquet(str(lake.folder(day))), day, end)
        for day, end in zip(days, [*days[1:], None], strict=True)
    ]
    return reduce(lambda left, right: left.unionByName(right), periods)


def _period(rows: DataFrame, start: dt.date, end: dt.date | None) -> DataFrame:
    until = f"DATE'{end}'" if end else "CAST(NULL AS DATE)"
    return rows.selectExpr("code", *VALUES, f"DATE'{start}' AS valid_from", f"{until} AS valid_to")


def expected(before: DataFrame, old: DataFrame, new: DataFrame) -> DataFrame:
    """The dimension after FIRST (``before``), SECOND (``old``; all keys changed) and THIRD (``new``), by definition."""
    from pyspark.sql import functions as F  # ruff: ignore[lowercase-imported-as-non-lowercase]

    same = F.lit(True)
    for name in VALUES:
        same &= F.col(f"o.{name}").eqNullSafe(F.col(f"n.{name}"))
    joined = old.alias("o").join(new.alias("n"), F.col("o.code") == F.col("n.code"), "full_outer")
    stays = joined.where(F.col("o.code").isNotNull()).select(
        "o.*", F.lit(SECOND).alias("valid_from"),
        F.when(F.col("n.code").isNull() | ~same, F.lit(THIRD)).alias("valid_to"),
    )  # fmt: skip
    opens = joined.where(F.col("n.code").isNotNull() & (F.col("o.code").isNull() | ~same)).select("n.*")
    return _period(before, FIRST, SECOND).unionByName(stays).unionByName(_period(opens, THIRD, None))


def digest(rows: DataFrame) -> tuple[int, str]:
    """Count and an order-free checksum of the history in a table."""
    # As texts: a number's checksum differs between its types.
    columns = ", ".join(f"CAST({name} AS STRING)" for name in ("code", *VALUES, "valid_from", "valid_to"))
    found = rows.selectExpr(f"CAST(xxhash64({columns}) AS DECIMAL(38, 0)) AS digest")
    row = found.selectExpr("count(1) AS rows", "CAST(sum(digest) AS STRING) AS digest").collect()[0]
    return int(row["rows"]), str(row["digest"])
