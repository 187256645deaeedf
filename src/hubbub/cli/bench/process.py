"""What a process uses, as Linux tells it in /proc."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from hubbub.cli.bench.errors import BenchError

SETTLE_STEP_S = 0.25
SETTLE_LIMIT_S = 4.0
SETTLED = 0.002
"""Share by which memory may still move between two looks."""


def resident_bytes(pid: int) -> int:
    """Bytes of memory that process `pid` holds; sockets in the kernel are not among them.

    Raises BenchError if there is no such process, or it is not ours to look at.
    """
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    except OSError as error:
        raise BenchError(f"cannot read the memory of process {pid}: {error.strerror}") from None
    raise BenchError(f"process {pid} has ended")


def settled_bytes(pid: int) -> int:
    """`resident_bytes` when it has stopped moving, after 4 s at the latest."""
    deadline = time.monotonic() + SETTLE_LIMIT_S
    before, calm = resident_bytes(pid), 0
    while calm < 3 and time.monotonic() < deadline:
        time.sleep(SETTLE_STEP_S)
        now = resident_bytes(pid)
        calm = calm + 1 if abs(now - before) <= SETTLED * before else 0
        before = now
    return before


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time that process `pid` has used, all threads, user and kernel.

    Raises BenchError as `resident_bytes` does.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError as error:
        raise BenchError(f"cannot read the time of process {pid}: {error.strerror}") from None
    # The name, in brackets, may hold anything; utime and stime are fields 14 and 15 (proc(5)).
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a stretch of time took. Shares are of one core."""

    seconds: float
    server_cpu: float | None
    """None if the server's process is not known."""
    generator_cpu: float
    elsewhere: float | None
    """Cores that other processes kept busy: the more of them, the less the numbers are worth."""


class Meter:
    """Time passed and processor time used, since it was made."""

    def __init__(self, server: int | None) -> None:
        self._server = server
        self._begin = self._look()

    def _look(self) -> tuple[float, float, float, float]:
        server = 0.0 if self._server is None else cpu_seconds(self._server)
        return time.monotonic(), server, time.process_time(), _busy_seconds()

    def read(self) -> Usage:
        """The usage since the meter was made. Raises BenchError as `cpu_seconds` does."""
        now = self._look()
        seconds, server, own, all_of_it = (b - a for a, b in zip(self._begin, now, strict=True))
        if self._server is None:
            return Usage(seconds, None, own / seconds, None)
        elsewhere = max(0.0, all_of_it - server - own)
        return Usage(seconds, server / seconds, own / seconds, elsewhere / seconds)


def _busy_seconds() -> float:
    """Processor seconds of the whole machine, all cores, in anything but waiting (proc(5))."""
    user, nice, system, _idle, _wait, *interrupts = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def raise_file_limit() -> int:
    """Let this process, and those it starts, open as many files as it may; returns how many."""
    import resource  # not there on Windows, where the rest of the command line still works

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1_048_576
    if soft == resource.RLIM_INFINITY or soft >= hard:
        return int(soft) if soft != resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return int(hard)


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    processor = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cores": str(os.cpu_count()),
        "processor": processor,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
