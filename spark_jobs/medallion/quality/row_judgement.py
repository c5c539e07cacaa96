"""Judges cleaned rows by a contract's rules: one projection gives each row its errors and warnings.

The results have the shape that Databricks' DQX gives them, so that its dashboards can read them. ``run_time`` and
``run_id`` stay NULL: a row judged again must be the same row (running a date again changes nothing). The run that first
saw a refused row is a column of the quarantine table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lake_model.contracts.row_rules import UNIQUE as UNIQUE
from lake_model.contracts.silver_contract import Rule, Severity, SilverContract, TableKind, Waiver
from medallion.lake.sql_text import identifier, text_literal
from medallion.quality.known_keys import KnownKeys, with_known
from medallion.quality.rules import matches, violation

ERRORS = "_errors"
WARNINGS = "_warnings"
WAIVED = "_waived"
COUNTED = "_counted"
FINDINGS = (ERRORS, WARNINGS, WAIVED, COUNTED)
HAS_FINDINGS = " OR ".join(f"{name} IS NOT NULL" for name in FINDINGS)
FINDINGS_TYPE = (
    "array<struct<name:string,message:string,columns:array<string>,filter:string,function:string,"
    "run_time:timestamp,run_id:string,user_metadata:map<string,string>>>"
)


@dataclass(frozen=True)
class _Found:
    """One finding that a row may have: its condition and its struct, both Spark SQL."""

    condition: str
    finding: str


def judge(cleaned: DataFrame, contract: SilverContract, as_of: dt.date, known: Sequence[KnownKeys] = ()) -> DataFrame:
    """Adds what the rules say of each row, each NULL where there is nothing to say; drops ``_unconverted``.

    ``_errors`` refuse a row. ``_warnings`` stay beside it; they hold what a waiver made of an error too, and
    ``_waived`` has those alone. ``_counted`` names the rules with a limit that the row breaks.

    What must be unique must be so among the rows of one slice: rows of other slices are not looked at, so that the
    order in which slices are processed makes no difference.

    Args:
        cleaned: as ``cleaning.clean`` gives it.
        as_of: the date that waivers must reach to hold.
        known: the keys behind each reference that is an error.
    """
    waivers = [waiver for waiver in contract.waivers if as_of <= waiver.until]
    # A dimension's snapshot is one slice; a constant in the window's partition would cost a shuffle of its own.
    slice_column = "_slice" if contract.kind is TableKind.FACT else None
    rows, violations = _violations(cleaned, (*contract.rules, *contract.counted), slice_column, contract, known)
    waived = _waived(contract, waivers, violations)
    errors = [
        _Found(_not_waived(violations[rule.name], rule, waivers), _finding(rule))
        for rule in contract.rules
        if rule.severity is Severity.ERROR
    ]
    broken_rows = [_Found(violations[rule.name], text_literal(rule.name)) for rule in contract.counted]
    return rows.select(
        *[identifier(name) for name in cleaned.columns if name != "_unconverted"],
        _found_in_row(errors).alias(ERRORS),
        _found_in_row([*_warnings(contract, violations), *waived]).alias(WARNINGS),
        _found_in_row(waived).alias(WAIVED),
        _found_in_row(broken_rows, "array<string>").alias(COUNTED),
    )


def judge_warnings(
    rows: DataFrame, contract: SilverContract, slice_column: str, known: Sequence[KnownKeys] = ()
) -> DataFrame:
    """Adds ``_warnings`` to accepted rows of the contract's columns alone.

    An accepted row that breaks a rule with severity error was waived; its mark stays when the waiver has ended, so that
    the words beside a version do not depend on when it is written.
    """
    covered = {name for waiver in contract.waivers for name in waiver.rules}
    wanted = tuple(rule for rule in contract.rules if rule.severity is Severity.WARNING or rule.name in covered)
    judged, violations = _violations(rows, wanted, slice_column, contract, known)
    warnings = [*_warnings(contract, violations), *_waived(contract, contract.waivers, violations)]
    return judged.select(*[identifier(name) for name in rows.columns], _found_in_row(warnings).alias(WARNINGS))


def _violations(
    rows: DataFrame,
    rules: Sequence[Rule],
    slice_column: str | None,
    contract: SilverContract,
    known: Sequence[KnownKeys],
) -> tuple[DataFrame, dict[str, str]]:
    """By rule the condition that a row breaks it by, and the rows with the columns that the conditions need."""
    rows, violations = with_known(rows, contract.date_column, [one for one in known if one.rule in rules])
    for number, rule in enumerate(rules):
        if rule.reference:
            continue
        if rule.function == UNIQUE:
            rows = rows.withColumn(f"_rows_{number}", _rows_sharing(rule, slice_column))
            violations[rule.name] = f"_rows_{number} > 1"
        else:
            violations[rule.name] = violation(rule)
    return rows, violations


def _warnings(contract: SilverContract, violations: Mapping[str, str]) -> list[_Found]:
    return [
        _Found(violations[rule.name], _finding(rule)) for rule in contract.rules if rule.severity is Severity.WARNING
    ]


def _waived(contract: SilverContract, waivers: Iterable[Waiver], violations: Mapping[str, str]) -> list[_Found]:
    """What each waiver says of the rows that it lets pass; where several do, the first of them."""
    found = []
    for rule in contract.rules:
        earlier: list[str] = []
        for waiver in waivers:
            if rule.severity is not Severity.ERROR or rule.name not in waiver.rules:
                continue
            condition = f"({violations[rule.name]}) AND ({matches(waiver)})"
            for one in earlier:
                condition += f" AND NOT ({one})"
            found.append(_Found(condition, _finding(rule, waiver)))
            earlier.append(matches(waiver))
    return found


def _not_waived(violated: str, rule: Rule, waivers: Iterable[Waiver]) -> str:
    passed = " OR ".join(f"({matches(waiver)})" for waiver in waivers if rule.name in waiver.rules)
    return f"({violated}) AND NOT ({passed})" if passed else violated


def _found_in_row(found: list[_Found], result_type: str = FINDINGS_TYPE) -> Column:
    if not found:
        return F.lit(None).cast(result_type)
    each = ", ".join(f"IF({one.condition}, {one.finding}, NULL)" for one in found)
    some = " OR ".join(f"({one.condition})" for one in found)
    # As text: a column built call by call costs a round trip to the JVM for each of its parts.
    return F.expr(f"CAST(IF({some}, array_compact(array({each})), NULL) AS {result_type})")


def _rows_sharing(rule: Rule, slice_column: str | None) -> Column:
    columns = [F.col(identifier(name)) for name in rule.columns]
    complete = F.lit(True)
    for column in columns:
        complete &= column.isNotNull()
    within = [slice_column] if slice_column else []
    return F.when(complete, F.count(F.lit(1)).over(Window.partitionBy(*within, *columns)))


def _finding(rule: Rule, waiver: Waiver | None = None) -> str:
    columns = ", ".join(text_literal(name) for name in rule.columns)
    message = rule.message if waiver is None else f"waived: {waiver.reason} ({rule.message})"
    facts = {"dimension": rule.dimension, "waived_until": waiver.until.isoformat() if waiver else None}
    metadata = ", ".join(f"'{name}', {text_literal(value)}" for name, value in facts.items() if value)
    values = {
        "name": text_literal(rule.name),
        "message": text_literal(message),
        "columns": f"CAST(array({columns}) AS array<string>)",
        "filter": "CAST(NULL AS string)",
        "function": text_literal(rule.function),
        "run_time": "CAST(NULL AS timestamp)",
        "run_id": "CAST(NULL AS string)",
        "user_metadata": f"CAST({f'map({metadata})' if metadata else 'NULL'} AS map<string,string>)",
    }
    return f"named_struct({', '.join(f'{text_literal(name)}, {value}' for name, value in values.items())})"
