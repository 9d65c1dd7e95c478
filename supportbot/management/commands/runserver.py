"""`manage.py runserver`: daphne's, which speaks WebSocket. Not by daphne's app, since every process would
import it: 14 MB and a sixth of the time that a process takes to start."""

from daphne.management.commands.runserver import Command

__all__ = ["Command"]
