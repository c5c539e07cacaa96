"""Everything that can go wrong in what stands in for the cloud on one machine, under one base.

A message names what was wrong and what to do about it; `bin/demo` prints it alone, without a traceback.
"""


class LocalError(Exception):
    """Base of all errors that the local stack raises."""


class FolderError(LocalError):
    """A folder is open to others, or somebody else's."""


class MySqlServerError(LocalError):
    """The private MariaDB server cannot be installed, started, reached or stopped."""


class PostgresServerError(LocalError):
    """The private PostgreSQL server cannot be installed, started or reached."""


class NpmError(LocalError):
    """npm is missing, or cannot bring what a lock file names."""


class AzuriteServerError(LocalError):
    """The private Azurite server cannot be installed, started or stopped."""


class DemoDataError(LocalError):
    """The demo data cannot be generated or loaded as asked."""
