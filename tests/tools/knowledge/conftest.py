"""A small help centre, and the guest who asks about it."""

from uuid import UUID

import pytest

from chat.toolbox import ToolContext
from tests.tools.knowledge.support import write


@pytest.fixture
def guest() -> ToolContext:
    """Articles are for everybody."""
    return ToolContext(conversation=UUID(int=1), turn=UUID(int=2), ordinal=1, customer=None)


@pytest.fixture
def shop() -> None:
    """A small help centre. Needs a database."""
    write("Refunds", "A refund goes to your card.\n\n## Time\n\nRefunds take five business days.")
    write(
        "Delivery", "Standard delivery takes three days.\n\n## Cost\n\nDelivery is free over $60."
    )
    write("Kettles", "Enamel kettles boil water.\n\n## Descaling\n\nDescale a kettle with vinegar.")
    write("Opening hours", "Our showroom opens at ten.")
