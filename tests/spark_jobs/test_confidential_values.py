"""No value of a row is told to those who may not read the table: not in messages, not in the quarantine."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.spark_jobs.bronze_lake import BronzeLake
from tests.spark_jobs.jobs import date, ledger_row, run_failure, run_job, stored
from tests.spark_jobs.small_contracts import column, dimension, fact, key

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
SECRET = "4111-SECRET"


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return tmp_path / "contracts" / "shop"


@pytest.fixture
def lake(tmp_path: Path) -> BronzeLake:
    return BronzeLake(tmp_path / "lake", "shop")


@pytest.mark.parametrize(
    "expression",
    [
        "cast(card as int)",
        pytest.param("to_date(card, 'yyyy-MM-dd')", marks=pytest.mark.soak),
        pytest.param("element_at(array(1), length(card))", marks=pytest.mark.soak),
    ],
)
def test_a_message_names_what_failed_and_no_value(
    spark: SparkSession, contracts: Path, lake: BronzeLake, expression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    dimension(
        contracts, "payer", [key("id", "int", "integer"), column("card", "text", "string", transformLogic=expression)]
    )
    lake.land_snapshot("payer", pa.schema([("id", pa.int32()), ("card", pa.string())]), DAYS[0], [(1, SECRET)])
    failure = run_failure("silver", "payer", DAYS[0], lake.root, contracts)
    assert failure is not None
    assert "an expression of the contract failed on a row" in failure
    row = ledger_row("silver", "payer", DAYS[0], lake.root, "shop")
    assert SECRET not in failure + json.dumps(row) + "".join(capfd.readouterr())


def test_a_fault_of_the_job_itself_is_one_message_without_values(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    from medallion.run.cli import parse_arguments
    from medallion.run.job import run_jobs

    def work(*_: object) -> object:
        return int(SECRET)

    dimension(contracts, "payer", [key("id", "int", "integer")])
    argv = ["--contracts", str(contracts), "--tables", "payer", "--business-date", DAYS[0], "--run-id", "manual__1"]
    jobs = parse_arguments("silver", [*argv, "--lake-root", str(lake.root)])
    failure = run_jobs("silver", work, jobs)  # type: ignore[arg-type]
    assert failure == (
        f"silver payer {DAYS[0]}: the job has a fault of its own: ValueError at run/job.py:{_line_of_work()}; report it"
    )
    assert ledger_row("silver", "payer", DAYS[0], lake.root, "shop")["status"] == "failed"


def _line_of_work() -> int:
    from medallion.run import job

    lines = Path(str(job.__file__)).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if "outcome = work(spark, job, " in line)


def test_confidential_columns_are_masked_in_the_quarantine_of_a_dimension_and_its_history_names_no_key(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    secret = {"classification": "Restricted"}
    columns = [
        key("mail", "text", "string", **secret), column("phone", "text", "string", required=True, **secret),
        column("initial", "text", "string", customProperties=[{"property": "derived", "value": True}],
               transformLogic="left(born_as, 1)", **secret),
        column("town", "text", "string", classification="public", logicalTypeOptions={"pattern": "[a-z]+"}),
    ]  # fmt: skip
    dimension(contracts, "person", columns, scd_type=2)
    source = pa.schema([(name, pa.string()) for name in ("mail", "phone", "born_as", "town")])
    good, wrong = ("a@b.de", "1", "Smith", "bonn"), ("a@b.de", "2", "Jones", "BONN")
    for day, row in zip((DAYS[0], DAYS[2], DAYS[1]), (good, good, wrong), strict=True):
        moved = ("e'f@g.de", "3", "Miller", "hof" if day == DAYS[0] else "ulm")
        lake.land_snapshot("person", source, day, [row, ("c@d.de", None, None, "ulm"), moved])
        run_job("silver", "person", day, lake.root, contracts)
    digests = {
        mail: "sha256:" + hashlib.sha256(json.dumps([mail], separators=(",", ":")).encode()).hexdigest()
        for mail in ("a@b.de", "c@d.de")
    }
    entries = stored(lake.root, "silver/person_quarantine", ["business_date", "business_key", "raw_row", "state"])
    masked = {"mail": "***", "phone": None, "born_as": None, "town": "ulm"}
    assert [(str(day), found, json.loads(raw), state) for day, found, raw, state in entries] == sorted(
        [
            (DAYS[0], digests["c@d.de"], masked, "corrected"),
            (
                DAYS[1],
                digests["a@b.de"],
                {"mail": "***", "phone": "***", "born_as": "***", "town": "BONN"},
                "corrected",
            ),
            (DAYS[1], digests["c@d.de"], masked, "corrected"),
            (DAYS[2], digests["c@d.de"], masked, "open"),
        ],
        key=lambda one: (one[0], one[1]),
    )
    # A refused row is unknown, not absent: the version goes on.
    assert stored(lake.root, "silver/person", ["mail", "town", "valid_from", "valid_to"]) == [
        ("e'f@g.de", "hof", date(DAYS[0]), date(DAYS[1])),
        ("e'f@g.de", "ulm", date(DAYS[1]), None),
        ("a@b.de", "bonn", date(DAYS[0]), None),
    ]
    assert _history_names_no_mail(spark, lake)


def test_the_history_of_a_dimension_with_a_confidential_key_of_two_columns_names_none(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    secret = {"classification": "confidential"}
    columns = [key("mail", "text", "string", **secret), key("shop", "text", "string"), column("town", "text", "string")]
    dimension(contracts, "person", columns, scd_type=2)
    source = pa.schema([(name, pa.string()) for name in ("mail", "shop", "town")])
    for day, town in zip(DAYS[:2], ("bonn", "ulm"), strict=True):
        lake.land_snapshot("person", source, day, [("a'b@c.de", "shop", town), ("d@e.de", "shop", "hof")])
        run_job("silver", "person", day, lake.root, contracts)
    assert [row[:2] for row in stored(lake.root, "silver/person", ["mail", "town", "is_current"])] == [
        ("a'b@c.de", "bonn"), ("a'b@c.de", "ulm"), ("d@e.de", "hof"),
    ]  # fmt: skip
    assert _history_names_no_mail(spark, lake)


def _history_names_no_mail(spark: SparkSession, lake: BronzeLake) -> bool:
    """Though commits named keys, by their digests."""
    history = str(spark.sql(f"DESCRIBE HISTORY delta.`{lake.root}/silver/person`").collect())
    return "sha2(" in history and "@" not in history


def test_what_becomes_confidential_is_masked_and_gone_from_the_quarantine_after_the_documented_clearing(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    town = column("town", "text", "string", physicalName="place", transformLogic="trim(place)",
                  logicalTypeOptions={"pattern": "[a-z]+"})  # fmt: skip
    source = pa.schema([(name, pa.string()) for name in ("mail", "phone", "place", "trim", "Tax_No")])
    row = (SECRET, "0228", "BONN", "4 cm", "99")
    # Columns that no property is made from are masked beside confidential ones.
    in_clear = dict(zip(source.names, row, strict=True))
    masked = {**dict.fromkeys(source.names, "***"), "place": "BONN"}
    digest = hashlib.sha256(json.dumps([SECRET]).encode()).hexdigest()
    cases = (("public", f'["{SECRET}"]', in_clear), ("confidential", f"sha256:{digest}", masked))
    table = lake.root / "silver/person_quarantine"
    for day, (classification, business_key, expected) in zip(DAYS, cases, strict=False):
        secret = {"classification": classification}
        dimension(
            contracts,
            "person",
            [key("mail", "text", "string", **secret), column("phone", "text", "string", **secret), town],
        )
        lake.land_snapshot("person", source, day, [row])
        run_job("silver", "person", day, lake.root, contracts)
        entries = stored(lake.root, "silver/person_quarantine", ["business_date", "business_key", "raw_row"])
        assert {found for found, _, _ in entries} == {date(one) for one in DAYS if one <= day}
        # Those of before are masked too, and their key is a digest.
        assert all((found, json.loads(raw)) == (business_key, expected) for _, found, raw in entries)
    assert _data_files_hold(table, SECRET)
    # The statistics in the log never had it.
    assert not any(SECRET in path.read_text() for path in (table / "_delta_log").glob("*.json"))
    page = (Path(__file__).parents[2] / "docs" / "reference" / "contract.md").read_text()
    script = page.partition("### Confidential columns")[2].partition("```sql\n")[2].partition("```")[0]
    statements = [one.strip() for one in script.split(";")]
    assert [one.split()[0] for one in statements] == ["SET", "VACUUM"]
    check = statements[0].split()[1]
    before = spark.conf.get(check, None)
    try:
        for statement in statements:
            spark.sql(statement.replace("silver.person_quarantine", f"delta.`{table}`"))
    finally:
        spark.conf.unset(check) if before is None else spark.conf.set(check, before)
    assert not _data_files_hold(table, SECRET)
    # What is not cleared is what the table says today.
    assert stored(lake.root, "silver/person_quarantine", ["business_date", "business_key", "raw_row"]) == entries


def _data_files_hold(table: Path, text: str) -> bool:
    """Whether any data file of a Delta table has the text, those of its older versions among them."""
    files = [path for path in table.rglob("*.parquet") if "_delta_log" not in path.parts]
    assert files
    return any(text in json.dumps(pq.ParquetFile(path).read().to_pylist(), default=str) for path in files)


def test_confidential_values_of_a_fact_are_masked_and_their_sums_reconciled(
    spark: SparkSession, contracts: Path, lake: BronzeLake
) -> None:
    pay = column("pay", "decimal(10,2)", "number", required=True)
    columns = [column("id", "int", "integer", required=True), column("d", "date", "date", required=True), pay]
    source = pa.schema([("id", pa.int32()), ("d", pa.date32()), ("pay", pa.decimal128(10, 2))])
    fact(contracts, "wage", columns, measures=["pay"])
    day = date(DAYS[0])
    rows = [(1, day, Decimal("1.50")), (None, day, Decimal("777.25")), (None, day, Decimal("888.50"))]
    lake.land_fact("wage", source, DAYS[0], rows, "d")
    run_job("silver", "wage", DAYS[0], lake.root, contracts)
    # It becomes confidential, and one of the rows is corrected.
    columns[-1] = {**pay, "classification": "confidential"}
    fact(contracts, "wage", columns, measures=["pay"])
    lake.land_fact("wage", source, DAYS[1], [rows[0], (2, *rows[1][1:]), rows[2]], "d")
    (one,) = run_job("silver", "wage", DAYS[1], lake.root, contracts)["detail"]["dates"]
    assert one["sums"]["pay"] == {"bronze": "1667.25", "silver": "778.75", "quarantined": "888.50", "duplicate": "0"}
    entries = stored(lake.root, "silver/wage_quarantine", ["state", "raw_row"])
    assert {state for state, _ in entries} == {"open", "corrected"}
    assert all(json.loads(raw)["pay"] == "***" for _, raw in entries)
    again = run_job("silver", "wage", DAYS[1], lake.root, contracts)
    assert (again["outcome"], again["detail"]["dates"]) == ("unchanged", [one])
