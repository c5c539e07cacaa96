"""Whatever fails, a message says what kind of thing it was and holds no value of a row; pure, without Spark."""

from __future__ import annotations

import builtins

import pytest

SECRET = "4111-SECRET"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            (
                "SparkRuntimeException",
                f"[CAST_INVALID_INPUT] The value '{SECRET}' of the type \"STRING\" cannot be cast",
            ),
            "use try_cast, try_divide and their kin in transformLogic: [CAST_INVALID_INPUT]",
        ),
        (
            ("PySparkException", f"[DELTA_CONCURRENT_APPEND] Conflicting commit: predicate code IN ('{SECRET}')"),
            "another run wrote to the same table; run this one again when it is done: [DELTA_CONCURRENT_APPEND]",
        ),
        (
            ("AnalysisException", f"[DELTA_REPLACE_WHERE_MISMATCH] written data violates code IN ('{SECRET}')"),
            "Spark refused: [DELTA_REPLACE_WHERE_MISMATCH] (its own words may hold values",
        ),
        (
            (
                "PySparkException",
                f'Job aborted: Lost task: java.lang.NumberFormatException: For input string: "{SECRET}"',
            ),
            "Spark refused: NumberFormatException (its own words",
        ),
        (
            (
                "PySparkException",
                "Exception thrown in awaitResult: java.io.IOException: No space left on device\n\tat x",
            ),
            "Spark refused: java.io.IOException: No space left on device (its own words",
        ),
        (("PySparkException", ""), "Spark refused: PySparkException (its own words"),
        (("AnalysisException", ""), "Spark refused: AnalysisException"),
        (
            (
                "AnalysisException",
                "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `kode` cannot be resolved; line 1 pos 7",
            ),
            "Spark refused: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `kode` cannot be resolved",
        ),
        (
            (
                "PySparkException",
                "[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file /lake/x.parquet.",
            ),
            "Spark refused: [FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file /lake/x.parquet.",
        ),
        (("ValueError", f"invalid literal: '{SECRET}'"), "the job has a fault of its own: ValueError; report it"),
        (("OverflowError", "date value out of range"), "the job has a fault of its own: OverflowError; report it"),
    ],
)
def test_a_failure_is_told_without_values(error: tuple[str, str], told: str) -> None:
    from medallion.run.failures import explain
    from pyspark import errors

    kind, text = error
    message = str(explain(getattr(errors, kind, getattr(builtins, kind, None))(text)))
    assert told in message
    assert SECRET not in message
    assert "\n" not in message
