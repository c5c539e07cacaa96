"""Packages stand on floors, as docs/internals/architecture.md draws them; no files import each other in a circle."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from tests.conftest import PROJECT

ROOTS = (PROJECT, PROJECT / "plugins", PROJECT / "spark_jobs")
OUTSIDE = ("local", "bench")
PACKAGES = ("cli", "kpi", "lakehouse", "lake_model", "medallion")
PAGE = (PROJECT / "docs" / "internals" / "architecture.md").read_text()


def modules() -> dict[str, Path]:
    """The files of every package of the project, by their names as they are imported; tests are none."""
    found = {}
    for root in ROOTS:
        for package in (*PACKAGES, *OUTSIDE):
            # The jobs' folder has a link to a package that lies beside it.
            for file in () if (root / package).is_symlink() else (root / package).rglob("*.py"):
                found[".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = file
    return found


MODULES = modules()


def imported_by(file: Path) -> set[str]:
    """The modules that a file imports, at its top or anywhere else."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found


@cache
def imported() -> dict[str, set[str]]:
    """What each module imports; to parse them all takes longer than the tests of many a file."""
    return {name: imported_by(file) for name, file in MODULES.items()}


@cache
def imports() -> dict[str, set[str]]:
    """The project's own of it."""
    return {name: (found & MODULES.keys()) - {name} for name, found in imported().items()}


def floors_of(table: str) -> list[str]:
    """The packages of one table of the page, from the top to the ground."""
    return re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)


_DRAWN = PAGE[PAGE.index("## Where the code lies") : PAGE.index("## Where things lie")]
_AIRFLOW, _SPARK, _BOTH = map(floors_of, re.split(r"The Spark side|Below both", _DRAWN))
AIRFLOW_SIDE, SPARK_SIDE = _AIRFLOW + _BOTH, _SPARK + _BOTH
DRAWN = {*AIRFLOW_SIDE, *SPARK_SIDE}
# By the top of the name: what a package of one side must not have of the other's.
FOREIGN = {"medallion": {"airflow"}, "lake_model": {"airflow", "pyspark", "delta"}}


def floor_of(module: str) -> str:
    """The row of the page that a module belongs to: its own, else its package's."""
    while module not in DRAWN:
        assert "." in module, f"docs/internals/architecture.md has no row for {module}"
        module = module.rpartition(".")[0]
    return module


def test_no_two_files_import_each_other() -> None:
    TopologicalSorter(imports()).prepare()


def above(module: str) -> set[str]:
    """What a module imports and must not: of the floors above its own."""
    own = floor_of(module)
    side = AIRFLOW_SIDE if own in AIRFLOW_SIDE else SPARK_SIDE
    allowed = set(side[side.index(own) :])
    return {name for name in imports()[module] if name.startswith(OUTSIDE) or floor_of(name) not in allowed}


def test_a_module_imports_its_own_package_and_lower_floors() -> None:
    inside = [name for name in MODULES if not name.startswith(OUTSIDE) and imports()[name]]

    assert inside
    assert {name: found for name in inside if (found := above(name))} == {}


def test_no_module_imports_what_is_the_other_sides() -> None:
    for name, found in imported().items():
        foreign = FOREIGN.get(name.partition(".")[0], set() if name.startswith(OUTSIDE) else {"pyspark", "delta"})
        assert {one.partition(".")[0] for one in found} & foreign == set(), name


def test_a_dag_file_imports_what_airflow_runs_and_no_more() -> None:
    for file in (PROJECT / "dags").glob("*.py"):
        assert {one.partition(".")[0] for one in imported_by(file)} & {"cli", "medallion", *OUTSIDE} == set(), file


def test_every_row_has_code() -> None:
    assert {row for row in DRAWN if row not in MODULES} == set()
