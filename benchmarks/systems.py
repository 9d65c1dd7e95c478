"""What is measured: the app on its two servers, the bare relay, and others beside them."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT, Server, ServerFailed, cores, environment, free_port, running
from benchmarks.scratch import Storage, storage
from benchmarks.sockets import Opening, open_app, open_peer

BASELINE = "bare"
"""What the ratios are to."""

APPS = ("app-uvicorn", "app-daphne")
PEERS = {
    "bare": "benchmarks.peers",
    "lean": "benchmarks.peers",
    "pydantic-ai": "benchmarks.pydantic_ai_peer",
}
"""The modules that serve the others."""

NAMES = (*APPS, *PEERS)

NO_LIMITS = dict.fromkeys(
    (
        "SUPPORTBOT_MESSAGES_PER_MINUTE",
        "SUPPORTBOT_MESSAGES_PER_MINUTE_IP",
        "SUPPORTBOT_SESSIONS_PER_MINUTE_IP",
        "SUPPORTBOT_SOCKETS_PER_IP",
        "SUPPORTBOT_REQUESTS_PER_MINUTE_IP",
    ),
    "0",
)
"""All customers come from one address here."""


@dataclass(frozen=True, slots=True)
class System:
    """A server under load, and how to open a conversation with it. Only an app has a storage."""

    server: Server
    opening: Opening
    storage: Storage | None = None


@contextmanager
def started(
    name: str, provider: str, folder: Path, *wrapper: str, embedded: bool = False
) -> Iterator[System]:
    """Starts a system on the fake provider at `provider`; `wrapper` are arguments of Python that run
    the rest, such as a profiler's; `embedded` keeps an app off PostgreSQL and Redis. Raises
    ServerFailed."""
    port, (core, _) = free_port(), cores()
    if name in PEERS:
        command = ["-m", PEERS[name], name, "--port", str(port), "--provider", provider]
        with running(name, [*wrapper, *command], port=port, folder=folder, on=core) as server:
            yield System(server, open_peer)
        return
    with storage(name, embedded=embedded) as kept:
        env = _environment(name, port, provider, folder) | kept.environment
        _migrate(env)
        command = [*wrapper, *_command(name)]
        with running(name, command, port=port, folder=folder, on=core, env=env) as server:
            yield System(server, open_app, kept)


def _command(name: str) -> Sequence[str]:
    """How docs/configuration.md starts it, and how `make run` does."""
    if name == "app-daphne":
        return ("manage.py", "serve")
    return ("-m", "supportbot.production")


def _environment(name: str, port: int, provider: str, folder: Path) -> dict[str, str]:
    return {
        **NO_LIMITS,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATA_DIR": str(folder / f"{name}-data"),
        "DEBUG": "false",
        "SUPPORTBOT_HTTPS": "false",
        "SECRET_KEY": "a-key-for-a-benchmark-that-nobody-else-can-reach-at-all",
        "SUPPORTBOT_DEMO": "false",
        "SUPPORTBOT_PROVIDERS": "anthropic",
        "ANTHROPIC_API_KEY": "bench",
        "ANTHROPIC_BASE_URL": provider,
    }


def _migrate(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"The database could not be prepared:\n{done.stderr[-4000:]}")
