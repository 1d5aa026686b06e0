"""Measure what the project promises about speed; figures belong here, never into a test.

Usage: python scripts/bench.py startup|detect|swap|paste|lipsync|lipsync-memory [--json]
       python scripts/bench.py inference DIR [--json]
       python scripts/bench.py api [--seconds S] [--json]

Run it with the Python of an environment that holds the project and its dev packages, such as ``.venv``, on a quiet
machine. Every case runs once to warm up (but not in lipsync-memory and api, which take long enough); then all cases of
a group take turns, so that a slow moment of the machine meets them alike. The column cpu is processor time, which other
processes disturb less; the ratio is the median in units of a named baseline that was measured in the same turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench_api import API
from _bench_faces import DETECT, SWAP
from _bench_frame import measure
from _bench_inference import INFERENCE
from _bench_lipsync import LIPSYNC, LIPSYNC_MEMORY
from _bench_paste import PASTE
from _bench_startup import STARTUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _bench_frame import Fact, Group, Row

__all__ = ["BENCHMARKS"]

BENCHMARKS = {
    "startup": STARTUP,
    "detect": DETECT,
    "swap": SWAP,
    "paste": PASTE,
    "lipsync": LIPSYNC,
    "lipsync-memory": LIPSYNC_MEMORY,
    "inference": INFERENCE,
    "api": API,
}


def _machine() -> dict[str, Any]:
    packages = ("facefusion-cli", "numpy", "onnxruntime", "opencv-python", "torch", "typer")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _print_json(group: Group, rows: Sequence[Row]) -> None:
    for row in rows:
        record = asdict(row)
        record = {"group": group.title, **record, **record.pop("facts")}
        print(json.dumps({name: _rounded(value) for name, value in record.items()}), flush=True)
    if group.remark:
        print(json.dumps({"group": group.title, "remark": group.remark}), flush=True)


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _print_table(group: Group, rows: Sequence[Row]) -> None:
    if group.title:
        print(f"\n{group.title}")
    counted = any(row.tflops is not None for row in rows)
    names = list(dict.fromkeys(name for row in rows for name in row.facts))
    head = [f"{name:>8}" for name in ("median", "lowest", "highest", "cpu")] + [f"{'ratio':>7}"]
    head += [f"{'TFLOP/s':>8}", f"{'yardstick':>9}"] if counted else []
    print(f"\n{'milliseconds':44}", *head, *(f"{name:>8}" for name in names))
    for row in rows:
        cells = [f"{time_ms:8.1f}" for time_ms in (row.median_ms, row.lowest_ms, row.highest_ms, row.cpu_ms)]
        cells.append(f"{row.ratio:7.2f}")
        if counted:
            cells.append(" " * 8 if row.tflops is None else f"{row.tflops:8.2f}")
            cells.append(" " * 9 if row.of_yardstick is None else f"{row.of_yardstick:9.0%}")
        print(f"{row.case:44}", *cells, *(f"{_cell(row.facts.get(name)):>8}" for name in names))
    print(f'\nratio: median over the median of "{rows[0].case}"')
    if counted:
        print("yardstick: operations per second over those of a large matrix product in the same precision")
    if "off_by" in names:
        print("off_by: largest difference to onnxruntime's answers, in units of the largest number among those")
    if group.remark:
        print(group.remark, flush=True)


def _cell(fact: Fact | None) -> str:
    return "" if fact is None else fact if isinstance(fact, str) else f"{fact:.4g}"


def main() -> int:
    """Run one benchmark and print its rows."""
    parser = argparse.ArgumentParser(description="Measure what the project promises about speed.")
    choices = parser.add_subparsers(dest="benchmark", required=True)
    for name, benchmark in BENCHMARKS.items():
        choice = choices.add_parser(name, help=benchmark.summary)
        if benchmark.takes_folder:
            choice.add_argument("folder", metavar="DIR", type=Path, help="where its files are")
        if benchmark.seconds is not None:
            choice.add_argument("--seconds", type=float, default=benchmark.seconds, help="how long it lasts, about")
        choice.add_argument("--json", action="store_true", help="print JSON lines: the machine, then each case")
    options = parser.parse_args()
    benchmark = BENCHMARKS[options.benchmark]
    machine = _machine()
    if options.json:
        print(json.dumps({"benchmark": options.benchmark, "repeats": benchmark.repeats, "machine": machine}))
    else:
        print(f"{options.benchmark}: {benchmark.summary}; {benchmark.repeats} repeats")
        print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    length = {} if benchmark.seconds is None else {"seconds": options.seconds}
    for group in benchmark.groups(options.folder if benchmark.takes_folder else None, **length):
        rows = measure(group.cases, benchmark.repeats, warm_up=benchmark.warm_up)
        (_print_json if options.json else _print_table)(group, rows)
        del group  # with what it holds in memory, before the next one is made
    return 0


if __name__ == "__main__":
    sys.exit(main())
