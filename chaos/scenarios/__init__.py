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

GROUPS: tuple[tuple[Scenario, ...], ...] = (
    (kills.SCENARIO, freezes.SCENARIO, orders.SCENARIO),
    (
        duplicates.SCENARIO,
        cuts.SCENARIO,
        redis_outage.SCENARIO,
        postgres_restarts.SCENARIO,
        rolling.SCENARIO,
    ),
    (frames.SCENARIO, sockets.SCENARIO),
)
"""In the order in which they run. One stack serves a group: a scenario leaves it as it found it. Short
ones mostly wait, so their groups are played beside each other, each on a stack of its own."""

ALL: tuple[Scenario, ...] = tuple(scenario for group in GROUPS for scenario in group)
