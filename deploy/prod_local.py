"""The processes of production on loopback, from installed packages: `make prod-local`.

Two servers behind nginx, a Celery worker and its clock, PostgreSQL and Redis, each with a free port
and a log of its own, all in one folder. Nothing of it touches servers that run already, and nothing
outlives this process.
"""

import argparse
import os
import pwd
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from deploy import nginx
from deploy.processes import ROOT, Process, ProcessFailed, Reaper, free_ports, program

_OURS = ("SUPPORTBOT_", "ANTHROPIC_", "OPENAI_", "OTEL_", "DJANGO_", "PG")
"""Whoever starts this may have a key set, and is not to pay for it unasked."""


class Stack:
    """Everything runs between `__enter__` and `__exit__`, on data that stays in `folder`: for root, one
    that the user postgres can reach.

    Without `workers` no task is run: what is enqueued waits. `extra_environment` goes to the servers, the
    workers and `manage`. `web` holds the servers; `worker`, `beat`, `postgres`, `redis` and `nginx` are
    the others. Each may be killed and started again. Raises ProcessFailed if one does not start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        servers: int = 2,
        workers: bool = True,
        port: int = 0,
        extra_environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.port, postgres, redis, *web = free_ports(3 + servers)
        self.port = port or self.port
        self._postgres_port, self._redis_port = postgres, redis
        self._workers = workers
        self._reaper: Reaper
        self._running = ExitStack()
        self.environment = self._environment(extra_environment or {})
        self._web_ports = web

    @property
    def url(self) -> str:
        """The address of nginx, as a browser knows it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def processes(self) -> list[Process]:
        """All of them, in the order in which they start."""
        workers = [self.worker, self.beat] if self._workers else []
        return [self.postgres, self.redis, *self.web, *workers, self.nginx]

    def __enter__(self) -> Self:
        for name in ("data", "nginx"):
            (self.folder / name).mkdir(exist_ok=True)
        self._reaper = Reaper()
        with ExitStack() as running:
            running.callback(self._reaper.close)
            self._define()
            self._start(running, self.postgres, self.redis)
            self._create_database()
            self.manage("migrate", "--verbosity", "0")
            self._start(running, *self.processes[2:])
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def manage(self, *arguments: str) -> str:
        """Runs `manage.py` and returns what it printed. Raises ProcessFailed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProcessFailed(f"manage.py {arguments[0]} failed:\n{done.stderr[-4000:]}")
        return done.stdout

    @staticmethod
    def _start(running: ExitStack, *processes: Process) -> None:
        for process in processes:
            running.callback(process.stop)
            process.start()
        for process in processes:
            process.wait_until_ready()

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        return {
            **kept,
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{self._postgres_port}/supportbot",
            "REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "DATA_DIR": str(self.folder / "data"),
            "SECRET_KEY": self._secret_key(),
            "DEBUG": "false",
            "SUPPORTBOT_HTTPS": "false",  # loopback has no certificate
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "SUPPORTBOT_TRUSTED_PROXIES": "1",
            "SUPPORTBOT_ORIGINS": self.url,
            "PYTHONUNBUFFERED": "1",
            **extra,
        }

    def _secret_key(self) -> str:
        """The same one each time that this folder is used, for sessions outlive a restart."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "secret_key"
        if not path.exists():
            path.touch(0o600)
            path.write_text(secrets.token_urlsafe(48), "utf-8")
        return path.read_text("utf-8")

    # What runs --------------------------------------------------------------------------------

    def _define(self) -> None:
        self.postgres = self._define_postgres()
        self.redis = self._define_redis()
        self.web = [self._define_web(n, port) for n, port in enumerate(self._web_ports, 1)]
        celery = (sys.executable, "-m", "celery", "-A", "supportbot")
        schedule = str(self.folder / "beat")
        self.worker = self._process("worker", *celery, "worker", "--concurrency", "2")
        self.beat = self._process("beat", *celery, "beat", "--schedule", schedule, "--pidfile=")
        self.nginx = self._define_nginx()

    def _process(self, name: str, *command: str, port: int = 0) -> Process:
        """One of the project's own."""
        return Process(
            name,
            command,
            folder=self.folder,
            reaper=self._reaper,
            environment={**self.environment, "PORT": str(port or 8000), "HOST": "127.0.0.1"},
            port=port,
        )

    def _define_web(self, number: int, port: int) -> Process:
        return self._process(
            f"web-{number}", sys.executable, "-m", "supportbot.production", port=port
        )

    def _define_postgres(self) -> Process:
        data = self.folder / "postgres"
        if not (data / "PG_VERSION").exists():
            self._initialise(data)
        command = [
            *(program("postgres"), "-D", str(data), "-p", str(self._postgres_port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
        ]
        return Process(
            "postgres",
            [*_as_postgres(), *command],
            folder=self.folder,
            reaper=self._reaper,
            port=self._postgres_port,
            ready=self._postgres_answers,
            stop_signal=signal.SIGINT,  # its fast stop: SIGTERM waits for every client to go
        )

    def _initialise(self, data: Path) -> None:
        data.mkdir(exist_ok=True)
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            self.folder.chmod(0o711)
            owner = pwd.getpwnam("postgres")
            os.chown(data, owner.pw_uid, owner.pw_gid)
        command = [program("initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"]
        done = subprocess.run(
            [*_as_postgres(), *command, "--encoding=UTF8", "--locale=C.UTF-8"],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProcessFailed(f"initdb failed:\n{done.stderr}")

    def _define_redis(self) -> Process:
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        command = ["redis-server", "--port", str(self._redis_port), "--bind", "127.0.0.1"]
        # As in docker-compose.yml: tasks that wait must outlive a restart.
        kept = ["--save", "", "--appendonly", "yes", "--dir", str(data)]
        return Process(
            "redis",
            [*command, *kept],
            folder=self.folder,
            reaper=self._reaper,
            port=self._redis_port,
            ready=self._redis_answers,
        )

    def _define_nginx(self) -> Process:
        folder = self.folder / "nginx"
        configuration = folder / "nginx.conf"
        configuration.write_text(nginx.for_loopback(self.port, self._web_ports, folder), "utf-8")
        command = ["nginx", "-c", str(configuration), "-e", "stderr", "-g", "daemon off;"]
        return Process("nginx", command, folder=self.folder, reaper=self._reaper, port=self.port)

    # Whether it answers -----------------------------------------------------------------------

    def _create_database(self) -> None:
        with psycopg.connect(self._database("postgres"), autocommit=True) as server:
            there = server.execute("SELECT 1 FROM pg_database WHERE datname = 'supportbot'")
            if not there.fetchone():
                server.execute("CREATE DATABASE supportbot")

    def _database(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._postgres_port}/{name}"

    def _postgres_answers(self) -> bool:
        try:
            psycopg.connect(self._database("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _redis_answers(self) -> bool:
        try:
            with Redis(port=self._redis_port, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except RedisError:
            return False


def _as_postgres() -> list[str]:
    """What runs a command as the user postgres: who is root cannot run PostgreSQL as itself."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]


def main() -> None:
    parser = argparse.ArgumentParser(description="The processes of production on loopback.")
    parser.add_argument(
        "folder", nargs="?", type=Path, help="keeps the data; a temporary one if none"
    )
    parser.add_argument("--port", type=int, default=0, help="of nginx; a free one if none")
    parser.add_argument("--servers", type=int, default=2, help="server processes")
    parser.add_argument("--demo", action="store_true", help="with the demo shop")
    arguments = parser.parse_args()
    stopping = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: stopping.set())
    with ExitStack() as kept:
        folder = arguments.folder or Path(
            kept.enter_context(tempfile.TemporaryDirectory(prefix="prod-local-"))
        )
        # The caller's own keys and settings are meant here.
        own = {name: value for name, value in os.environ.items() if name.startswith(_OURS[:4])}
        own |= {"SUPPORTBOT_DEMO": "true"} if arguments.demo else {}
        stack = kept.enter_context(
            Stack(folder, servers=arguments.servers, port=arguments.port, extra_environment=own)
        )
        if arguments.demo:
            load = "import sys; from supportbot.demo import load; load.once(sys.stdout)"
            stack.manage("shell", "-c", load)
        _tell(stack)
        stopping.wait()
        print("Stopping…")


def _tell(stack: Stack) -> None:
    print(f"Ready: {stack.url}/ · admin {stack.url}/admin/ · Ctrl-C stops")
    for process in stack.processes:
        port = f"127.0.0.1:{process.port}" if process.port else ""
        print(f"  {process.name:10} {port:16} pid {process.pid:<8} {process.log}")
    names = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "SECRET_KEY")
    kept = stack.folder / "environment"
    kept.touch(0o600)
    kept.write_text(
        "".join(f"export {name}={stack.environment[name]}\n" for name in names), "utf-8"
    )
    print(f"  for manage.py: . {kept}", flush=True)


if __name__ == "__main__":
    main()
