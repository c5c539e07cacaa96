"""
# The AtliQ sales day

Copies every table of the MySQL schema `atliqsale` to bronze, then Databricks brings silver and the One Big Table
`gold.sales_obt` up to date. One run works on one **business date**.

| you want | do |
|---|---|
| the daily run | nothing: it starts by itself when the business date is over |
| one date again | *Trigger* with `business_date`; any date may be run any number of times, in any order |
| past dates, A to B | *Trigger → Backfill*, or `airflow backfill create`; bounds need the zone's offset, see below |
| one table again | clear its `copy_to_bronze` with *Downstream*; or *Trigger* with `tables` |
| silver anew from bronze | *Trigger* with `rebuild`, and `tables` for just some |
| deletes that were stopped, but are right | *Trigger* with that `business_date`, its table and `accept_deletes` |

A backfill compares its bounds with the instant at which a business date begins in the DAG's time zone, both included.
Airflow reads a bound without an offset as UTC, so give it: in Asia/Kolkata
`airflow backfill create --dag-id … --from-date 2026-11-10T00:00:00+05:30 --to-date 2026-11-14T00:00:00+05:30`.

A past date's facts are copied again and its landed dimension snapshot is reused; where none was landed the dimension
is left alone and its `silver` shows as skipped. What each alert means stands in `docs/operations.md`.

Another MySQL schema: copy this file, change its names and this text, write its contracts. A schema without a One Big
Table says `one_big_table=None`, and its runs end with silver.
"""

from lakehouse.daily_run.daily_dag import daily_dag

dag = daily_dag(schema="atliqsale", one_big_table="sales_obt", schedule="0 0 * * *", runbook=__doc__)
