"""What Airflow must know of the KPI page by name: where it is mounted, and its entry in the navigation."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from kpi.guard import App, Guard, authorize_by_airflow

URL_PREFIX = "/kpi"


def _make_app() -> App:
    from kpi.web_app import make_app

    return make_app()


class KpiPlugin(AirflowPlugin):
    """Puts the page into the Airflow UI."""

    name = "kpi"
    # ruff: ignore[mutable-class-default] - Airflow declares it so
    fastapi_apps: list[Any] = [
        {"app": Guard(_make_app, authorize_by_airflow), "url_prefix": URL_PREFIX, "name": "KPI page"}
    ]
    # ruff: ignore[mutable-class-default] - Airflow declares it so
    external_views: list[Any] = [
        {"name": "KPIs", "href": f"{URL_PREFIX.strip('/')}/", "destination": "nav", "url_route": "kpi"}
    ]
