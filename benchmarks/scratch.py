"""A database and a Redis number of the run's own, where the servers for them answer on loopback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import redis
from psycopg import sql

POSTGRES = "postgres://postgres@127.0.0.1:5432"
REDIS = "redis://127.0.0.1:6379"

_NUMBERS = range(1, 15)
"""Redis numbers to look among. 0 is everybody's default, and 15 belongs to the tests."""

_MARK = "bench-relay"
"""The key that takes a number for this run until its end."""

_CONNECT_TIMEOUT = 2
"""Seconds. A server on loopback answers at once or is not there."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where one app keeps its data. `environment` is what tells the app."""

    database: str
    redis: bool
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def storage(name: str, *, embedded: bool) -> Iterator[Storage]:
    """PostgreSQL and Redis for one app: those of DATABASE_URL and REDIS_URL, which must hold nothing
    else; else ones on loopback, made here and gone afterwards; else, or if wanted, embedded ones."""
    if embedded:
        yield Storage("SQLite", redis=False, environment={"DATABASE_URL": "", "REDIS_URL": ""})
        return
    with _database(name) as database, _redis() as broker:
        chosen = {"DATABASE_URL": database, "REDIS_URL": broker}
        yield Storage(
            database="PostgreSQL" if database.startswith("postgres") else "SQLite",
            redis=bool(broker),
            environment={key: url for key, url in chosen.items() if url},
        )


@contextmanager
def _database(name: str) -> Iterator[str]:
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    try:
        server = psycopg.connect(
            f"{POSTGRES}/postgres", autocommit=True, connect_timeout=_CONNECT_TIMEOUT
        )
    except psycopg.OperationalError:
        yield ""
        return
    own = f"bench_{name.replace('-', '_')}_{os.getpid()}"
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(own)))
        try:
            yield f"{POSTGRES}/{own}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(own)))


@contextmanager
def _redis() -> Iterator[str]:
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    for number in _NUMBERS:
        client = redis.Redis.from_url(f"{REDIS}/{number}", socket_connect_timeout=_CONNECT_TIMEOUT)
        with client:
            try:
                mine = client.dbsize() == 0 and client.set(_MARK, os.getpid(), nx=True)
            except redis.RedisError:
                break
            if mine:
                try:
                    yield f"{REDIS}/{number}"
                finally:
                    client.flushdb()
                return
    yield ""
