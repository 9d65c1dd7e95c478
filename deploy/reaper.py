"""Ends what its parent started, should the parent die without doing it.

Reads lines from the parent's pipe, `+PID` for a process group that began and `-PID` for one that
ended. The pipe closes when the parent dies, however it dies; what is left then is ended here. A
signal at the parent's death (PR_SET_PDEATHSIG) would come when the thread that started a process
ends, which is too soon. Run with `python -S -E`: it needs nothing and must be there at once.
"""

import contextlib
import os
import signal
import sys
import time

GRACE = 2.0
"""Seconds between being asked to end and being ended."""


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    # PostgreSQL closes at once on SIGQUIT; the others have no handler, or end as fast as they can.
    for kind, patience in ((signal.SIGQUIT, GRACE if groups else 0), (signal.SIGKILL, 0)):
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, kind)
        time.sleep(patience)


if __name__ == "__main__":
    main()
