"""The key that signs sessions: made once, whole, and for its owner alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from supportbot import secret_key


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    key = secret_key.load_or_make(tmp_path / "key")
    assert len(key) >= secret_key.SHORTEST
    assert secret_key.load_or_make(tmp_path / "key") == key
    assert secret_key.load_or_make(tmp_path / "other") != key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"key", "other"}


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(secret_key.load_or_make, [tmp_path / "key"] * 32))
    assert len(keys) == 1


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    with pytest.raises(ImproperlyConfigured, match="holds no key: delete it"):
        secret_key.load_or_make(tmp_path / "key")


def test_a_derived_key_is_another_for_every_purpose() -> None:
    keys = {
        secret_key.derive("k", "one"),
        secret_key.derive("k", "two"),
        secret_key.derive("l", "one"),
    }
    assert len(keys) == 3
    assert secret_key.derive("k", "one") in keys
