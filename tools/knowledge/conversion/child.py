"""The process that converts: `python -m tools.knowledge.conversion.child`.

It reads a request from its standard input and writes an answer to its standard output, until the
input ends: a line of JSON each, and behind that of a request as many bytes as it says. It catches
only what it understands. A file that breaks a library breaks this process, and its owner starts
another one.
"""

import json
import resource
import sys
from dataclasses import asdict
from typing import Any

from tools.knowledge.conversion import docx, html, pdf
from tools.knowledge.conversion.document import Document, Unreadable

MEMORY = 1_500_000_000
"""Bytes of address space. The libraries take 0.3 GB of it, a document of 20 MB ten times its size."""


def main() -> None:
    """Serves until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        request = json.loads(line)
        data = source.read(request["size"])
        sink.write(json.dumps(_answer(request, data)).encode() + b"\n")
        sink.flush()


def _answer(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    try:
        return asdict(_convert(request, data))
    except Unreadable as error:
        return {"unreadable": str(error)}
    except RecursionError:
        return {"unreadable": "is nested too deeply"}
    except MemoryError:
        return {"unreadable": "takes too much memory to read"}


def _convert(request: dict[str, Any], data: bytes) -> Document:
    match request["kind"]:
        case "html":
            return html.convert(data, base=request["base"], charset=request["charset"])
        case "pdf":
            return pdf.convert(data)
        case "docx":
            return docx.convert(data)
        case kind:
            raise ValueError(f"no conversion of {kind}")


if __name__ == "__main__":
    main()
