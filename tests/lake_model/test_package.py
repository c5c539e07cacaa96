"""The package that both sides import belongs to neither, costs nothing to import, and ships with the jobs."""

from __future__ import annotations

import subprocess
import sys
import tomllib

from tests.conftest import PROJECT

LAZY = {"open_data_contract_standard", "pydantic", "jsonschema", "sqlglot", "yaml", "pyarrow", "pandas"}


def test_its_import_reads_nothing_heavy() -> None:
    program = (
        "import sys, lake_model.contracts.table_contracts\n"
        f"print(sorted({LAZY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False
    )

    assert done.stdout == "[]\n", done.stderr


def test_it_lies_beside_the_jobs_and_in_their_wheel() -> None:
    jobs = PROJECT / "spark_jobs"
    settings = tomllib.loads((jobs / "pyproject.toml").read_text())

    assert (jobs / "lake_model").resolve() == PROJECT / "lake_model"
    assert "lake_model*" in settings["tool"]["setuptools"]["packages"]["find"]["include"]
    assert (PROJECT / "Dockerfile").read_text().count("COPY lake_model lake_model") == 1
