"""A URL taken apart, strictly: what two programs might read in two ways is refused."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import SplitResult, quote, urlsplit

import idna

from tools.knowledge.fetching.errors import Refused

PORTS = {"https": 443, "http": 80}

LONGEST = 2000
"""Characters of a URL: what browsers and servers agree to take."""

_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\\u0080-\u00a0\u2028\u2029]")
_NUMBER = re.compile(r"\A(?:\d+|0[xX][0-9a-fA-F]*)\Z")
_SAFE_IN_PATHS = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: `host` in ASCII and lower case, `path` with its query, both encoded."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """The site: scheme, host and, where it is not the usual one, port."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == PORTS[self.scheme]
        return f"{self.scheme}://{name}" + ("" if usual else f":{self.port}")

    @property
    def url(self) -> str:
        return self.origin + self.path


def parse(url: str, *, http: bool, ports: frozenset[int] = frozenset(PORTS.values())) -> Target:
    """Takes a URL apart.

    `http` allows it without encryption; `ports` are those that it may name. Raises Refused for every
    other scheme or port, for a user name or password, and for a host that is no plain name or
    address: numbers such as 2130706433 or 0x7f.1 are addresses to some programs and names to others.
    """
    if len(url) > LONGEST:
        raise Refused("is longer than an address can be")
    if _NOT_IN_URLS.search(url):
        raise Refused("has a space, a backslash or a control character in it")
    try:
        parts = urlsplit(url)
        named_port = parts.port
    except ValueError as error:
        raise Refused("is no address that can be read") from error
    if parts.scheme not in PORTS:
        raise Refused("is not an address that begins with https://")
    if parts.scheme == "http" and not http:
        raise Refused("is not encrypted: only https:// is read (SUPPORTBOT_IMPORT_HTTP)")
    if "@" in parts.netloc:
        raise Refused("has a user name or password in it")
    port = PORTS[parts.scheme] if named_port is None else named_port
    if port not in ports or (named_port is None and parts.netloc.endswith(":")):
        raise Refused(f"names the port {port}, which is not read")
    return Target(parts.scheme, _host(parts), port, _path(parts))


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        if "%" in host:
            raise Refused("has a network zone in its host")
        return host
    if not host or "%" in host:
        raise Refused("has no host that can be read")
    try:
        host = idna.encode(host, uts46=True, std3_rules=True, transitional=False).decode()
    except idna.IDNAError as error:
        raise Refused("has no host that can be read") from error
    if _NUMBER.match(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except AddressValueError as error:
            raise Refused("has a number for a host") from error
    return host


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_SAFE_IN_PATHS)
    return f"{path}?{quote(parts.query, safe=_SAFE_IN_PATHS + '?')}" if parts.query else path
