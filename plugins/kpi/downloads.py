"""Tables as files for a spreadsheet, with their exact figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kpi.amounts import Value
from kpi.figures import Figures
from kpi.pivot import MOST_LINES, Head, Pivot
from kpi.pivot_questions import OTHERS, TOTAL, PivotQuestion
from kpi.questions import Question
from kpi.seen import Seen
from lake_model.contracts.kpi_contract import Level

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# What a spreadsheet would take for a formula, and run.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_EXCELS_DIGITS = 15

Cell = str | Value


@dataclass(frozen=True)
class Sheet:
    """A table as a file.

    Attributes:
        name: of the file, without its ending.
        about: what the figures are: words, and what they say.
    """

    name: str
    heads: list[str]
    lines: list[list[Cell]]
    about: list[tuple[str, str]]


def leaderboard_sheet(seen: Seen, figures: Figures, question: Question, level: Level) -> Sheet:
    """All values of a level with the figures of the period and of the one before."""
    period, before, title = question.comparison.period, figures.previous, question.measure.title
    heads = [level.title, f"{title} {period.start} to {period.end}"]
    heads += [f"{title} {before.start} to {before.end}"] if before else []
    lines: list[list[Cell]] = [
        [line.name, line.value, *([line.previous] if before else []), line.share]
        for line in figures.leaderboard(level, MOST_LINES).lines
    ]
    name = f"{question.contract.table}-{level.column}-{question.measure.name}"
    return Sheet(name, [*heads, "Share"], lines, _about(seen, question))


def pivot_sheet(seen: Seen, asked: PivotQuestion, pivot: Pivot) -> Sheet:
    """All lines of a table, and their total."""
    columns = asked.columns.name if asked.columns else "measures"
    name = f"{asked.question.contract.table}-{asked.rows.name}-{columns}"
    lines: list[list[Cell]] = [[line.name, *line.values] for line in pivot.lines]
    heads = [asked.rows.title, *(_head(head) for head in pivot.heads)]
    return Sheet(name, heads, [*lines, ["All", *pivot.totals]], _about(seen, asked.question, asked.search))


def _head(head: Head) -> str:
    return {TOTAL: head.measure.title, OTHERS: "Others"}.get(head.key) or head.name or head.measure.title


def _about(seen: Seen, question: Question, search: str = "") -> list[tuple[str, str]]:
    period, about = question.comparison.period, seen.sight.about
    titles = {level.column: level.title for level in question.contract.levels}
    return [
        ("Table", question.contract.title),
        ("Measure", " ".join(filter(None, [question.measure.title, question.measure.unit]))),
        ("Period", f"{period.start} to {period.end}"),
        *((titles[level], ", ".join(values)) for level, values in question.filters.items()),
        *([("Names with", search)] if search else []),
        ("Version of gold", f"{about.version} of {about.committed_at}"),
    ]


def file_of(sheet: Sheet, kind: str) -> bytes:
    """The file of a sheet; `kind` is one of `MEDIA_TYPES`."""
    return _excel(sheet) if kind == "xlsx" else _csv(sheet)


def _csv(sheet: Sheet) -> bytes:
    """In UTF-8 as Excel knows it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    lines: list[list[Cell]] = [[*sheet.heads], *sheet.lines]
    for line in lines:
        writer.writerow([_harmless(cell) if isinstance(cell, str) else _text(cell) for cell in line])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _text(value: Value) -> str:
    return "" if value is None else f"{value:f}"


def _excel(sheet: Sheet) -> bytes:
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook(write_only=True)
    figures: Any = book.create_sheet("Figures")
    about: Any = book.create_sheet("About")
    figures.freeze_panes = "B2"
    figures.column_dimensions["A"].width = about.column_dimensions["B"].width = 32
    figures.append(_cells(figures, sheet.heads, bold=True))
    for line in sheet.lines:
        figures.append(_cells(figures, line))
    for words in sheet.about:
        about.append(_cells(about, words))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cells(sheet: Any, line: Sequence[Cell], *, bold: bool = False) -> list[Any]:
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # type: ignore[import-untyped]
    from openpyxl.styles import Font  # type: ignore[import-untyped]

    found: list[Any] = []
    for one in line:
        # A spreadsheet's numbers have 15 digits: longer ones stay whole as texts.
        value = _text(one) if isinstance(one, Decimal) and len(one.as_tuple().digits) > _EXCELS_DIGITS else one
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value)
        if isinstance(value, str):
            cell.data_type = "s"  # Never a formula.
        elif value is not None:
            cell.number_format = "#,##0.00" if value.as_tuple().exponent else "#,##0"
        if bold:
            cell.font = Font(bold=True)
        found.append(cell)
    return found
