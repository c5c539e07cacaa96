"""The local session: its own jars, and files without a process for each."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_another_file_system_is_chosen_only_where_its_jar_lies() -> None:
    from medallion.run.session import local_files

    delta = Path("io.delta_delta-spark_4.1_2.13-4.4.0.jar")
    assert local_files([delta]) == {}
    assert local_files([delta, Path("com.globalmentor_hadoop-bare-naked-local-fs-0.1.0.jar")]) == {
        "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"
    }


@pytest.mark.spark
def test_files_have_the_rights_that_the_user_gives_to_new_ones(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    expected = {one: stat.S_IMODE((tmp_path / one).stat().st_mode) for one in ("folder", "file")}
    table = tmp_path / "table"
    spark.sql("SELECT id, id % 2 AS part FROM range(4)").write.format("delta").partitionBy("part").save(str(table))
    data = [path for path in table.rglob("*") if "_delta_log" not in path.parts]
    assert {path.name for path in data if path.is_dir()} == {"part=0", "part=1"}
    for path in data:
        assert stat.S_IMODE(path.stat().st_mode) == expected["folder" if path.is_dir() else "file"], path.name
    files = spark.sparkContext._jvm.org.apache.hadoop.fs.FileSystem  # type: ignore[union-attr]
    local = files.get(spark.sparkContext._jsc.hadoopConfiguration())
    assert local.getClass().getSimpleName() == "BareLocalFileSystem"


@pytest.mark.spark
def test_a_local_session_really_has_its_two_gigabytes(spark: SparkSession) -> None:
    """In Spark's own one a session that met some thousand tables came to collect garbage most of the time."""
    java = spark.sparkContext._jvm.java.lang  # type: ignore[union-attr]
    # The serial collector counts but one of the two spaces that survivors go to.
    assert java.Runtime.getRuntime().maxMemory() > 1.8 * 2**30
