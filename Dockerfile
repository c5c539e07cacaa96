# One image for Airflow's components, the local Databricks API and the filling of the demo source.

# docs/guides/deploying.md says how to pin it by its digest.
ARG PYTHON_IMAGE=python:3.12.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /opt/lakehouse
ENV LAKEHOUSE_CACHE=/opt/cache
COPY requirements.txt ./
COPY local/setup local/setup
# The same setup as on a laptop: the lock's packages into .venv, Delta's jars into the cache.
RUN bash -c '. local/setup/install.sh'
COPY local/compose/edge_worker.txt local/compose/edge_worker.txt
RUN bash -c '. local/setup/install.sh; find_uv; "$SETUP_UV" pip install --python .venv/bin/python --no-deps --require-hashes \
    --requirement local/compose/edge_worker.txt'

FROM ${PYTHON_IMAGE}
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        libmariadb3 openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 50000 --create-home lakehouse \
    && install --directory --owner lakehouse /opt/airflow /opt/airflow/logs /var/lib/databricks
WORKDIR /opt/lakehouse
COPY --from=build /opt/lakehouse/.venv .venv
COPY --from=build /opt/cache/jars/delta-4.4.0-azure /opt/delta-jars
COPY cli cli
COPY contracts contracts
COPY dags dags
COPY infra/airflow infra/airflow
COPY lake_model lake_model
COPY local local
COPY plugins plugins
COPY spark_jobs spark_jobs
ENV PATH=/opt/lakehouse/.venv/bin:$PATH \
    PYTHONPATH=/opt/lakehouse/plugins:/opt/lakehouse \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    LAKEHOUSE_DELTA_JARS=/opt/delta-jars
USER lakehouse
