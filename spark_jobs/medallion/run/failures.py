"""Puts what failed into one sentence that everybody may read: without any value of a row.

Ledger, task logs and alerts have more readers than the data. Spark prints the value that it could not convert, Delta
the keys that a commit is about, so that of their errors only what is known to hold no value is shown.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from pyspark.errors import AnalysisException, PySparkException

from lake_model.errors import LakehouseError
from medallion.errors import CleaningError, ConcurrentWriteError, MedallionError, is_conflict, told_refusal

# Under ANSI rules an expression of a contract that meets a bad value raises one of these.
_VALUE_ERRORS = re.compile(
    r"(?:CAST_(?:INVALID_INPUT|OVERFLOW)|(?:BINARY_)?ARITHMETIC_OVERFLOW|DIVIDE_BY_ZERO|REMAINDER_BY_ZERO"
    r"|NUMERIC_VALUE_OUT_OF_RANGE|NUMERIC_OUT_OF_SUPPORTED_RANGE|CANNOT_PARSE_\w+|DATETIME_\w+|INVALID_\w*(?:INDEX|INPUT"
    r"|FORMAT|FRACTION|NUMBER|DATETIME|URL)\w*|CONVERSION_INVALID_INPUT|MALFORMED_\w+|INTERVAL_\w+|MAP_KEY_\w+"
    r"|DUPLICATED_MAP_KEY|ELEMENT_AT_\w+|NULL_MAP_KEY|USER_RAISED_EXCEPTION|FAILED_EXECUTE_UDF)(?:\.\w+)?"
)
# Of these the text names tables, files, columns and types.
_TOLD = re.compile(
    r"(?!.*(?:CONSTRAINT|VALUES|REPLACE_WHERE|INVALID_PARTITION))"
    r"(?:FAILED_READ_FILE|PATH_|TABLE_|SCHEMA_|CATALOG_|DELTA_|CANNOT_(?:READ|LOAD|MERGE)|INSUFFICIENT_|PERMISSION_"
    r"|UNSUPPORTED_|CONFIG_|CANNOT_MODIFY_CONFIG|OPERATION_CANCELED|INVALID_HANDLE|INCOMPATIBLE_)[\w.]*"
)
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]{3,}(?:\.[A-Z0-9_]+)*)\]")
_JAVA_CLASS = re.compile(r"\b(?:[a-z]\w*\.)+([A-Z]\w*(?:Exception|Error))\b")
# Of the system and of storage, which know no rows.
_SYSTEM = re.compile(
    r"\b(?:java\.(?:io|nio|net)|javax\.net|org\.apache\.hadoop|shaded\.databricks|com\.azure)[\w.$]*"
    r"(?:Exception|Error): [^\n]{1,300}|java\.lang\.OutOfMemoryError[^\n]{0,80}"
)
# What follows is Spark's plan, the Java stack, and the text of the query.
_REST = re.compile(r"; line \d+ pos|\n\n|\n\tat |JVM stacktrace|== SQL")
_OWN_FAULTS = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, AssertionError)
_MOST_CAUSES = 8


def explain(error: Exception) -> LakehouseError:
    """An error as one message; what a row's value caused says what to do about it."""
    if isinstance(error, LakehouseError):
        return error
    if isinstance(error, OSError):
        return MedallionError(f"the system refused: {error}; mend that and run this again")
    if isinstance(error, _OWN_FAULTS) and not isinstance(error, PySparkException):
        return MedallionError(f"the job has a fault of its own: {type(error).__name__}{_place(error)}; report it")
    texts = _texts(error)
    condition, text = _condition(error, texts)
    if refused := next(filter(None, map(told_refusal, texts)), None):
        return CleaningError(refused)
    if is_conflict(error):
        return ConcurrentWriteError(
            f"another run wrote to the same table; run this one again when it is done: [{condition}]"
        )
    if _VALUE_ERRORS.fullmatch(condition):
        return CleaningError(
            "an expression of the contract failed on a row instead of giving NULL: use try_cast, try_divide and their "
            f"kin in transformLogic: [{condition}]{_fragment(error)}"
        )
    if (isinstance(error, AnalysisException) and "DELTA_" not in condition) or _TOLD.fullmatch(condition):
        sentence = " ".join(_REST.split(text)[0].split())
        return MedallionError(f"Spark refused: {sentence or type(error).__name__}")
    every = "\n".join(texts)
    found = _SYSTEM.search(every)
    classes = list(dict.fromkeys(_JAVA_CLASS.findall(every)))
    kind = found.group(0) if found else f"[{condition}]" if condition else " of ".join(classes[:3][::-1])
    return MedallionError(
        f"Spark refused: {kind or type(error).__name__} (its own words may hold values of rows, and stand in the "
        f"cluster's log alone){_place(error)}"
    )


def _texts(error: Exception) -> list[str]:
    """What an error says, and what its causes in Java say; some say nothing but that another one was thrown."""
    texts = [str(error).strip()]
    cause: Any = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    while cause is not None and len(texts) < _MOST_CAUSES:
        texts.append(str(cause.toString()))
        cause = cause.getCause()
    return texts


def _condition(error: Exception, texts: list[str]) -> tuple[str, str]:
    """The name that Spark has for a kind of error (empty where it gives none), and the text that has it."""
    known = (error.getCondition() or "") if isinstance(error, PySparkException) else ""
    if known and not known.startswith("_LEGACY"):
        return known, texts[0]
    return next(((found.group(1), text) for text in texts if (found := _CONDITION.search(text))), ("", texts[0]))


def _fragment(error: Exception) -> str:
    """The part of a contract's expression that failed, where Spark knows it."""
    if not isinstance(error, PySparkException):
        return ""
    fragments = [context.fragment() for context in error.getQueryContext() or []]
    return f" in {' '.join(fragments[0].split())}" if fragments and fragments[0] else ""


def _place(error: Exception) -> str:
    """Where in the job's own code an error came up."""
    here = Path(__file__).parents[1]
    frames = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(here)]
    if not frames:
        return ""
    return f" at {Path(frames[-1].filename).relative_to(here)}:{frames[-1].lineno}"
