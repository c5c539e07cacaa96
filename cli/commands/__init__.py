"""The sub-commands of `python -m cli`, one module each.

A module offers one `COMMAND`. It imports nothing heavy at its top: what a command needs is imported where it runs, so
that `--help` answers at once.
"""
