"""What tasks reach the outside by: the source and the lake, by their Airflow connections."""
