"""The tests of the chat run with tools of their own: `chat` knows none of the project's."""

import pytest
from pytest_django import Settings

from chat.toolbox import Tool, load_tools


@pytest.fixture(autouse=True)
def tools(settings: Settings) -> dict[str, Tool]:
    """The sample tools, by name."""
    names = ("search", "track_parcel", "note", "explode", "refuse", "hang", "count")
    settings.AGENT_TOOLS = [f"tests.chat.sample_tools.{name}" for name in names]
    return load_tools()
