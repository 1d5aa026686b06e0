"""What every benchmark is made of, and how its cases are timed."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Benchmark", "Case", "Fact", "Group", "Row", "add_processor_seconds", "measure", "processor_seconds"]

Fact = str | float

_added: list[float] = []
"""Processor seconds of processes that are still there."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure."""

    name: str
    run: Callable[[], object]
    items: int = 1
    """Things done by one run; times are given for one of them."""
    work: float = 0.0
    """Floating-point operations of one run, a multiplication and an addition counting as two; 0 if not counted."""
    traffic: float = 0.0
    """Bytes that one run cannot but move from one place to another, instead of ``work``; 0 if not counted."""
    yardstick: str = ""
    """The case of the same group whose operations (bytes) per second this one's are compared with; "" for none."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What else is known of it, at the latest after its last run."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a case, times in milliseconds."""

    case: str
    median_ms: float
    lowest_ms: float
    highest_ms: float
    cpu_ms: float
    """Median of the processor time, user and system, child processes included (but not on Windows)."""
    ratio: float
    """``median_ms`` over the baseline's."""
    tflops: float | None
    """Floating-point operations per second by the median, in units of 10^12."""
    gbytes_s: float | None
    """Bytes per second by the median, in units of 10^9."""
    of_yardstick: float | None
    """``tflops`` (``gbytes_s``) over that of the yardstick: the share of what the machine could do at most."""
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that take turns; the first is the baseline."""

    title: str
    cases: Sequence[Case]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Groups of cases, measured one group after the other; a group is made when its turn comes."""

    summary: str
    repeats: int
    groups: Callable[..., Iterator[Group]]
    """Takes the folder given on the command line, or None; and ``seconds``, if ``seconds`` below says how many."""
    takes_folder: bool = False
    warm_up: bool = True
    """Whether each case runs once before it counts."""
    seconds: float | None = None
    """How long it lasts unless the command line says otherwise; None where its work is given."""
    brief_seconds: float | None = None
    """And among all others."""
    alone: bool = False
    """Whether it takes so long that it only runs when it is named."""


def measure(cases: Sequence[Case], repeats: int, *, warm_up: bool = True) -> list[Row]:
    """Time the cases in turns, by default after a warm-up of each."""
    walls: list[list[float]] = [[] for _ in cases]
    cpus: list[list[float]] = [[] for _ in cases]
    for turn in range(0 if warm_up else 1, repeats + 1):
        for case, wall, cpu in zip(cases, walls, cpus, strict=True):
            wall_start, cpu_start = time.perf_counter(), processor_seconds()
            case.run()
            if turn > 0:
                wall.append(1000 * (time.perf_counter() - wall_start) / case.items)
                cpu.append(1000 * (processor_seconds() - cpu_start) / case.items)
    medians = [statistics.median(wall) for wall in walls]
    speeds = {
        case.name: (case.work or case.traffic) / case.items / median * 1e3
        for case, median in zip(cases, medians, strict=True)
    }
    return [
        Row(
            case=case.name,
            median_ms=median,
            lowest_ms=min(wall),
            highest_ms=max(wall),
            cpu_ms=statistics.median(cpu),
            ratio=median / medians[0],
            tflops=speeds[case.name] / 1e12 if case.work else None,
            gbytes_s=speeds[case.name] / 1e9 if case.traffic else None,
            of_yardstick=speeds[case.name] / speeds[case.yardstick] if case.yardstick else None,
            facts=case.facts,
        )
        for case, median, wall, cpu in zip(cases, medians, walls, cpus, strict=True)
    ]


def add_processor_seconds(seconds: float) -> None:
    """Count what a process has used that is still there."""
    _added.append(seconds)


def processor_seconds() -> float:
    """Of this process, its children that are gone (but not on Windows) and what was added, user and system."""
    if sys.platform == "win32":
        return time.process_time() + sum(_added)
    import resource

    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + sum(_added)
