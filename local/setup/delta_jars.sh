# The jars of local Spark that pip does not bring: Delta, and two file systems. Sourced by install.sh.
#
# Spark's own resolver fetches them, so that mirrors and proxies set for it (spark-defaults, DEFAULT_ARTIFACT_REPOSITORY,
# ~/.m2) are honoured. What Spark ships already is left out: two versions of one library would clash.

SETUP_DELTA_VERSION=4.4.0
SETUP_DELTA_PACKAGES="io.delta:delta-spark_4.1_2.13:$SETUP_DELTA_VERSION"
# Hadoop's own local file system starts a process (chmod) for every file and folder that it makes.
SETUP_DELTA_PACKAGES+=",com.globalmentor:hadoop-bare-naked-local-fs:0.1.0"
# A lake on a storage account; of the version of the Hadoop that pyspark brings.
SETUP_DELTA_PACKAGES+=",org.apache.hadoop:hadoop-azure:3.4.2"
SETUP_DELTA_EXCLUDED='org.apache.arrow:*,org.apache.commons:*,org.apache.hadoop:hadoop-c*,org.apache.hadoop.thirdparty:*,org.apache.httpcomponents*:*,'
SETUP_DELTA_EXCLUDED+='org.apache.logging*:*,org.apache.parquet:*,org.apache.spark:*,com.microsoft.azure:*,commons-*:*,com.fasterxml*:*,'
SETUP_DELTA_EXCLUDED+='com.google*:*,com.github*:*,org.antlr:*,org.openapitools:*,jakarta.*:*,org.scala-lang*:*,org.slf4j:*,org.roaringbitmap:*'

# What the jars must be, whoever serves them; made by LC_ALL=C sha256sum *.jar where a new version was looked at.
SETUP_DELTA_SUMS="$LAKEHOUSE_REPOSITORY/local/setup/delta_jars.sha256"

export LAKEHOUSE_DELTA_JARS="${LAKEHOUSE_DELTA_JARS:-$LAKEHOUSE_CACHE/jars/delta-$SETUP_DELTA_VERSION-azure}"

# The folder appears whole or not at all.
delta_jars_are_ready() { [ -d "$LAKEHOUSE_DELTA_JARS" ]; }

install_delta_jars() {
    ! delta_jars_are_ready || return 0
    local work log="$LAKEHOUSE_CACHE/delta-jars.log" sums
    setup_say "fetching Delta $SETUP_DELTA_VERSION for Spark"
    mkdir -p "$(dirname "$LAKEHOUSE_DELTA_JARS")"
    work="$(mktemp -d "$(dirname "$LAKEHOUSE_DELTA_JARS")/partial.XXXXXX")"
    : >"$work/nothing.py"
    # An empty program: Spark resolves its packages, then runs it, and no session is ever started.
    run_logged "$log" env JAVA_HOME="$JAVA_HOME" PYSPARK_PYTHON="$SETUP_VENV/bin/python" SPARK_LOCAL_IP=127.0.0.1 \
        "$SETUP_VENV/bin/spark-submit" --master 'local[1]' \
        --conf "spark.jars.ivy=$work/ivy" \
        --packages "$SETUP_DELTA_PACKAGES" --exclude-packages "$SETUP_DELTA_EXCLUDED" "$work/nothing.py"
    sums="$(cd "$work/ivy/jars" && LC_ALL=C sha256sum *.jar)"
    if [ "$sums" != "$(cat "$SETUP_DELTA_SUMS")" ]; then
        setup_fail "Spark's resolver brought other jars than $SETUP_DELTA_SUMS has, which were not taken:"$'\n'"$sums"
    fi
    chmod 755 "$work/ivy/jars"
    mv "$work/ivy/jars" "$LAKEHOUSE_DELTA_JARS"
    rm -rf "$work"
}
