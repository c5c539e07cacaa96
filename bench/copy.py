"""Compares ways of copying MySQL tables to Parquet: `python bench/copy.py --help`."""

import sys

if __name__ == "__main__":
    # This file's own folder, where it would hide the standard library's module `copy`.
    del sys.path[0]
    from pathlib import Path

    PROJECT = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]
    try:
        from bench.copy_bench import main
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error}: set the project up with bin/test unit, then run .venv/bin/python bench/copy.py")
    sys.exit(main())
