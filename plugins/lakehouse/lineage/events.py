"""Makes what OpenLineage's provider asks each operator for: inputs, outputs, and which column is made of which.

Contracts and the bronze index alone are sent: names, types, expressions, classifications and counts. No value of a row
is among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    tags_dataset,
)

from lake_model.contracts.column_lineage import ColumnPlace, Layer, LineageStep, StepKind, gold_steps, silver_steps
from lakehouse.lineage.datasets import DatasetName, LakeDatasets

if TYPE_CHECKING:
    from lake_model.bronze_manifest import Manifest
    from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract
    from lake_model.contracts.table_governance import GovernedTable
    from lakehouse.ledger import LedgerRow

_TRANSFORMATIONS = {
    StepKind.COPIED: ("DIRECT", "IDENTITY"),
    StepKind.COMPUTED: ("DIRECT", "TRANSFORMATION"),
    StepKind.AGGREGATED: ("DIRECT", "AGGREGATION"),
    StepKind.JOINED: ("INDIRECT", "JOIN"),
    StepKind.VERSIONED: ("INDIRECT", "CONDITIONAL"),
}
CLASSIFICATION = "classification"
"""Key of the tag that a classified column has."""


def copied_table(
    source: DatasetName, bronze: DatasetName, manifest: Manifest, row: LedgerRow
) -> OperatorLineage[Any, Any]:
    """A table of MySQL that was copied to bronze, each column as it is.

    Args:
        source: the table in MySQL.
        bronze: its folder.
        manifest: the index of bronze after the copy.
        row: the copy's figures.
    """
    table = f"{manifest.schema}.{manifest.table}"
    steps = [
        LineageStep(
            ColumnPlace(Layer.MYSQL, table, column.name), ColumnPlace(Layer.BRONZE, table, column.name), StepKind.COPIED
        )
        for column in manifest.columns
    ]
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=row.rows_written, size=row.bytes_written, fileCount=row.detail["files"]
    )
    return OperatorLineage(
        inputs=[_input(source, {"schema": _schema((one.name, one.mysql_type, None) for one in manifest.columns)})],
        outputs=[
            OutputDataset(
                bronze.namespace,
                bronze.name,
                facets={
                    "schema": _schema((one.name, one.arrow_type, None) for one in manifest.columns),
                    "columnLineage": _column_lineage(steps, {f"{Layer.MYSQL}.{table}": source}),
                },
                outputFacets={"outputStatistics": statistics},
            )
        ],
    )


def silver_tables(
    contracts: Iterable[SilverContract], governed: Mapping[str, GovernedTable], lake: LakeDatasets
) -> OperatorLineage[Any, Any]:
    """Tables of bronze that became tables of silver, each with its quarantine.

    Args:
        contracts: how they are made.
        governed: what else their contracts say of their columns, by table.
        lake: where they are.
    """
    inputs, outputs = [], []
    for contract in contracts:
        names = {
            f"{Layer.BRONZE}.{contract.schema}.{contract.source_table}": lake.bronze(
                contract.schema, contract.source_table
            ),
            f"{Layer.SILVER}.{contract.name}": lake.silver(contract.name),
        }
        steps = list(silver_steps(contract))
        inputs += [_input(next(iter(names.values())))]
        for table in dict.fromkeys(step.result.table for step in steps):
            own = [one for step in steps if step.result.table == table for one in _from_inputs(step, steps)]
            outputs.append(_made(lake.silver(table), own, names, governed.get(table)))
    return OperatorLineage(inputs=inputs, outputs=outputs)


def gold_table(
    contract: OneBigTableContract, silver: Mapping[str, SilverContract], governed: GovernedTable, lake: LakeDatasets
) -> OperatorLineage[Any, Any]:
    """Tables of silver that became a One Big Table.

    Args:
        contract: of the One Big Table.
        silver: the contracts of its fact and dimensions, by name.
        governed: what else its contract says of its columns.
        lake: where they are.
    """
    names = {f"{Layer.SILVER}.{name}": lake.silver(name) for name in silver}
    return OperatorLineage(
        inputs=[_input(name) for name in names.values()],
        outputs=[_made(lake.gold(contract.name), list(gold_steps(contract, silver)), names, governed)],
    )


def _from_inputs(step: LineageStep, steps: Iterable[LineageStep]) -> Iterator[LineageStep]:
    """A step, or where it reads another column of its own table those that this one is made by."""
    if step.origin.dataset != step.result.dataset:
        yield step
        return
    for inner in (one for one in steps if one.result == step.origin):
        for before in _from_inputs(inner, steps):
            kind = step.kind if before.kind.makes_values else before.kind
            yield LineageStep(before.origin, step.result, kind, step.how)


def _input(name: DatasetName, facets: Mapping[str, Any] | None = None) -> InputDataset:
    return InputDataset(name.namespace, name.name, facets=dict(facets or {}))


def _made(
    name: DatasetName, steps: Iterable[LineageStep], names: Mapping[str, DatasetName], governed: GovernedTable | None
) -> OutputDataset:
    facets: dict[str, Any] = {"columnLineage": _column_lineage(steps, names)}
    if governed is not None:
        facets["schema"] = _schema((one.name, one.lake_type, one.comment or None) for one in governed.columns)
        closed = [
            tags_dataset.TagsDatasetFacetFields(CLASSIFICATION, one.classification, "CONTRACT", one.name)
            for one in governed.columns
            if one.is_closed
        ]
        facets |= {"tags": tags_dataset.TagsDatasetFacet(closed)} if closed else {}
    return OutputDataset(name.namespace, name.name, facets=facets)


def _schema(columns: Iterable[tuple[str, str, str | None]]) -> schema_dataset.SchemaDatasetFacet:
    fields = [schema_dataset.SchemaDatasetFacetFields(name, kind, text) for name, kind, text in columns]
    return schema_dataset.SchemaDatasetFacet(fields)


def _column_lineage(
    steps: Iterable[LineageStep], names: Mapping[str, DatasetName]
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    fields: dict[str, list[column_lineage_dataset.InputField]] = {}
    for step in dict.fromkeys(steps):
        kind, part = _TRANSFORMATIONS[step.kind]
        how = column_lineage_dataset.Transformation(kind, part, step.how, masking=False)
        origin = names[step.origin.dataset]
        fields.setdefault(step.result.column, []).append(
            column_lineage_dataset.InputField(origin.namespace, origin.name, step.origin.column, [how])
        )
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        {name: column_lineage_dataset.Fields(inputs) for name, inputs in fields.items()}
    )
