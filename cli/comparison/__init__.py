"""A table's bronze held against the Parquet files that another tool copied of it."""
