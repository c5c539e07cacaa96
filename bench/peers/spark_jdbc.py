"""Spark's JDBC source with MariaDB's driver, as a Databricks notebook would read the table."""

from __future__ import annotations

from pathlib import Path

from bench.peers.way import COMPRESSION_LEVEL, Source, Way

_FETCH_ROWS = 10_000


class Copy(Way):
    """`spark.read.jdbc` and `write.parquet`, one partition and one connection.

    Spark sizes row groups by bytes alone, so that setting is its default here.
    """

    packages = ("pyspark",)

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        from pyspark.sql import SparkSession

        self._spark = (
            SparkSession.builder.master("local[2]")
            .appName("bench")
            .config("spark.ui.enabled", "false")
            .config("spark.jars", source.tools["jdbc_jar"])
            .config("spark.driver.memory", "3g")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
            .config("spark.hadoop.parquet.compression.codec.zstd.level", COMPRESSION_LEVEL)
            .getOrCreate()
        )

    def copy(self, table: str, folder: Path) -> None:
        source = self.source
        # With mysql: in the address Spark speaks MySQL's dialect; the driver takes such addresses when it is told to.
        frame = self._spark.read.jdbc(
            f"jdbc:mysql://{source.host}:{source.port}/{source.schema}?permitMysqlScheme",
            f"`{source.schema}`.`{table}`",
            properties={
                "driver": "org.mariadb.jdbc.Driver",
                "user": source.user,
                "password": source.password,
                "fetchsize": str(_FETCH_ROWS),
            },
        )
        frame.write.parquet(str(folder), compression="zstd")
