"""`python -m lakehouse`: the commands for engineers."""

from __future__ import annotations

import signal
import sys

from lakehouse.cli import main

# A plain kill must end a copy as cleanly as Ctrl-C does.
signal.signal(signal.SIGTERM, signal.default_int_handler)
sys.exit(main())
