"""What the demo's scheduler imports at its start.

Tasks are forked from it, so they need not import that once more: a task that makes an Arrow array imports pandas,
whether or not it is used, and that alone is a third of a second of processor time.
"""

from __future__ import annotations

from importlib import import_module

# Airflow takes every name of this module for a setting of its own, but for those that are not listed here.
__all__: list[str] = []

for _name in (
    "MySQLdb",
    "pandas",
    "pyarrow.compute",
    "pyarrow.parquet",
    "open_data_contract_standard.model",
    "sqlglot.dialects.spark",
):
    import_module(_name)
