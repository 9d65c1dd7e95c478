"""Server-sent events, cut out of a body as it comes from the network."""

MAX_EVENT = 1024 * 1024
"""Bytes. A hundred times the longest event of an answer, the one that repeats it whole with the
request's tools: whoever sends more without an end would fill the memory."""

_BOM = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """A server sent more without ending an event than one may hold."""


class Splitter:
    """Takes a body's chunks, wherever they are cut, and gives the events that each one completes.

    It stays with bytes: a character cut in two is whole again when its event is. Of an event only
    the data is given, for every vendor names the kind of event there too. What is no data, comments
    above all, is dropped, and so is an event that the end of the body cuts off. No event is longer
    than `longest` bytes.
    """

    def __init__(self, longest: int = MAX_EVENT) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._started = False
        self._after_return = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that ends in `chunk`; raises EventTooLong."""
        if not chunk:
            return []
        if b"\r" in chunk or self._after_return:
            chunk = self._one_kind_of_newline(chunk)
        *blocks, rest = self._with_rest(chunk).split(b"\n\n")
        self._rest += rest
        if len(self._rest) > self._longest:
            raise EventTooLong(f"more than {self._longest} bytes")
        if blocks and not self._started:
            self._started = True
            blocks[0] = blocks[0].removeprefix(_BOM)
        return [data for block in blocks if (data := _data(block))]

    def _with_rest(self, chunk: bytes) -> bytes:
        """All that is here, once an event ends in it; until then the chunk, which has no end.

        An event in many pieces is searched once: the one that ends it has its last newline, or both.
        """
        if not self._rest:
            return chunk
        if b"\n\n" not in self._rest[-1:] + chunk[:1] and b"\n\n" not in chunk:
            return chunk
        whole = bytes(self._rest) + chunk
        self._rest.clear()
        return whole

    def _one_kind_of_newline(self, chunk: bytes) -> bytes:
        # A return that ended the last chunk counted already: its line feed may only come now.
        if self._after_return:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        if chunk.endswith(b"\r"):
            self._after_return = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data(block: bytes) -> bytes:
    head, found, data = block.partition(b"data: ")
    if found and b"\n" not in data and (not head or head.endswith(b"\n")):
        return data  # nearly every event
    lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line[:5] == b"data:"]
    return b"\n".join(lines)
