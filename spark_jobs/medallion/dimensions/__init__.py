"""Dimensions of SCD type 1 and 2, as functions of their landed snapshots."""
