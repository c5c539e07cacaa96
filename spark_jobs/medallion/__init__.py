"""The Spark side of the lakehouse: bronze Parquet to silver and gold Delta tables, by contract."""
