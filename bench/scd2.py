"""Compares ways of bringing a type 2 dimension up to a day's snapshot: `python bench/scd2.py --help`."""

import sys

if __name__ == "__main__":
    # This file's own folder, where `copy.py` would hide the standard library's module.
    del sys.path[0]
    from pathlib import Path

    PROJECT = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(PROJECT), str(PROJECT / "spark_jobs")]
    try:
        from bench.scd2_bench import main
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error}: set the project up with bin/test unit, then run .venv/bin/python bench/scd2.py")
    sys.exit(main())
