"""`make audit` never calls it good news that nobody was asked."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.any_storage

AUDIT = Path(__file__).parent.parent / ".ci" / "audit"
GOOD = {"name": "django", "version": "5.2.19", "vulns": []}
BAD = {
    "name": "daphne",
    "version": "4.2.1",
    "vulns": [{"id": "CVE-2026-44545", "fix_versions": ["4.2.2"], "aliases": []}],
}
SKIPPED = {"name": "axes", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def audit(folder: Path, output: str, code: int = 0, **more: str) -> tuple[int, str]:
    """Runs it on what a program in place of pip-audit prints."""
    program = folder / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint({output!r})\nsys.exit({code})\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(AUDIT)],
        env={**os.environ, "PIP_AUDIT": str(program), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        (report(GOOD), 0, "1 packages looked up, 0 with"),
        (report(GOOD, BAD), 1, "daphne 4.2.1: CVE-2026-44545, fixed in 4.2.2"),
        (report(BAD, SKIPPED), 1, "daphne 4.2.1"),
        (report(GOOD, SKIPPED), 2, "NOT AUDITED: the service knows nothing of 1 packages: axes"),
        (report(), 2, "NOT AUDITED"),
        ("Traceback: no route to host", 2, "NOT AUDITED: pip-audit got no answer"),
        ("", 2, "NOT AUDITED"),
    ],
)
def test_the_verdict(tmp_path: Path, output: str, code: int, said: str) -> None:
    found, told = audit(tmp_path, output, code=code)
    assert (found, said in told) == (code, True), told


def test_who_has_no_network_may_go_on_but_is_told(tmp_path: Path) -> None:
    code, told = audit(tmp_path, "", AUDIT_MAY_BE_UNREACHED="1")
    assert code == 0
    assert "NOT AUDITED" in told


def test_a_finding_is_never_waved_through(tmp_path: Path) -> None:
    assert audit(tmp_path, report(BAD), AUDIT_MAY_BE_UNREACHED="1")[0] == 1


@pytest.mark.parametrize(("text", "code"), [("AKIA" + "Q3EGWXYZ7HT5MNPK", 1), ("a kettle", 0)])
def test_a_key_does_not_get_into_the_repository(tmp_path: Path, text: str, code: int) -> None:
    """As `make check` looks for it."""
    (tmp_path / "notes.txt").write_text(f"key: {text}\n")
    hook = Path(sys.executable).parent / "detect-secrets-hook"
    done = subprocess.run(
        [str(hook), "--no-verify", "notes.txt"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == code, done.stdout
