"""Inputs that nobody thought of. The same ones each time, unless V4GRAPH_DRILL=full asks for many more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FULL = os.environ.get("V4GRAPH_DRILL") == "full"


def budget(short: int, full: int) -> settings:
    """How many examples; the short ones come from a fixed seed."""
    return settings(
        max_examples=full if FULL else short,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )
