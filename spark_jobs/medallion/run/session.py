"""Gives a job its Spark session: the one there is, a remote one, or a local one with Delta."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from medallion.errors import SessionError

DEFAULT_JARS = "~/.cache/lakehouse/jars/delta-4.4.0-azure"
_BARE_FILES_JAR = "hadoop-bare-naked-local-fs"
# Spark 4.1 with Delta's extension cannot bind SQL parameters without this one (delta-io/delta#7640).
_PARAMETERS = "spark.sql.legacy.parameterSubstitution.constantsOnly"
# Spark would put environment variables and settings in the place of ${…} in any SQL text, literals and names too.
_SUBSTITUTION = "spark.sql.variable.substitute"
# On one small machine most of a job's time would go into generating and compiling code for rows that are soon done.
_SMALL_MACHINE = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    # Else each commit writes the list of all files beside its checksum, for which Spark may have to look it up first.
    "spark.databricks.delta.allFilesInCrc.enabled": "false",
    # VACUUM lists by so many tasks, of which there are ten thousand else.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
# Generated code pays off where each of many rows runs through it, and through Delta's statistics of each file; that of
# whole stages, which takes longer to compile, where there are many more.
_FOR_MANY_ROWS = (
    (20_000, {"spark.sql.codegen.factoryMode": "FALLBACK"}),
    (1_000_000, {"spark.sql.codegen.wholeStage": "true"}),
)
# Java's optimising compiler takes a third of the processor time of a session's first landings, and makes code that is
# thrown away with the session. Ten times later than usual it still comes for what runs for each of many rows.
JAVA_OPTIONS = (
    "-XX:+UseSerialGC -XX:MetaspaceSize=300m -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=10000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=200000"
)
_LOCAL_SETTINGS = _SMALL_MACHINE | {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    _PARAMETERS: "true",
    _SUBSTITUTION: "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.driver.extraJavaOptions": JAVA_OPTIONS,
    # What Delta remembers of each table it met is kept for an hour; in Spark's own 1 GB a session of many tables comes
    # to spend its time on collecting garbage.
    "spark.driver.memory": "2g",
    # Else each hash table and each sort of a few rows takes 32 or 64 MB of it.
    "spark.buffer.pageSize": "2m",
    # Executors print the values that a failed expression met.
    "spark.log.level": "FATAL",
    "spark.ui.enabled": "false",
    # Spark would keep the plans of a thousand queries for the pages that are not served.
    "spark.sql.ui.retainedExecutions": "10",
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def get_session() -> SparkSession:
    """The session to work in.

    The active or remote session (``SPARK_REMOTE``, a Databricks runtime) if there is one, else a local one whose Delta
    jars lie in the folder that ``LAKEHOUSE_DELTA_JARS`` names.

    Raises:
        SessionError: a local session is needed, but Java or the jars are missing.
    """
    if (
        os.environ.get("SPARK_REMOTE")
        or os.environ.get("DATABRICKS_RUNTIME_VERSION")
        or SparkSession.getActiveSession() is not None
    ):
        session = SparkSession.builder.getOrCreate()
    else:
        session = local_session()
    # Dates are cut from timestamps by this zone, so it is the job's and not the cluster's.
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.ansi.enabled", "true")
    with contextlib.suppress(PySparkException):
        # Serverless compute lets no job set it; texts are written so that nothing in them is taken for a variable.
        session.conf.set(_SUBSTITUTION, "false")
    if not os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        for name, value in _SMALL_MACHINE.items():
            session.conf.set(name, value)
    return session


def prepare_for(spark: SparkSession, rows: int, *, scanned: int = 0) -> None:
    """Sets the session up for the rows that the job goes on to write, and to go through; Databricks is left as it is.

    What is gone through counts only where it is very much: its code is simpler.
    """
    if os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        return
    most, _ = _FOR_MANY_ROWS[-1]
    for many, settings in _FOR_MANY_ROWS:
        if rows > many or scanned > most:
            for name, value in settings.items():
                spark.conf.set(name, value)


def local_session(master: str = "local[2]") -> SparkSession:
    """Starts Spark in this process, with Delta.

    Raises:
        SessionError: Java or the Delta jars are missing.
    """
    check_java()
    jars = find_jars()
    # On the class path, because Spark opens its first file before it has `spark.jars`.
    builder = SparkSession.builder.master(master).appName("lakehouse")
    builder = builder.config("spark.driver.extraClassPath", os.pathsep.join(map(str, jars)))
    for name, value in (_LOCAL_SETTINGS | local_files(jars)).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def local_files(jars: Iterable[Path]) -> dict[str, str]:
    """Settings of a Spark that writes to this machine's disk, with those jars on its class path.

    Hadoop's own file system starts a process for every file and folder that it makes, to set its rights; the one that
    is set here, where the jars have it, asks Java.
    """
    if not any(_BARE_FILES_JAR in jar.name for jar in jars):
        return {}
    return {"spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"}


def check_java() -> None:
    """Raises SessionError when there is no Java to start Spark with."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return
    if home:
        raise SessionError(f"JAVA_HOME is {home}, but there is no bin/java in it; point it at a JDK 17 or 21")
    if shutil.which("java") is None:
        raise SessionError("Spark needs Java and none was found: install JDK 17 or 21, or set JAVA_HOME to one")


def find_jars() -> list[Path]:
    """The Delta jars for a local session.

    Raises:
        SessionError: the folder has none.
    """
    folder = Path(os.environ.get("LAKEHOUSE_DELTA_JARS") or DEFAULT_JARS).expanduser()
    jars = sorted(folder.glob("*.jar"))
    if not any("delta-spark" in jar.name for jar in jars):
        raise SessionError(
            f"no Delta jars in {folder}; put delta-spark 4.4.0 and its jars there, or set LAKEHOUSE_DELTA_JARS"
        )
    return jars
