"""
Shows, as an import error of this file, every folder of contracts that `daily.py` makes no DAG of, and why.

It has no DAG: were the error one of `daily.py`, Airflow would take the DAGs of all other schemas away with it.
"""

from pathlib import Path

from lakehouse.daily_run.daily_run_file import daily_runs
from lakehouse.errors import ContractError
from lakehouse.settings import settings_at_parse

settings = settings_at_parse()
problems = daily_runs(Path(settings.contracts_root), settings)[1]
if problems:
    raise ContractError("\n".join(["no daily DAG, until this is mended:", *problems]))
