"""Every error that a Spark job reports to people, under one base."""

from __future__ import annotations

import re
from collections.abc import Sequence

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from lake_model.errors import ContractError as ContractError
from lake_model.errors import LakehouseError

# Delta's own exceptions are not among those that PySpark makes its own: a classic session gives them as Java errors.
SPARK_ERRORS = (PySparkException, Py4JJavaError)
_CONFLICT = re.compile(r"\[DELTA_(?:CONCURRENT_\w+|METADATA_CHANGED|PROTOCOL_CHANGED)\b")

# Marks the text of an error that a job has Spark raise on a row: it holds no value.
REFUSAL = "lakehouse refuses: "
_REFUSED = re.compile(rf"\[USER_RAISED_EXCEPTION\] {REFUSAL}([^\n]+?)(?: SQLSTATE: \w+)?$", re.MULTILINE)


class MedallionError(LakehouseError):
    """What a job alone can raise; its text is the one message that a job prints before it exits with status 1."""


class ArgumentError(MedallionError):
    """A command line argument is missing or has a value that cannot be used."""


class BronzeError(MedallionError):
    """What was landed for a table is missing, unreadable or not what its manifest says."""


class CleaningError(MedallionError):
    """A cleaning expression raised an error on a row instead of giving NULL."""


class SessionError(MedallionError):
    """No Spark session can be had: Java or the Delta jars are missing."""


class ConcurrentWriteError(MedallionError):
    """Another writer kept changing the same table; nothing of ours is wrong, run it again when the other is done."""


class QualityStopError(MedallionError):
    """The data is not as the contract expects it, so the run was stopped before silver was touched.

    Attributes:
        findings: one sentence for each expectation or limit that is not met.
    """

    def __init__(self, message: str, findings: Sequence[str]) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class DeletesError(MedallionError):
    """A snapshot lost more keys than its contract allows; nothing was written."""


class ConservationError(MedallionError):
    """Rows were lost or multiplied between two stored tables."""


def told_refusal(text: str) -> str | None:
    """What a job itself had Spark raise, of the text of a Spark error; None of any other error."""
    found = _REFUSED.search(text)
    return found[1] if found else None


def is_conflict(error: Exception) -> bool:
    """Whether Delta refused a commit because another writer's came first: nothing was written, and a retry may pass."""
    # Told apart by text: a classic session gives no condition of it, a remote one no class.
    return isinstance(error, SPARK_ERRORS) and _CONFLICT.search(str(error)) is not None
