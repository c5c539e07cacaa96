"""The process that measures: makes the sales, then lets each way judge them in turn. Its last line is JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from lake_model.contracts.silver_contract import SilverContract

COLUMNS = (
    ("product_code", "string"),
    ("customer_code", "string"),
    ("market_code", "string"),
    ("order_date", "date"),
    ("sales_qty", "bigint"),
    ("sales_amount", "decimal(14,2)"),
    ("currency", "string"),
)
# Rules as conditions that a good row meets, with the name of DQX's own check and its arguments. One row in 97 breaks
# one of them.
RULES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("product_code_required", "product_code IS NOT NULL", "is_not_null", {"column": "product_code"}),
    ("customer_code_required", "customer_code IS NOT NULL", "is_not_null", {"column": "customer_code"}),
    ("market_code_required", "market_code IS NOT NULL", "is_not_null", {"column": "market_code"}),
    ("order_date_required", "order_date IS NOT NULL", "is_not_null", {"column": "order_date"}),
    ("product_code_pattern", "product_code IS NULL OR product_code RLIKE '^Prod[0-9]{3,}$'", "regex_match",
     {"column": "product_code", "regex": "^Prod[0-9]{3,}$"}),
    ("sales_qty_minimum", "sales_qty IS NULL OR sales_qty >= 1", "is_not_less_than",
     {"column": "sales_qty", "limit": 1}),
    ("sales_qty_maximum", "sales_qty IS NULL OR sales_qty <= 1000", "is_not_greater_than",
     {"column": "sales_qty", "limit": 1000}),
    ("currency_valid_values", "currency IS NULL OR currency IN ('INR', 'USD')", "is_in_list",
     {"column": "currency", "allowed": ["'INR'", "'USD'"]}),
    ("sales_amount_positive", "sales_amount IS NULL OR sales_amount > 0", "sql_expression",
     {"expression": "sales_amount > 0", "msg": "sales_amount is not positive"}),
    ("amount_fits_quantity", "sales_amount IS NULL OR sales_amount <= sales_qty * 5000", "sql_expression",
     {"expression": "sales_amount <= sales_qty * 5000", "msg": "the amount does not fit the quantity"}),
)  # fmt: skip


def main(rows: int, runs: int, folder: str, dqx: bool) -> None:
    """Measures every way and prints what was found."""
    from medallion.run.session import check_java
    from pyspark.sql import SparkSession

    check_java()
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    try:
        path = str(Path(folder) / "sales")
        spoilt = _make(spark, rows, path)
        ways: dict[str, Callable[[DataFrame], DataFrame]] = {
            "no rules": lambda sales: sales,
            "hand-written filter": _hand_written,
            "ours": _ours(),
        }
        if dqx:
            ways["DQX"] = _dqx(spark)
        seconds = _measure(spark, path, ways, runs)
        found = {name: _findings(way(_read(spark, path))) for name, way in ways.items() if name != "no rules"}
    finally:
        spark.stop()
    print(json.dumps({
        "rows": rows, "runs": runs, "rules": len(RULES), "spoilt": spoilt,
        "ways": {name: {"seconds": min(taken), "judges": name in found, "found": found.get(name)}
                 for name, taken in seconds.items()},
    }))  # fmt: skip


def _make(spark: SparkSession, rows: int, path: str) -> int:
    """Writes the sales; gives the number of spoilt rows."""
    sales = spark.range(rows, numPartitions=4).selectExpr(
        "IF(id % 97 = 0 AND id % 5 = 0, 'prod', concat('Prod', lpad(CAST(id % 340 AS string), 3, '0'))) product_code",
        "IF(id % 97 = 0 AND id % 5 = 1, NULL, concat('Cus', lpad(CAST(id % 38 AS string), 3, '0'))) AS customer_code",
        "concat('Mark', lpad(CAST(id % 15 AS string), 3, '0')) AS market_code",
        "date_add(DATE'2024-01-01', CAST(id % 1000 AS int)) AS order_date",
        "IF(id % 97 = 0 AND id % 5 = 2, 0, id % 50 + 1) AS sales_qty",
        "CAST(IF(id % 97 = 0 AND id % 5 = 3, -1, id % 9000 / 7 + 1) AS decimal(14,2)) AS sales_amount",
        "IF(id % 97 = 0 AND id % 5 = 4, 'EUR', IF(id % 50 = 0, 'USD', 'INR')) AS currency",
    )
    sales.write.parquet(path)
    return _read(spark, path).where(" OR ".join(f"NOT ({good})" for _, good, _, _ in RULES)).count()


def _read(spark: SparkSession, path: str) -> DataFrame:
    return spark.read.parquet(path)


def _measure(
    spark: SparkSession, path: str, ways: dict[str, Callable[[DataFrame], DataFrame]], runs: int
) -> dict[str, list[float]]:
    """Seconds of each run of each way; a first one of each, which compiles and warms up, is thrown away."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way(_read(spark, path)).write.format("noop").mode("overwrite").save()
            if number:
                taken[name].append(time.perf_counter() - started)
    return taken


