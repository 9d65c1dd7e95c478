"""The key that signs sessions, made once where the environment gives none."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key
from django.utils.crypto import salted_hmac


def load_or_make(path: Path) -> str:
    """The key kept at `path`; a new random one, readable by its owner alone, on the first start."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = get_random_secret_key()
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


def derive(key: str, purpose: str) -> str:
    """Another key from `key`, so that one secret is never used for two purposes."""
    return salted_hmac(f"supportbot.{purpose}", "", secret=key, algorithm="sha256").hexdigest()
