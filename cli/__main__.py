"""`python -m cli`: the commands for engineers."""

from __future__ import annotations

import signal
import sys

from cli.main import main

# A plain kill must end a copy as cleanly as Ctrl-C does.
signal.signal(signal.SIGTERM, signal.default_int_handler)
sys.exit(main())
