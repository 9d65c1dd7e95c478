"""The body of an answer, read within its limit, compressed or not."""

import zlib
from collections.abc import Iterable

from tools.knowledge.fetching.errors import Refused, Unreachable

LARGEST = 5_000_000
"""Bytes of one page or sitemap, also after it is unpacked."""

GZIP = zlib.MAX_WBITS | 16
"""zlib's word for a stream with the head of gzip."""


def read(parts: Iterable[bytes], *, encoding: str = "", limit: int = LARGEST) -> bytes:
    """All of a body, unpacked. Raises Refused where it is larger than the limit or packed in a way
    that was not asked for, Unreachable where it is broken."""
    if encoding not in ("", "identity", "gzip"):
        raise Refused(f"is packed as {encoding[:20]}, which was not asked for")
    gathered = bytearray()
    for part in _unpacked(parts, limit) if encoding == "gzip" else parts:
        gathered += part
        if len(gathered) > limit:
            raise Refused(f"is larger than {limit // 1_000_000} MB")
    return bytes(gathered)


def _unpacked(parts: Iterable[bytes], limit: int) -> Iterable[bytes]:
    """Never more of a bomb than one byte over the limit."""
    gzip, size = zlib.decompressobj(GZIP), 0
    try:
        for part in parts:
            while part:
                piece = gzip.decompress(part, limit + 1 - size)
                size += len(piece)
                yield piece
                part = gzip.unconsumed_tail
    except zlib.error as error:
        raise Unreachable("is packed in a way that cannot be read") from error
    if not gzip.eof:
        raise Unreachable("ended before it was complete")
