"""Every error that a Spark job reports to people, under one base."""

from __future__ import annotations


class MedallionError(Exception):
    """Something the user can put right; its text is the one message that a job prints before it exits with status 1."""


class ArgumentError(MedallionError):
    """A command line argument is missing or has a value that cannot be used."""


class ContractError(MedallionError):
    """A contract is missing, unreadable or contradicts itself or the data; names every fault at once."""


class BronzeError(MedallionError):
    """What was landed for a table is missing, unreadable or not what its manifest says."""


class CleaningError(MedallionError):
    """A cleaning expression raised an error on a row instead of giving NULL."""


class SessionError(MedallionError):
    """No Spark session can be had: Java or the Delta jars are missing."""


class ConcurrentWriteError(MedallionError):
    """Another writer kept changing the same table; nothing of ours is wrong, run it again when the other is done."""


class ConservationError(MedallionError):
    """Rows were lost or multiplied between two stored tables."""
