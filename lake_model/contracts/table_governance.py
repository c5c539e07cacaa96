"""What contracts say of who reads each table of the lake: roles, classified columns, and words for people.

The KPI page reads the same roles by the same function (`table_access.role_rules`), so that both can only agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lake_model.contracts.contract_columns import lake_columns
from lake_model.contracts.contract_files import FILE_ENDING, ContractFile, Problem, read_contract_file
from lake_model.contracts.lake_types import lake_type
from lake_model.contracts.table_access import OPEN_CLASSIFICATIONS, RoleRule, check_roles, role_rules
from lake_model.errors import ContractError


@dataclass(frozen=True)
class GovernedColumn:
    """A column with what is said of it.

    Attributes:
        name: in the lake.
        lake_type: Spark SQL type.
        classification: in the contract's words; empty where it says nothing.
        comment: for people; empty where there is none.
    """

    name: str
    lake_type: str
    classification: str = ""
    comment: str = ""

    @property
    def is_closed(self) -> bool:
        """Whether readers need a role to see its values."""
        return self.classification.lower() not in OPEN_CLASSIFICATIONS


@dataclass(frozen=True)
class GovernedTable:
    """A table with what is said of it.

    Attributes:
        layer: `silver` or `gold`.
        name: in the lake.
        schema: of the source, or of the contracts' folder.
        columns: in the contract's order.
        roles: who sees what of it; empty: every reader sees what is open.
        groups: the names of the roles as the contract writes them, in the order of `roles`.
        comment: for people; empty where there is none.
    """

    layer: str
    name: str
    schema: str
    columns: tuple[GovernedColumn, ...]
    roles: tuple[RoleRule, ...] = ()
    groups: tuple[str, ...] = ()
    comment: str = ""

    @property
    def label(self) -> str:
        """Layer and name, such as `gold.sales_obt`."""
        return f"{self.layer}.{self.name}"

    @property
    def row_columns(self) -> tuple[GovernedColumn, ...]:
        """The columns that say whose rows are whose, in the table's order."""
        asked = {column for role in self.roles for column, _ in role.rows}
        return tuple(column for column in self.columns if column.name in asked)


def governed_tables(root: Path) -> tuple[GovernedTable, ...]:
    """The tables of all contracts below the root, by layer and name; tables that are not copied are left out.

    Raises:
        ContractError: a contract cannot be read, or its roles are wrong; the message lists every problem.
    """
    tables: list[GovernedTable] = []
    problems: list[Problem] = []
    for path in sorted(root.glob(f"*/*{FILE_ENDING}")):
        file = read_contract_file(path, strict=False)
        if not isinstance(file, ContractFile):
            problems += file
            continue
        wrong = [one.at(file.lines) for one in check_roles(file)]
        problems += wrong
        if not wrong and file.settings.get("excluded") is not True:
            tables.append(_table(file))
    if problems:
        raise ContractError(f"problems in the contracts of {root}:\n" + "\n".join(map(str, problems)))
    if not tables:
        raise ContractError(f"there is no contract below {root}: it must hold one folder for each MySQL schema")
    return tuple(sorted(tables, key=lambda table: (table.layer, table.name)))


def governed_table(folder: Path, table: str) -> GovernedTable:
    """One table of a schema's folder of contracts, whose roles are not checked.

    Raises:
        ContractError: its contract is not there or cannot be read.
    """
    path = folder / f"{table}{FILE_ENDING}"
    if not path.is_file():
        raise ContractError(f"{path}: there is no contract for table '{table}'")
    file = read_contract_file(path, strict=False)
    if not isinstance(file, ContractFile):
        raise ContractError("\n".join(map(str, file)))
    return _table(file)


def _table(file: ContractFile) -> GovernedTable:
    described = file.contract.description
    return GovernedTable(
        layer="gold" if file.settings.get("tableKind") == "one_big_table" else "silver",
        name=file.name,
        schema=file.schema,
        columns=tuple(_columns(file)),
        roles=role_rules(file),
        groups=tuple(role.role or "" for role in file.contract.roles or ()),
        comment=file.table.description or (described.purpose if described else None) or "",
    )


def _columns(file: ContractFile) -> Iterator[GovernedColumn]:
    for name, column in lake_columns(file).items():
        comment = column.description or column.businessName or ""
        yield GovernedColumn(name, lake_type(column) or "string", column.classification or "", comment)
