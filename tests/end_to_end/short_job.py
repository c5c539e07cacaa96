"""A job that takes as many seconds as it is told, and needs no Spark; run by the local Databricks."""

import sys
import time

time.sleep(float(sys.argv[1]))
