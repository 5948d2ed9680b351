"""All models of the variety by name: small ones of many kinds, so that a fast path
that serves the five workloads alone shows.
"""

from __future__ import annotations

from benchmarks.variety_pictures import PICTURES
from benchmarks.variety_registry import Variety
from benchmarks.variety_sequences import SEQUENCES
from benchmarks.variety_tables import TABLES

VARIETIES: dict[str, Variety] = {**TABLES, **PICTURES, **SEQUENCES}