def _findings(judged: DataFrame) -> int:
    return judged.where("_errors IS NOT NULL AND size(_errors) > 0").count()


def _hand_written(sales: DataFrame) -> DataFrame:
    """As an engineer writes it for one table: the names of the broken rules."""
    cases = ", ".join(f"CASE WHEN NOT ({good}) THEN '{name}' END" for name, good, _, _ in RULES)
    return sales.selectExpr("*", f"filter(array({cases}), name -> name IS NOT NULL) AS _errors")


def _ours() -> Callable[[DataFrame], DataFrame]:
    """The projection that silver runs, on rows that need no conversion."""
    import datetime as dt

    from medallion.quality.row_judgement import judge

    contract = _contract()

    def way(sales: DataFrame) -> DataFrame:
        cleaned = sales.selectExpr("'2024-01-01' AS _slice", "*", "CAST(NULL AS array<string>) AS _unconverted")
        return judge(cleaned, contract, dt.date(2026, 11, 20))

    return way


def _contract() -> SilverContract:
    from lake_model.contracts import row_rules as rules
    from lake_model.contracts.silver_contract import Column, Rule, Severity, SilverContract, TableKind

    error = Severity.ERROR
    given = rules.Given("currency_valid_values", error, "currency is not known")
    judged: Iterable[Rule] = (
        *(rules.type_conversion(name, kind) for name, kind in COLUMNS),
        *(rules.required(name, error) for name in ("product_code", "customer_code", "market_code", "order_date")),
        rules.option("product_code", "string", "pattern", "^Prod[0-9]{3,}$", error),
        rules.option("sales_qty", "bigint", "minimum", 1, error),
        rules.option("sales_qty", "bigint", "maximum", 1000, error),
        rules.of_metric("invalidValues", ("currency",), {"validValues": ["INR", "USD"]}, given, "string"),
        rules.expression("sales_amount > 0", (), rules.Given("sales_amount_positive", error, "not positive")),
        rules.expression(
            "sales_amount <= sales_qty * 5000", (), rules.Given("amount_fits_quantity", error, "does not fit")
        ),
    )
    columns = tuple(Column(name, name, name, kind) for name, kind in COLUMNS)
    return SilverContract("sales", "bench", "sales", "sales", TableKind.FACT, columns, tuple(judged))


def _dqx(spark: SparkSession) -> Callable[[DataFrame], DataFrame]:
    """As its documentation tests it without a workspace: a workspace client that is never called."""
    from unittest.mock import MagicMock

    from databricks.labs.dqx.engine import DQEngine
    from databricks.sdk import WorkspaceClient

    engine = DQEngine(MagicMock(spec=WorkspaceClient), spark=spark)
    checks = [
        {"name": name, "criticality": "error", "check": {"function": function, "arguments": arguments}}
        for name, _, function, arguments in RULES
    ]
    return lambda sales: engine.apply_checks_by_metadata(sales, checks)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
