"""What all pages for a browser have in common: frame, style, words for states and times, and the headers they need."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from html import escape

from local.databricks_api.run_states import Result, State

STYLE = """
:root { --ink: #1b2733; --faint: #5a6b7b; --line: #e3e8ee; --link: #0b5cad; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff;
  margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
th, td { text-align: left; padding: .4rem 1rem .4rem 0; vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 600; white-space: nowrap; } tr { border-bottom: 1px solid var(--line); }
pre { background: #f5f7f9; border: 1px solid var(--line); border-radius: 4px; padding: .8rem;
  overflow: auto; max-height: 32rem; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: .9em; } .figure { white-space: nowrap; }
.good { color: #0a7a3b; } .bad { color: #b3261e; } .open { color: #8a5a00; } .muted { color: var(--faint); }
"""

# Nothing is loaded from anywhere, no script runs, and the keys in addresses go to no other server.
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def page(title: str, body: str, refresh_seconds: int = 0) -> str:
    """A whole page; `title` is plain text, `body` is HTML. 0 seconds: it does not load itself again."""
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{refresh}
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{escape(title)}</title><style>{STYLE}</style></head>
<body>
{body}
</body></html>
"""


def label(state: State) -> str:
    """The state in the API's own words, coloured."""
    words = f"{state.life_cycle.value} {state.result.value}" if state.result else state.life_cycle.value
    colour = "bad"
    if not state.is_terminal:
        colour = "open"
    elif state.result in {Result.SUCCESS, Result.SUCCESS_WITH_FAILURES}:
        colour = "good"
    return f'<strong class="{colour}">{words}</strong>'


def instant(milliseconds: int) -> str:
    """A time since 1970-01-01, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def seconds(start: int, end: int) -> str:
    """The time between two instants in milliseconds, in seconds."""
    return f"{max(0, end - start) / 1000:.1f} s"
