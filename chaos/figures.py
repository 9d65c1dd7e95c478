"""Figures over many measurements."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], rank: int) -> float:
    """The value that `rank` percent do not exceed, one of them; 0 for none at all."""
    if not values:
        return 0.0
    return sorted(values)[math.ceil(len(values) * rank / 100) - 1]
