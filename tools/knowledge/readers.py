"""Who reads: the audiences whose published articles somebody may see.

Whatever shows articles or passages of them takes a `Reader` and filters by `Reader.audiences` in
its SQL, so that what is not for a reader never leaves the database.
"""

from enum import Enum

from chat.identity import VerifiedCustomer
from tools.knowledge.models import Audience


class Reader(Enum):
    """A kind of reader, from the one who sees least to the one who sees most."""

    GUEST = frozenset({Audience.PUBLIC})
    """Anybody, and the public help centre."""

    CUSTOMER = frozenset({Audience.PUBLIC, Audience.CUSTOMERS})
    """A customer whose identity the host site has signed."""

    STAFF = frozenset({Audience.PUBLIC, Audience.CUSTOMERS, Audience.STAFF})
    """Whoever works in the admin."""

    @property
    def audiences(self) -> frozenset[str]:
        """The audiences whose articles this reader may see."""
        return frozenset(audience.value for audience in self.value)

    @classmethod
    def of(cls, customer: VerifiedCustomer | None) -> "Reader":
        """The reader that whoever talks with the bot is: None for a guest."""
        return cls.CUSTOMER if customer else cls.GUEST
