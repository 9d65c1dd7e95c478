"""The key that signs sessions, made once where the environment gives none."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.utils.crypto import salted_hmac

SHORTEST = 50
"""Characters of a key that is worth one: what Django makes, and asks for in production."""

FEWEST_DIFFERENT = 5
"""Different characters in one: Django's own limit."""

DEFAULTS = ("django-insecure-", "change", "example", "secret-key")
"""How keys begin that somebody copied from a template."""


def load_or_make(path: Path) -> str:
    """The key kept at `path`; a new random one, readable by its owner alone, on the first start.

    Raises ImproperlyConfigured for a file that holds no key, OSError for one that cannot be read.
    """
    if not path.exists():
        _make(path)
    return read(path)


def read(path: Path) -> str:
    """The key kept at `path`. Raises as `load_or_make` does."""
    key = path.read_text().strip()
    if len(key) < SHORTEST:
        raise ImproperlyConfigured(f"{path} holds no key: delete it, and a new one is made.")
    return key


def is_weak(key: str, *, shortest: int = SHORTEST) -> bool:
    """Whether `key` has fewer than `shortest` characters, is a template's, or a pattern on the
    keyboard."""
    return (
        len(key) < shortest or len(set(key)) < FEWEST_DIFFERENT or key.lower().startswith(DEFAULTS)
    )


def _make(path: Path) -> None:
    """Appears whole or not at all, whoever stops or starts in between."""
    written = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(get_random_secret_key())
    try:
        os.link(written, path)
    except FileExistsError:
        pass  # another process was first: its key counts
    finally:
        written.unlink()


def derive(key: str, purpose: str) -> str:
    """Another key from `key`, so that one secret is never used for two purposes."""
    return salted_hmac(f"supportbot.{purpose}", "", secret=key, algorithm="sha256").hexdigest()
