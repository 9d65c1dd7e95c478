"""Which IP addresses are public. Everything else may be a machine of ours."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; connecting to 0.0.0.0 reaches this machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and the metadata service of one cloud
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
"""IANA's special-purpose registry, https://www.iana.org/assignments/iana-ipv4-special-registry.
Written out: what `ipaddress` calls global differs between the releases of Python."""

_GLOBAL_6 = IPv6Network("2000::/3")
"""All that is given out as public so far. Loopback, link-local, unique local, site-local,
multicast and IPv4-compatible addresses all lie outside it."""

_NOT_PUBLIC_6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocols: Teredo (2001::/32), benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: a tunnel to the IPv4 address inside, deprecated by RFC 7526
        "2620:4f:8000::/48",
        "3fff::/20",  # documentation
    )
]
"""IANA's registry, https://www.iana.org/assignments/iana-ipv6-special-registry."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052. A host without IPv4 sees every IPv4-only site below this prefix, so it is not refused
as such: the address inside is what counts. The local prefix 64:ff9b:1::/48 of RFC 8215 is refused,
as nobody knows which of its bits are that address."""

_LOW_32_BITS = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver answers it, is reached over the public internet only.

    The IPv4 address inside an IPv4-mapped or NAT64 address is what is judged. What is no IP address,
    or has a zone (`fe80::1%eth0`), is not public.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_4(parsed)
    return _is_public_6(parsed)


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_4(IPv4Address(int(address) & _LOW_32_BITS))
    return address in _GLOBAL_6 and not any(address in network for network in _NOT_PUBLIC_6)
