"""What the Airflow side and the Spark side both know: plain values and how they are read, without Airflow or Spark."""
