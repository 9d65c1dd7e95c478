"""`manage.py runserver`, which a Django developer tries first."""

from daphne.management.commands.runserver import Command
from django.core.management import get_commands, load_command_class


def test_it_is_daphnes_which_speaks_websocket() -> None:
    assert isinstance(load_command_class(get_commands()["runserver"], "runserver"), Command)
