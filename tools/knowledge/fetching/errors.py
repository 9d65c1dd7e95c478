"""Why an address could not be fetched. Each text is a reason for whoever named the address.

FetchError
├── Refused       we do not go there: the guard, robots.txt, or our limits say so
├── NotThere      the site says that it has no such page (404, 410)
└── Unreachable   everything else: no answer, a bad one, a slow one
"""


class FetchError(Exception):
    """An address could not be fetched."""


class Refused(FetchError):
    """We do not fetch it, now or later."""


class NotThere(FetchError):
    """The site says that the page is gone."""


class Unreachable(FetchError):
    """The site did not answer with the page; it may do so another time."""
