"""`make bench-relay`: the whole app beside a bare relay, under the same load, in the same run.

Both relay the same answers of a fake provider on loopback, in turns. The bare relay is Starlette and
the SDK and nothing else, so the ratios say what the rest of the app costs; they travel between machines
better than the figures do. DATABASE_URL and REDIS_URL are passed on to the app: name ones that hold
nothing else. With Redis the work after an answer is left to a worker that is not part of this.
"""

import asyncio
import gc
import os
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from benchmarks import report
from benchmarks.figures import Figures, Load, figures
from benchmarks.processes import Server, ServerFailed, free_port, running
from benchmarks.sockets import Opening, ask_all, open_app, open_bare

WARM_UP = 5
"""Conversations before the first round: imports, connections and caches are no running cost."""

SLACK = 60.0
"""Seconds a run may take beyond what the provider needs, before it counts as stuck."""

QUIET = 0.05
"""The share of a core below which a server has nothing left to do. An idle app polls its queue."""

SETTLE_STEP = 0.5
"""Seconds over which that share is taken: fifty ticks of the kernel's clock."""

SETTLE_TIMEOUT = 20.0
"""Seconds after which a server that is still busy is measured as it is."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under load and how to open a conversation with it."""

    server: Server
    opening: Opening


async def measure(subject: Subject, load: Load) -> Figures:
    """Puts the load on a server once."""
    async with AsyncExitStack() as open_sockets:
        sockets = [await subject.opening(subject.server) for _ in range(load.conversations)]
        for socket in sockets:
            open_sockets.push_async_callback(socket.close)
        await _settle(subject.server)
        before = subject.server.cpu()
        try:
            async with asyncio.timeout(load.tokens * load.gap_ms / 1000 + SLACK):
                answers = await ask_all(sockets, load.spread_ms / 1000)
        except (ConnectionClosed, TimeoutError) as error:
            raise subject.server.failed(f"gave no answer ({error!r})") from error
        answered = subject.server.cpu()
        await _settle(subject.server)
        settled = subject.server.cpu()
    subject.server.check()
    return figures(load, answers, answered - before, settled - before)


async def _settle(server: Server) -> None:
    for _ in range(round(SETTLE_TIMEOUT / SETTLE_STEP)):
        before = server.cpu()
        await asyncio.sleep(SETTLE_STEP)
        if server.cpu() - before < QUIET * SETTLE_STEP:
            return


async def rounds(subjects: list[Subject], load: Load, count: int) -> list[list[Figures]]:
    """The figures of each subject, round by round. The subjects take turns."""
    warm_up = Load(WARM_UP, load.tokens, load.gap_ms, load.spread_ms)
    for subject in subjects:
        await measure(subject, warm_up)
    # A collection of the client's would read as the server's delay.
    gc.freeze()
    gc.disable()
    measured: list[list[Figures]] = [[] for _ in subjects]
    for _ in range(count):
        for subject, of_subject in zip(subjects, measured, strict=True):
            of_subject.append(await measure(subject, load))
            gc.collect()
    return measured


@contextmanager
def _subjects(options: Namespace) -> Iterator[list[Subject]]:
    """The app and the bare relay, both on one fake provider."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-relay-")))
        ports = [free_port() for _ in range(3)]
        provider = f"http://127.0.0.1:{ports[0]}"
        fake = ["-m", "benchmarks.fake_anthropic", "--port", str(ports[0])]
        fake += ["--tokens", str(options.tokens), "--gap-ms", str(options.gap_ms)]
        stack.enter_context(running("provider", *fake, port=ports[0], folder=folder))
        app = running(
            "app",
            *("manage.py", "serve", "--prepare"),
            port=ports[1],
            folder=folder,
            environment=_app_environment(ports[1], provider, folder),
        )
        bare = ["-m", "benchmarks.bare_relay", "--port", str(ports[2]), "--provider", provider]
        bare += ["--helper"] if options.helper else []
        yield [
            Subject(stack.enter_context(app), open_app),
            Subject(
                stack.enter_context(running("bare", *bare, port=ports[2], folder=folder)),
                open_bare,
            ),
        ]


def _app_environment(port: int, provider: str, folder: Path) -> dict[str, str]:
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
        "DEBUG": "false",
        "SUPPORTBOT_DEMO": "false",
        "SUPPORTBOT_PROVIDERS": "anthropic",
        "ANTHROPIC_API_KEY": "bench",
        "ANTHROPIC_BASE_URL": provider,
    }


def _options() -> Namespace:
    parser = ArgumentParser(prog="make bench-relay ARGS=", description=__doc__)
    parser.add_argument("--conversations", type=int, default=50, help="at once")
    parser.add_argument("--tokens", type=int, default=100, help="of each answer")
    parser.add_argument("--gap-ms", type=float, default=20.0, help="between two tokens")
    parser.add_argument(
        "--spread-ms", type=float, help="over which the conversations start; one gap if not given"
    )
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts")
    parser.add_argument(
        "--helper",
        action="store_true",
        help="the bare relay uses the SDK's dearer messages.stream, not the app's messages.create",
    )
    return parser.parse_args()


def main() -> int:
    """Runs the benchmark; 1 where a token was lost, or a server failed or logged an error."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    options = _options()
    spread = options.gap_ms if options.spread_ms is None else options.spread_ms
    load = Load(options.conversations, options.tokens, options.gap_ms, spread)
    try:
        with _subjects(options) as subjects:
            app, bare = asyncio.run(rounds(subjects, load, options.rounds))
            complaints = [line for subject in subjects for line in subject.server.complaints()]
    except ServerFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    backend = "PostgreSQL" if os.environ.get("DATABASE_URL") else "SQLite"
    backend += " and Redis" if os.environ.get("REDIS_URL") else ", embedded"
    return report.show(load, backend, app, bare, complaints)


if __name__ == "__main__":
    sys.exit(main())
