"""The processor: its name, what it can do in hardware, and how much of it this process may use."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Processor", "processor", "read_processor"]

_BF16_FLAGS = ("amx_bf16", "avx512_bf16")
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Processor:
    """What this process has to compute with."""

    name: str
    """As its maker says it, else the architecture."""
    logical: int
    """Logical processors that the process may run on (its affinity)."""
    quota: float | None
    """How many of them its control group lets it keep busy; None for no limit."""
    cores: int
    """How many threads are worth having, at least 1: physical cores among those, no more than the quota."""
    bf16: tuple[str, ...]
    """Instruction sets that multiply bf16 in hardware, in the kernel's words; told on Linux only."""


@cache
def processor() -> Processor:
    """This machine's processor."""
    return read_processor()


def read_processor(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> Processor:
    """The processor as ``proc`` and ``cgroups`` describe it, where there are such folders."""
    table = _cpuinfo(proc)
    allowed = _allowed()
    first = table[0] if table else {}
    quota = _quota(proc, cgroups)
    cores = _physical_cores(table, allowed) or len(allowed)
    # A quota of 1.5 is best used by two threads.
    limit = cores if quota is None else math.ceil(quota)
    flags = set(first.get("flags", "").split())
    return Processor(
        name=first.get("model name") or _name() or platform.machine(),
        logical=len(allowed),
        quota=quota,
        cores=max(1, min(cores, limit)),
        bf16=tuple(flag for flag in _BF16_FLAGS if flag in flags),
    )


def _allowed() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _cpuinfo(proc: Path) -> list[dict[str, str]]:
    """The blocks of ``/proc/cpuinfo``, one a logical processor; none where there is no such file."""
    text = _read(proc / "cpuinfo")
    return [
        {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}
        for block in text.split("\n\n")
        if block.strip()
    ]


def _physical_cores(table: list[dict[str, str]], allowed: frozenset[int]) -> int:
    """Different cores behind the logical processors allowed; 0 where the kernel does not tell them apart."""
    cores = set()
    for block in table:
        if "processor" not in block or "core id" not in block:
            return 0
        if int(block["processor"]) in allowed:
            cores.add((block.get("physical id", "0"), block["core id"]))
    return len(cores)


def _quota(proc: Path, cgroups: Path) -> float | None:
    """The tightest limit on processor time among the control groups this process is in (versions 1 and 2)."""
    quotas = []
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = cgroups / controllers if controllers else cgroups
        # In a container the group's path may be the host's, while the mount shows the group itself at its root.
        for folder in {mount.joinpath(*parts) for parts in _prefixes(group)}:
            quota = _quota_1(folder) if controllers else _quota_2(folder)
            if quota is not None:
                quotas.append(quota)
    return min(quotas, default=None)


def _prefixes(group: str) -> list[list[str]]:
    parts = [part for part in group.split("/") if part not in ("", "..")]
    return [parts[:length] for length in range(len(parts) + 1)]


def _quota_2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return float(quota) / float(period) if quota not in ("", "max") else None


def _quota_1(folder: Path) -> float | None:
    quota, period = (_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return float(quota) / float(period) if quota and period and float(quota) > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _name() -> str:
    """The processor's name where no file tells it."""
    if sys.platform == "win32":
        import winreg

        place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
        return answer.stdout.strip()
    return ""
