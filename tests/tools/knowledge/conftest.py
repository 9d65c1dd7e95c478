"""A small help centre, and the guest who asks about it."""

import threading
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest

from chat.toolbox import ToolContext
from tests.tools.knowledge.fetching.site import Shop
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


@pytest.fixture
def site() -> Iterator[Shop]:
    """A site on loopback, for imports."""
    found = Shop()
    thread = threading.Thread(target=partial(found.server.serve_forever, 0.01), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join(10)
