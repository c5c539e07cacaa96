"""The KPI page inside the Airflow UI: what every One Big Table's contract declares, over a read model of its own."""
