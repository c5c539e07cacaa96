"""What judging rows costs: ours, Databricks' DQX as it publishes it, and a filter written by hand.

    python -m bench quality [--rows N] [--runs N] [--no-peer]

All read the same Parquet file of sales and give each row what is wrong with it, in one Spark session with Spark's own
defaults (code generation and adaptive execution on, as on a cluster); the result goes to Spark's `noop` sink, which
takes every column of every row and keeps none. The ways take turns, and the best of the runs counts. A way is correct
if it finds just the rows that were spoilt.

Prints a table, and as its last line one JSON object: `rows`, `seconds` by way, `correct` by way,
`ratio_to_hand_written` and `ratio_dqx_to_hand_written` (null where DQX cannot be had).

DQX runs from an environment of its own in the cache folder, made when first needed; its licence allows its use with
Databricks only, so it is no dependency of the project and only measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
DQX = "databricks-labs-dqx==0.17.0"
_HAND, _OURS, _DQX = "hand-written filter", "ours", "DQX"
_SECONDS = 1800


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark. Gives the exit status: 0, or 1 with one message on stderr."""
    options = _parser().parse_args(arguments)
    python, why_not = (None, "left out by --no-peer") if options.no_peer else _peer_python()
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-quality-") as folder:
        told = {"rows": options.rows, "runs": options.runs, "folder": folder, "dqx": python is not None}
        done = subprocess.run(
            [str(python or sys.executable), "-m", "bench.quality_ways", json.dumps(told)],
            cwd=PROJECT, env=_environment(), stdout=subprocess.PIPE, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        print(f"error: the measuring process ended with status {done.returncode}; its words are above", file=sys.stderr)
        return 1
    found = json.loads(done.stdout.splitlines()[-1])
    print(_table(found, why_not))
    print(json.dumps(_summary(options.rows, found)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench quality", description="Measures what judging rows costs.")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows to judge (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="how often each way runs (default: %(default)s)")
    parser.add_argument("--no-peer", action="store_true", help="leave DQX out, and install nothing")
    return parser


def _peer_python() -> tuple[Path | None, str]:
    """Python with DQX and, behind its own packages, the project's; or None and why it cannot be had."""
    cache = Path(os.environ.get("LAKEHOUSE_CACHE") or Path.home() / ".cache" / "lakehouse") / "bench"
    folder = cache / f"{DQX.replace('==', '-')}-{sys.version_info.major}.{sys.version_info.minor}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.exists():
        return python, ""
    print("bench: installing DQX (once)", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=_SECONDS)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", DQX], check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"it could not be installed: {error}"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # Spark is the project's: all ways are to run in the same one.
    path = folder / "lib" / version / "site-packages" / "zz_project.pth"
    path.write_text(sysconfig.get_path("purelib") + "\n")
    # Written last: an installation that was interrupted is begun anew.
    complete.touch()
    return python, ""


def _environment() -> dict[str, str]:
    path = os.pathsep.join(map(str, (PROJECT, PROJECT / "spark_jobs")))
    return os.environ | {"PYTHONPATH": path, "SPARK_LOCAL_IP": "127.0.0.1"}


def _summary(rows: int, found: Mapping[str, Any]) -> dict[str, Any]:
    seconds = {name: round(way["seconds"], 3) for name, way in found["ways"].items()}

    def ratio(name: str) -> float | None:
        return round(seconds[name] / seconds[_HAND], 3) if name in seconds else None

    return {
        "rows": rows,
        "seconds": seconds,
        "correct": {name: way["found"] == found["spoilt"] for name, way in found["ways"].items() if way["judges"]},
        "ratio_to_hand_written": ratio(_OURS),
        "ratio_dqx_to_hand_written": ratio(_DQX),
    }


def _table(found: Mapping[str, Any], why_not: str) -> str:
    hand = found["ways"][_HAND]["seconds"]
    lines = [
        f"{found['rules']} rules over {found['rows']:,} rows, {found['spoilt']:,} of them spoilt; best of "
        f"{found['runs']} runs, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "",
        "| way | seconds | rows a second | beside the hand-written | finds the spoilt rows |",
        "|---|---:|---:|---:|---|",
    ]
    for name, way in found["ways"].items():
        right = "" if not way["judges"] else "yes" if way["found"] == found["spoilt"] else f"no: {way['found']:,}"
        lines.append(
            f"| {name} | {way['seconds']:.2f} | {found['rows'] / way['seconds']:,.0f} | {way['seconds'] / hand:.2f} x "
            f"| {right} |"
        )
    if why_not:
        lines.append(f"| {_DQX} | not measured: {why_not} | | | |")
    return "\n".join(lines)
