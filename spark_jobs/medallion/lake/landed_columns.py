"""Makes sure that landed files have the columns that their index gives them.

An index has one list of columns. A file that was copied before a column came, went or changed would be read with NULLs
in its place, or not at all, and good rows would be refused for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession
from pyspark.sql import types as T

from medallion.errors import BronzeError

_READERS = 8


def check_columns(spark: SparkSession, uri: str, folder: str, columns: T.StructType, files: Iterable[str]) -> None:
    """Holds files against the columns of the index that names them; of files that one day copied it looks at one.

    Args:
        uri: of the index, for messages.
        folder: that the files' names are relative to.

    Raises:
        BronzeError: some lack a column, or have it with another type.
    """
    # All files of a folder were written by copies of one business date; a change of columns copies a date anew.
    one_of_each = {name.partition("/")[0]: name for name in sorted(files)}

    def faults(name: str) -> list[str]:
        found = {one.name: one.dataType for one in spark.read.parquet(f"{folder}/{name}").schema}
        return [fault for column in columns if (fault := _fault(column, found.get(column.name)))]

    with ThreadPoolExecutor(_READERS, "landed-columns") as pool:
        differing = [(name, told) for name, told in zip(one_of_each.values(), pool.map(faults, one_of_each.values()),
                                                        strict=True) if told]  # fmt: skip
    if differing:
        name, told = differing[0]
        days = ", ".join(one.partition("/")[0].removeprefix("business_date=") for one, _ in differing[:10])
        days += " and other days" if len(differing) > 10 else ""
        raise BronzeError(
            f"{uri}: what was copied on {days} has other columns than the table has now ({name}: {'; '.join(told)}); "
            "read as it is, good rows would be refused. Copy the whole table again (lakehouse copy --full, for its "
            "newest date), then run this again"
        )


def _fault(wanted: T.StructField, found: T.DataType | None) -> str | None:
    if found is None:
        return f"{wanted.name} is missing"
    if found == wanted.dataType:
        return None
    return f"{wanted.name} is {found.simpleString()} and not {wanted.dataType.simpleString()}"
