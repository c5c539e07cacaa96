"""Everything that can go wrong on the Airflow side, under one base.

A message names what was wrong (file or connection, field, value) and what to do about it, because the on-call engineer
reads it on a phone.
"""

from lake_model.errors import ContractError as ContractError
from lake_model.errors import LakehouseError as LakehouseError
from lake_model.errors import ManifestError as ManifestError
from lake_model.errors import StorageError as StorageError


class SettingError(LakehouseError):
    """A setting is missing or has a value that cannot be used."""


class BusinessDateError(LakehouseError):
    """No business date can be found for a run, or the one given is no date or lies in the future."""


class SourceError(LakehouseError):
    """The MySQL source cannot be reached, refuses the login, or does not hold what was asked for."""


class SourceUnavailableError(SourceError):
    """The source is away, full, busy or was cut off: trying again may help, unlike after any other source error."""


class SourceDriftError(SourceError):
    """The source's columns no longer fit the contract."""


class OvertakenError(StorageError):
    """Another run wrote the same file meanwhile: nothing of its work was overwritten, and trying again helps."""


class StatementError(StorageError):
    """The SQL warehouse refused a statement, or could not end it."""


class NoSuchTableError(StatementError):
    """A statement names a table that is not there, or that the connection's identity may not see."""


class VerificationError(LakehouseError):
    """Rows or sums differ between the source and what was copied."""


class ReconciliationError(LakehouseError):
    """Rows or sums differ between source, bronze, silver, quarantine and gold."""


class NotificationError(LakehouseError):
    """An alert could not be delivered."""
