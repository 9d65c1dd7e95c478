"""The scenarios, a module each. A new one is imported and listed here; nothing else knows it."""

from chaos.scenario import Scenario
from chaos.scenarios import frames, kills, orders, sockets

ALL: tuple[Scenario, ...] = (kills.SCENARIO, frames.SCENARIO, orders.SCENARIO, sockets.SCENARIO)
"""In the order in which they run. One stack serves them all: a scenario leaves it as it found it."""
