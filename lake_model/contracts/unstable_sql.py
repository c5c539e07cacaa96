"""Finds calls in a Spark SQL expression whose results differ from run to run: a rerun would change rows."""

from __future__ import annotations

import re

_UNSTABLE = re.compile(
    r"\b(?:(?:current_date|current_timestamp|localtimestamp)\b|(?:now|curdate|current_time|rand|randn|random|uuid|shuffle"
    r"|randstr|uniform|monotonically_increasing_id|spark_partition_id|input_file_name)\s*\()",
    re.IGNORECASE,
)


def unstable_call(expression: str) -> str | None:
    """The first such call as it is written, or None."""
    found = _UNSTABLE.search(expression)
    return found.group(0) if found else None
