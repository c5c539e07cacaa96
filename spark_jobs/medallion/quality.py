"""Judges cleaned rows by a contract's rules: one projection gives each row its errors and warnings.

The results have the shape that Databricks' DQX gives them, so that its dashboards can read them. ``run_time`` and
``run_id`` stay NULL: a row judged again must be the same row (running a date again changes nothing). The run that first
saw a refused row is a column of the quarantine table.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from medallion.contracts import Rule, Severity, SilverContract
from medallion.rules import identifier, text_literal

ERRORS = "_errors"
WARNINGS = "_warnings"
FINDINGS_TYPE = (
    "array<struct<name:string,message:string,columns:array<string>,filter:string,function:string,"
    "run_time:timestamp,run_id:string,user_metadata:map<string,string>>>"
)


def judge(cleaned: DataFrame, contract: SilverContract) -> DataFrame:
    """Adds ``_errors`` and ``_warnings``, each NULL where there is nothing to say; drops ``_unconverted``.

    What must be unique must be so among the rows of one slice: rows of other slices are not looked at, so that the
    order in which slices are processed makes no difference.
    """
    return _with_findings(cleaned, contract, "_slice", (ERRORS, WARNINGS)).drop("_unconverted")


def judge_warnings(rows: DataFrame, contract: SilverContract, slice_column: str) -> DataFrame:
    """Adds ``_warnings`` to rows of the contract's columns alone."""
    return _with_findings(rows, contract, slice_column, (WARNINGS,))


def _with_findings(rows: DataFrame, contract: SilverContract, slice_column: str, wanted: tuple[str, ...]) -> DataFrame:
    severities = {ERRORS: Severity.ERROR, WARNINGS: Severity.WARNING}
    counted, violations = rows, dict[str, str]()
    for number, rule in enumerate(contract.rules):
        if rule.function == "is_unique" and rule.severity in {severities[name] for name in wanted}:
            counted = counted.withColumn(f"_rows_{number}", _rows_sharing(rule, slice_column))
            violations[rule.name] = f"_rows_{number} > 1"
    found = [findings(contract.rules, severities[name], violations).alias(name) for name in wanted]
    return counted.select(*[identifier(name) for name in rows.columns], *found)


def findings(rules: tuple[Rule, ...], severity: Severity, violations: Mapping[str, str]) -> Column:
    """The broken rules of one severity, NULL when none; ``violations`` gives conditions that the rules do not."""
    judged = [
        (rule.violated or violations[rule.name], _finding(rule))
        for rule in rules
        if rule.severity is severity and (rule.violated or rule.name in violations)
    ]
    if not judged:
        return F.lit(None).cast(FINDINGS_TYPE)
    found = ", ".join(f"IF({violated}, {finding}, NULL)" for violated, finding in judged)
    broken = " OR ".join(f"({violated})" for violated, _ in judged)
    # As text: a column built call by call costs a round trip to the JVM for each of its parts.
    return F.expr(f"CAST(IF({broken}, array_compact(array({found})), NULL) AS {FINDINGS_TYPE})")


def _rows_sharing(rule: Rule, slice_column: str) -> Column:
    columns = [F.col(identifier(name)) for name in rule.columns]
    complete = F.lit(True)
    for column in columns:
        complete &= column.isNotNull()
    return F.when(complete, F.count(F.lit(1)).over(Window.partitionBy(slice_column, *columns)))


def _finding(rule: Rule) -> str:
    columns = ", ".join(text_literal(name) for name in rule.columns)
    metadata = f"map('dimension', {text_literal(rule.dimension)})" if rule.dimension else "NULL"
    values = {
        "name": text_literal(rule.name),
        "message": text_literal(rule.message),
        "columns": f"CAST(array({columns}) AS array<string>)",
        "filter": "CAST(NULL AS string)",
        "function": text_literal(rule.function),
        "run_time": "CAST(NULL AS timestamp)",
        "run_id": "CAST(NULL AS string)",
        "user_metadata": f"CAST({metadata} AS map<string,string>)",
    }
    return f"named_struct({', '.join(f'{text_literal(name)}, {value}' for name, value in values.items())})"
