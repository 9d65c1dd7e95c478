"""The scenarios, a module each. A new one is imported and listed here; nothing else knows it."""

from chaos.scenario import Scenario
from chaos.scenarios import (
    cuts,
    duplicates,
    frames,
    freezes,
    kills,
    orders,
    postgres_restarts,
    redis_outage,
    rolling,
    sockets,
)

ALL: tuple[Scenario, ...] = (
    kills.SCENARIO,
    freezes.SCENARIO,
    duplicates.SCENARIO,
    cuts.SCENARIO,
    redis_outage.SCENARIO,
    postgres_restarts.SCENARIO,
    rolling.SCENARIO,
    orders.SCENARIO,
    frames.SCENARIO,
    sockets.SCENARIO,
)
"""In the order in which they run. One stack serves them all: a scenario leaves it as it found it."""
