"""The base of all errors of the platform, and those that both sides can raise."""


class LakehouseError(Exception):
    """Base of all errors that a person can put right; the text names what was wrong and what to do about it."""


class ContractError(LakehouseError):
    """One or several contracts are missing, unreadable or wrong; the message lists every problem."""


class StorageError(LakehouseError):
    """The lake cannot be read or written (full disk, missing rights, no such container)."""


class ManifestError(StorageError):
    """A bronze manifest is missing, unreadable or does not describe what is stored."""
