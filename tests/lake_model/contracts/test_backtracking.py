"""Patterns that take hours over a short text are told from those that only look like them."""

from __future__ import annotations

import pytest

from lake_model.contracts.backtracking import backtracks
from lake_model.contracts.patterns import SLOW, pattern_fault
from lake_model.contracts.sql_expressions import forbidden_call

SLOW_PATTERNS = (
    r"(a+)+b",
    r"^(a*)*$",
    r"(a|a)*b",
    r"(a|ab|b)*c",
    r"^(\w+\s?)+$",
    r"(.*,){11}P",
    r"(a?){30}a{30}",
    r"([a-zA-Z]+)*\d",
    r"(x+x+)+y",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(?i)(a|A)+b",
    r"(\s*\w+\s*)+",
    r"(\d{1,3}\d{1,3})+x",
    r"(?:[a-z]*|[0-9])*!",
    r"(a{2,}){2,}z",
    r"(\p{L}+)+1",
    r"([A-Z]|[^0-9])+x",
    "a?" * 600,
)
QUICK_PATTERNS = (
    r"^Cus[0-9]{3,}$",
    r"^[A-Z]+(-[A-Z]+)*$",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    r"(\d{4}[- ]?){4}",
    r"([0-9a-f]{32},)+",
    r"^(\d{3}-)?\d{4}$",
    r"^(?<first>\p{Lu})[\h&&[^\t]]{1,2}\Q(\E",
    r"(?i)\{[{]+(?<=a{1,3})\}",
    r".*foo.*bar.*",
    r"^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$",
    r"^(ab*)*$",
    r"^([A-Z]{2}\d{2},?)+$",
    r"^.{0,64}$",
    r"a{1000}",
    r"(a|b)*c",
    r"^\s*\S+(\s+\S+)*\s*$",
    r"(?=.*\d)(?=.*[a-z]).{8,}",
    r"(?>a+)+b",
    r"(a++)+b",
    r"^([A-Z]+-){10}$",
)


@pytest.mark.parametrize("pattern", SLOW_PATTERNS)
def test_a_pattern_that_divides_a_text_in_many_ways_is_refused(pattern: str) -> None:
    assert backtracks(pattern)
    assert pattern_fault(pattern) == SLOW


@pytest.mark.parametrize("pattern", QUICK_PATTERNS)
def test_a_pattern_that_divides_it_in_one_is_taken(pattern: str) -> None:
    assert not backtracks(pattern)


def test_a_pattern_in_an_expression_is_looked_at_too() -> None:
    assert forbidden_call(r"regexp_replace(note, r'(\w+\s?)+$', '')", ["note"]) == (r"(\w+\s?)+$", SLOW)
    assert forbidden_call("note RLIKE '(a+)+b'", ["note"]) == ("(a+)+b", SLOW)
    assert forbidden_call("concat(note, '(a+)+b')", ["note"]) is None


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        ("note RLIKE concat('(a+)', '+b')", "CONCAT('(a+)', '+b')"),
        ("regexp_replace(note, other, '')", "other"),
        ("regexp(note, upper('a'))", "UPPER('a')"),
        ("split(note, trim(other))[0]", "TRIM(other)"),
        ("note RLIKE ANY ('x', other)", "other"),
        ("regexp_count(note, '(a+)' || '+b') > 0", "'(a+)' || '+b'"),
    ],
)
def test_a_pattern_that_nobody_can_look_at_before_it_runs_is_refused(expression: str, pattern: str) -> None:
    told = "is a pattern that is made as it runs: write it as one text, so that it can be looked at before"
    assert forbidden_call(expression, ["note", "other"]) == (pattern, told)


@pytest.mark.parametrize(
    "expression",
    [
        "note RLIKE ('a+')",
        r"regexp_extract(note, r'\d+', 0)",
        "note RLIKE ANY ('x', 'y')",
        "split(note, ',')[0] = other",
    ],
)
def test_a_pattern_that_is_written_out_is_taken(expression: str) -> None:
    assert forbidden_call(expression, ["note", "other"]) is None


def test_a_pattern_that_is_nested_too_deeply_is_refused() -> None:
    assert pattern_fault("(" * 3000 + "a" + ")" * 3000) == "is nested too deeply: write it more simply"
