"""Sales data like AtliQ's, with the defects of the real thing planted in known numbers.

`build` makes the data (pure: the same arguments give the same rows on every machine), `load` writes it into a MySQL
schema, `generate` does both; `next_day` holds the edits that a user makes on the following day.
"""

from local.demo_data.build import DemoData, build
from local.demo_data.defects import PlantedDefects
from local.demo_data.loading import generate, is_filled, load

__all__ = ["DemoData", "PlantedDefects", "build", "generate", "is_filled", "load"]
