"""Rows of numbers, made by the server: what tests and benchmarks fill their tables from, on MariaDB and MySQL alike."""

from __future__ import annotations


def number_rows(first: int, last: int) -> str:
    """A table of one column `seq`, for a FROM clause, which holds the whole numbers from first to last.

    MariaDB's own tables of that kind (`seq_1_to_9`) are unknown to MySQL, and a recursive query needs a setting on each
    that has another name on the other. A text of two bytes a number must fit `max_allowed_packet`: some millions do.
    """
    array = f"CONCAT('[0', REPEAT(',0', {last - first}), ']')"
    # Signed: MySQL refuses a difference below zero otherwise.
    seq = f"CAST(place AS SIGNED) + {first - 1}"
    return f"(SELECT {seq} AS seq FROM JSON_TABLE({array}, '$[*]' COLUMNS (place FOR ORDINALITY)) AS places) AS numbers"
