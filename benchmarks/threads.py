"""Where a process's CPU time goes, by the names of its threads, seen from outside."""

import os
import re
from collections.abc import Mapping
from pathlib import Path


class ThreadTimes:
    """``look`` at a process now and then; a thread's time is as of the last look at it."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, float]] = {}

    def look(self, pid: int) -> None:
        """OSError never: a process or thread that has just ended is passed over."""
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            return
        for thread in threads:
            try:
                text = (thread / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            self._seen[int(thread.name)] = parse_stat(text, os.sysconf("SC_CLK_TCK"))

    @property
    def cpu_seconds(self) -> Mapping[str, float]:
        """Thread name, without numbers -> user and system seconds."""
        sums: dict[str, float] = {}
        for name, seconds in self._seen.values():
            sums[name] = sums.get(name, 0.0) + seconds
        return sums


def parse_stat(text: str, ticks_per_second: int) -> tuple[str, float]:
    """Name and CPU seconds from a line of /proc/PID/task/TID/stat (proc(5)). The name may hold spaces and brackets."""
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    user, system = int(fields[11]), int(fields[12])  # the 14th and 15th of the line
    return re.sub(r"[\d_#-]+$", "", name), (user + system) / ticks_per_second
