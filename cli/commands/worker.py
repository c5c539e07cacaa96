"""`worker`: whether an Edge worker beside the source would get its tasks, and could run them."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from cli.commands.command import DONE, FOUND_WRONG, Command

_DESCRIPTION = """To be run where the Edge worker is about to be started, with its environment: a worker that cannot
read the DAG as the scheduler does gives each task back without an error, and its run waits until its deadline. Each
thing that is missing is printed with its cure."""
_SECONDS = 10


def _no_arguments(_: argparse.ArgumentParser) -> None:
    """Takes no options: everything comes from the environment."""


def run(_: argparse.Namespace) -> int:
    """Look at everything, and print a line for each thing that is missing."""
    faults = list(worker_faults())
    for fault in faults:
        print(f"WRONG: {fault}")
    if not faults:
        print("ok: the worker would get the tasks that ask the source, and could run them")
    return FOUND_WRONG if faults else DONE


def worker_faults() -> Iterator[str]:
    """What this machine's worker lacks, each with its cure."""
    from airflow.configuration import conf
    from lakehouse.daily_run.daily_run_file import daily_runs
    from lakehouse.settings import settings_at_parse

    settings = settings_at_parse()
    executors = [one.strip() for one in conf.get("core", "executor").split(",")]
    if not settings.copy_executor:
        yield (
            "LAKEHOUSE_COPY_EXECUTOR is not set: Airflow's first executor then runs the tasks, whatever their queue; "
            "set it to the Edge executor's name, here and where DAGs are parsed"
        )
    elif settings.copy_executor not in {part for one in executors for part in (one, *one.split(":", 1))}:
        yield (
            f"AIRFLOW__CORE__EXECUTOR ({', '.join(executors)}) does not name {settings.copy_executor}, which "
            "LAKEHOUSE_COPY_EXECUTOR names: give this worker the list of executors that the scheduler has"
        )
    if importlib.util.find_spec("airflow.providers.edge3") is None:
        yield "the package apache-airflow-providers-edge3 is not installed here: install it as on the API server"
    if not (conf.get("api_auth", "jwt_secret", fallback="") or conf.get("edge", "trusted_jwks_url", fallback="")):
        yield "AIRFLOW__API_AUTH__JWT_SECRET is not set: give this worker the secret of the API server"
    yield from _api_faults(conf.get("edge", "api_url", fallback="") or "")
    found, problems = daily_runs(Path(settings.contracts_root), settings)
    if not found and not problems:
        yield f"there are no contracts in {settings.contracts_root}: set LAKEHOUSE_CONTRACTS_ROOT to their folder here"
    yield from problems
    if not os.environ.get("LAKEHOUSE_LAKE_ROOT"):
        yield "LAKEHOUSE_LAKE_ROOT is not set: give this worker the lake's place"


def _api_faults(url: str) -> Iterator[str]:
    import httpx

    if not url:
        yield "AIRFLOW__EDGE__API_URL is not set: set it to https://the-api-server/edge_worker/v1/rpcapi"
        return
    health = f"{url.removesuffix('/rpcapi')}/health"
    try:
        answer = httpx.get(health, timeout=_SECONDS)
    except httpx.HTTPError as error:
        yield f"{health} does not answer ({type(error).__name__}): is the API server up, and reachable from here?"
        return
    if answer.status_code != httpx.codes.OK:
        yield (
            f"{health} answers with status {answer.status_code}: set AIRFLOW__EDGE__API_ENABLED=True on the API "
            "server, and AIRFLOW__EDGE__API_URL here to its address with /edge_worker/v1/rpcapi behind it"
        )


COMMAND = Command(("worker",), "look whether an Edge worker could run here", _DESCRIPTION, _no_arguments, run)
