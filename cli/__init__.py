"""The command line for engineers: what `bin/lakehouse` starts. No task, sensor or DAG file imports it."""
