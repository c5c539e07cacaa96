"""What an expression of a contract may call: functions of one row's values, found by reading it, not by searching."""

from __future__ import annotations

import pytest

from lake_model.contracts.sql_expressions import ExpressionError, columns_of, forbidden_call
from lake_model.contracts.sql_functions import ALLOWED, SYNTAX, UNSTABLE

UNKNOWN = "is no function that a contract may call: those that are compute with the values of one row"
VARIES = "differs from run to run: use the columns of the row alone"


@pytest.mark.parametrize(
    ("expression", "call"),
    [
        ("java_method('java.lang.System', 'getenv', 'HOME')", "java_method("),
        ("reflect('java.lang.Runtime', 'getRuntime')", "reflect("),
        ("upper(try_reflect('java.util.UUID', 'randomUUID'))", "try_reflect("),
        ("`java_method`('java.lang.System', 'exit', 1)", "java_method("),
        ("Java_Method /* now */ ('x', 'y')", "Java_Method("),
        ("ai_query('model', note)", "ai_query("),
        ("http_request(conn => 'x', method => 'GET')", "http_request("),
        ("secret('scope', 'key')", "secret("),
        ("read_files(note)", "read_files("),
        ("raise_error(note)", "raise_error("),
        ("count(*) OVER ()", "count("),
        ("explode(array(1))", "explode("),
        ("my_function(note)", "my_function("),
        ("case when reflect('a', 'b') = note then 1 end", "reflect("),
        ("transform(array(1), x -> reflect('a', x))", "reflect("),
    ],
)
def test_a_function_that_is_not_listed_is_refused(expression: str, call: str) -> None:
    assert forbidden_call(expression, ["note"]) == (call, UNKNOWN)


@pytest.mark.parametrize("expression", ["system.builtin.upper(note)", "main.default.upper(note)", "a.`upper`(note)"])
def test_a_function_is_named_without_its_catalog(expression: str) -> None:
    assert forbidden_call(expression, ["note"]) == ("upper(", f"{UNKNOWN}, and are named without their catalog")


@pytest.mark.parametrize(
    ("expression", "call"),
    [
        ("now()", "now("),
        ("year(NOW ())", "NOW("),
        ("current_timestamp()", "current_timestamp("),
        ("if(rand() < 0.5, note, null)", "rand("),
        ("`uuid`()", "uuid("),
        ("unix_timestamp()", "unix_timestamp("),
        ("input_file_name()", "input_file_name("),
        ("current_user()", "current_user("),
    ],
)
def test_a_call_that_differs_from_run_to_run_is_refused(expression: str, call: str) -> None:
    assert forbidden_call(expression, ["note"]) == (call, VARIES)


@pytest.mark.parametrize("word", ["current_date", "CURRENT_TIMESTAMP", "user", "session_user", "localtimestamp"])
def test_a_word_that_spark_takes_for_a_call_is_refused_unless_it_is_a_column(word: str) -> None:
    expression = f"coalesce(note, {word})"
    assert forbidden_call(expression, ["note"]) == (word, f"{VARIES}; a column of that name is written `{word}`")
    assert forbidden_call(expression, ["note", word.lower()]) is None
    assert forbidden_call(f"coalesce(note, `{word}`)", ["note"]) is None
    assert forbidden_call(f"coalesce(note, sales.{word})", ["note"]) is None


@pytest.mark.parametrize(
    "expression",
    [
        "case when note = 'call now (urgent)' then 'rand()' else note end",
        r"regexp_replace(note, r'now\(\)', 'user')",
        'concat(note, "current_date")',
        "note -- now()",
        "note /* reflect('a', 'b') */",
        "CAST(note AS decimal(18, 2)) IN (1, 2) AND NOT (note IS NULL) OR (note BETWEEN (1) AND (2))",
        "note LIKE ('a%') OR note RLIKE ('a') OR a.b = 1",
        "extract(year from day) + datediff(day, date '2026-01-01') + unix_timestamp(day)",
        "trim(both ' ' from note) || left(note, 1) || replace(note, 'a', 'b') || if(note = '', 'x', `upper`(note))",
        "exists(array(1), x -> (x) > 0) and map('a', 1)['a'] = 1 and named_struct('a', note).a = 1",
        "CASE (note) WHEN ('a') THEN (1) ELSE (2) END",
        "try_cast(note as array<struct<a: int>>)[0].a + interval '1' day",
        "day::date",
    ],
)
def test_an_expression_over_one_rows_values_passes(expression: str) -> None:
    assert columns_of(expression)
    assert forbidden_call(expression, ["note", "day"]) is None


@pytest.mark.parametrize("expression", ["(" * 60 + "note" + ")" * 60, "[" * 60, "upper(" * 3000 + "note" + ")" * 3000])
def test_an_expression_that_is_nested_too_deeply_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError, match="is nested too deeply: write it as several columns, or more simply"):
        columns_of(expression)


def test_a_long_chain_of_operators_is_refused_or_read() -> None:
    assert [one.column for one in columns_of(" + ".join(["note"] * 200))] == ["note"]
    with pytest.raises(ExpressionError, match="nested too deeply"):
        columns_of("not " * 20000 + "note")


def test_no_word_is_in_two_lists() -> None:
    assert not ALLOWED & UNSTABLE
    assert not ALLOWED & SYNTAX
