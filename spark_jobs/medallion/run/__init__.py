"""The frame of every job: arguments, session, ledger, errors to exit status."""
