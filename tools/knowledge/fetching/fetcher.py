"""Fetching one page after another: guarded, limited, slow, and as the site's robots.txt wishes."""

import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urljoin

import httpcore2 as httpcore

from tools.knowledge.fetching import body, robots, target
from tools.knowledge.fetching.errors import FetchError, NotThere, Refused, Unreachable
from tools.knowledge.fetching.network import Deadline, GuardedBackend
from tools.knowledge.fetching.pace import Pace
from tools.knowledge.fetching.target import Target

TIME_LIMIT = 10.0
"""Seconds for one page in all: names, redirects and the last byte."""

MOST_REDIRECTS = 5

AGENT = "SupportbotImport"
"""What we are called in a robots.txt, and in the logs of the site."""

PAGES = frozenset(
    {
        "text/html",
        "application/xhtml+xml",
        "text/markdown",
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    }
)
SITEMAPS = frozenset({"application/xml", "text/xml", "application/gzip", "application/x-gzip"})
TEXTS = frozenset({"text/plain"})

_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page: the URL that it was found at, its type, the encoding that the server names, its bytes."""

    url: str
    content_type: str
    charset: str
    data: bytes


Backend = Callable[[Deadline], httpcore.NetworkBackend]


class Fetcher:
    """Fetches pages. Not thread-safe: an import reads one page at a time.

    `http` allows addresses without encryption and `ports` those that a URL may name; `backend` opens
    the connections, `tls` proves the names of the servers.
    """

    def __init__(
        self,
        *,
        http: bool = False,
        pace: Pace,
        backend: Backend = GuardedBackend,
        tls: ssl.SSLContext | None = None,
        ports: Collection[int] = target.PORTS.values(),
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._http, self._ports, self._pace = http, frozenset(ports), pace
        self._backend, self._time_limit = backend, time_limit
        self._tls = tls or ssl.create_default_context()
        self._rules: dict[str, robots.Rules] = {}
        self._silent: dict[str, str] = {}

    def get(self, url: str, *, types: Collection[str] = PAGES) -> Fetched:
        """The page at a URL, after its redirects. Raises FetchError: see there for its kinds.

        Waits until the site may be asked again; that is no part of the ten seconds.
        """
        self._settle(self._parsed(url))  # robots.txt and the wait are no part of the time limit
        deadline = Deadline(self._time_limit)
        for _ in range(MOST_REDIRECTS + 1):
            there = self._parsed(url)
            self._settle(there)
            found = self._ask(there, deadline, types)
            self._pace.asked(there.host, at_least=self._rules[there.origin].delay)
            if isinstance(found, Fetched):
                return found
            url = found
        raise Refused(f"leads on and on, more than {MOST_REDIRECTS} times")

    def _parsed(self, url: str) -> Target:
        return target.parse(url.partition("#")[0], http=self._http, ports=self._ports)

    def _settle(self, there: Target) -> None:
        """Returns when the page may be asked for. Raises Refused where robots.txt forbids it, and
        Unreachable where robots.txt cannot be had: then nothing may be read (RFC 9309, 2.3.1.4)."""
        if there.origin in self._silent:
            raise Unreachable(self._silent[there.origin])
        if there.origin not in self._rules:
            try:
                self._rules[there.origin] = self._read_rules(there)
            except Unreachable as error:
                self._silent[there.origin] = f"cannot be had: the site's robots.txt {error}"
                raise Unreachable(self._silent[there.origin]) from error
        if not self._rules[there.origin].allow(there.url):
            raise Refused("is not to be read by programs, says the site's robots.txt")
        self._pace.wait(there.host)

    def _read_rules(self, there: Target) -> robots.Rules:
        url, deadline = f"{there.origin}/robots.txt", Deadline(self._time_limit)
        try:
            for _ in range(MOST_REDIRECTS + 1):
                parsed = self._parsed(url)
                found = self._ask(parsed, deadline, None)
                if isinstance(found, Fetched):
                    return robots.read(found.data.decode("utf-8", "replace"), AGENT)
                url = found
        except NotThere:
            return robots.read("", AGENT)
        return robots.read("", AGENT)  # RFC 9309, 2.3.1.2: too many redirects count as none there

    def _ask(
        self, there: Target, deadline: Deadline, types: Collection[str] | None
    ) -> Fetched | str:
        """One request: the page, or where the site sends us on to."""
        try:
            with httpcore.ConnectionPool(
                ssl_context=self._tls, network_backend=self._backend(deadline)
            ) as pool:
                request = pool.stream("GET", there.url, headers=_headers(types))
                with request as answer:
                    return _read(there, answer, types)
        except FetchError:
            raise
        except ssl.SSLCertVerificationError as error:
            raise Unreachable("has a certificate that does not prove its name") from error
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise Unreachable("took too long to answer") from error
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreachable("broke off, or answers in a way that cannot be read") from error


def _headers(types: Collection[str] | None) -> list[tuple[str, str]]:
    return [
        ("User-Agent", f"{AGENT}/1.0"),
        ("Accept", ", ".join(sorted(types)) if types else "text/plain"),
        ("Accept-Encoding", "gzip"),
        ("Connection", "close"),
    ]


def _read(there: Target, answer: httpcore.Response, types: Collection[str] | None) -> Fetched | str:
    headers = Message()
    for name, value in answer.headers:
        headers[name.decode("ascii", "replace")] = value.decode("latin-1")
    if answer.status in _REDIRECTS and headers["Location"]:
        return urljoin(there.url, str(headers["Location"]).strip())
    _check_status(answer.status, any_absence=types is None)
    content_type = headers.get_content_type() if headers["Content-Type"] else ""
    if types is not None and content_type not in types:
        raise Refused(f"is {content_type or 'of no stated type'}, which is not read")
    if (headers["Content-Length"] or "0").isdigit():
        size = int(headers["Content-Length"] or "0")
        if size > body.LARGEST:
            raise Refused(f"is larger than {body.LARGEST // 1_000_000} MB")
    encoding = (headers["Content-Encoding"] or "").strip().lower()
    data = body.read(answer.iter_stream(), encoding=encoding)
    return Fetched(there.url, content_type, headers.get_content_charset() or "", data)


def _check_status(status: int, *, any_absence: bool) -> None:
    """Every 4xx of a robots.txt means that there is none (RFC 9309, 2.3.1.3)."""
    if status in (404, 410) or (any_absence and 400 <= status < 500):
        raise NotThere(f"is not there: the site answers {status}")
    if status != 200:
        raise Unreachable(f"is not given out: the site answers {status}")
