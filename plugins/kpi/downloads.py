"""A leaderboard as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io

from kpi.figures import Figures, Value
from kpi.questions import Question
from lake_model.contracts.kpi_contract import Level

MOST_LINES = 100_000
# What a spreadsheet would take for a formula, and run.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def leaderboard_csv(figures: Figures, question: Question, level: Level) -> bytes:
    """All values of a level with the exact figures of the period and of the one before, in UTF-8 as Excel knows it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    period, before, title = question.comparison.period, figures.previous, question.measure.title
    heads = [level.title, f"{title} {period.start} to {period.end}"]
    heads += [f"{title} {before.start} to {before.end}"] if before else []
    writer.writerow([*map(_harmless, heads), "Share"])
    for line in figures.leaderboard(level, MOST_LINES).lines:
        values = [line.value, *([line.previous] if before else []), line.share]
        writer.writerow([_harmless(line.name), *map(_text, values)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _text(value: Value) -> str:
    return "" if value is None else f"{value:f}"
