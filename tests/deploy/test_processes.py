"""Processes of a stack end with it, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.processes import ROOT, Process, ProcessFailed, Reaper, free_ports

pytestmark = pytest.mark.any_storage

PATIENCE = 20.0

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
"""It has a child, and ends only when it is killed."""

PARENT = f"""
import sys, time
from pathlib import Path
from deploy.processes import Process, Reaper
process = Process("it", [sys.executable, "-c", {STUBBORN!r}], folder=Path(sys.argv[1]), reaper=Reaper())
process.start()
print(process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def reaper() -> Iterator[Reaper]:
    reaper = Reaper()
    yield reaper
    reaper.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for_the_end(*pids: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, f"{pids} live on"
        time.sleep(0.05)


def child_of(log: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while not (text := log.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(text)


def stubborn(folder: Path, reaper: Reaper) -> tuple[Process, int]:
    """A process that has started, and the id of its child."""
    process = Process("it", [sys.executable, "-c", STUBBORN], folder=folder, reaper=reaper)
    process.start()
    return process, child_of(process.log)


def test_one_that_does_not_stop_is_killed_with_its_children(tmp_path: Path, reaper: Reaper) -> None:
    process, child = stubborn(tmp_path, reaper)
    assert process.stop(timeout=0.2) == -signal.SIGKILL
    assert not process.running
    wait_for_the_end(child)


def test_a_parent_that_is_killed_takes_its_processes_with_it(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    child = child_of(tmp_path / "it.log")
    parent.kill()
    parent.wait()
    wait_for_the_end(pid, child)
    parent.stdout.close()


def test_it_may_be_killed_and_started_again_into_the_same_log(
    tmp_path: Path, reaper: Reaper
) -> None:
    command = [sys.executable, "-c", "print('begun', flush=True); import time; time.sleep(600)"]
    process = Process("it", command, folder=tmp_path, reaper=reaper)
    process.start()
    first = process.pid
    while "begun" not in process.log.read_text():
        time.sleep(0.02)
    process.kill()
    assert not process.running
    process.restart()
    assert process.pid != first
    while process.log.read_text().count("begun") < 2:
        time.sleep(0.02)
    process.stop()


def test_one_that_is_paused_can_be_stopped(tmp_path: Path, reaper: Reaper) -> None:
    process = Process("it", ["sleep", "600"], folder=tmp_path, reaper=reaper)
    process.start()
    process.kill(signal.SIGSTOP)
    assert process.stop() == -signal.SIGTERM


def test_one_that_ends_before_it_is_ready_is_told_with_its_log(
    tmp_path: Path, reaper: Reaper
) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", "raise SystemExit('no configuration')"]
    process = Process("it", command, folder=tmp_path, reaper=reaper, port=port)
    process.start()
    with pytest.raises(ProcessFailed, match="it ended:\nno configuration"):
        process.wait_until_ready()


def test_one_that_runs_is_not_started_twice(tmp_path: Path, reaper: Reaper) -> None:
    process = Process("it", ["sleep", "600"], folder=tmp_path, reaper=reaper)
    process.start()
    with pytest.raises(ProcessFailed, match="runs already"):
        process.start()
    os.kill(process.pid, signal.SIGKILL)
    process.stop()


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(50))) == 50
