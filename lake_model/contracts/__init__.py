"""The contract files as the Airflow side reads and checks them."""
