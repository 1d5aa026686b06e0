"""Measure what the project promises about speed; figures belong here, never into a test.

Usage: python scripts/bench.py [--json]
       python scripts/bench.py startup|detect|swap|paste|video|lipsync|lipsync-memory|verify|directory [--json]
       python scripts/bench.py inference [DIR] [--json]
       python scripts/bench.py api [--seconds S] [--json]

Without the name of a benchmark all run one after the other, each in a process of its own, but those that take long:
which, is said at the end.

Run it with the Python of an environment that holds the project and its dev packages, such as ``.venv``, on a quiet
machine. Every case runs once to warm up (but where it takes long enough anyway); then all cases of a group take turns,
so that a slow moment of the machine meets them alike. The column cpu is processor time, which other processes disturb
less; the ratio is the median in units of a named baseline that was measured in the same turns. The yardstick is what
the machine can do at most, measured in the same turns as well: matrix products, copies of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench_api import API
from _bench_directory import DIRECTORY
from _bench_faces import DETECT
from _bench_frame import measure
from _bench_inference import INFERENCE
from _bench_lipsync import LIPSYNC, LIPSYNC_MEMORY
from _bench_paste import PASTE
from _bench_print import print_json, print_table
from _bench_startup import STARTUP
from _bench_store import VERIFY
from _bench_swap import SWAP
from _bench_video import VIDEO

if TYPE_CHECKING:
    from _bench_frame import Benchmark

__all__ = ["BENCHMARKS"]

BENCHMARKS: dict[str, Benchmark] = {
    "startup": STARTUP,
    "detect": DETECT,
    "swap": SWAP,
    "paste": PASTE,
    "video": VIDEO,
    "lipsync": LIPSYNC,
    "lipsync-memory": LIPSYNC_MEMORY,
    "inference": INFERENCE,
    "verify": VERIFY,
    "directory": DIRECTORY,
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


def _all(*, as_json: bool) -> int:
    """Run all but the longest, and return the first exit status that is not 0."""
    status = 0
    for name, benchmark in BENCHMARKS.items():
        if benchmark.alone:
            continue
        command = [sys.executable, __file__, name, *(["--json"] if as_json else [])]
        if benchmark.brief_seconds is not None:
            command += ["--seconds", f"{benchmark.brief_seconds:g}"]
        # A process each: what one sets (threads, folders, libraries that are loaded) is not there for the next.
        code = subprocess.run(command, check=False).returncode
        status = status or code
        if not as_json:
            print("\n", flush=True)
    longer = {name: one for name, one in BENCHMARKS.items() if one.alone or one.brief_seconds is not None}
    if as_json:
        print(json.dumps({"run by themselves": list(longer)}))
    else:
        print("Not run, or only for a moment; run by themselves:")
        for name, benchmark in longer.items():
            print(f"  python scripts/bench.py {name}: {benchmark.summary}")
    return status


def _one(options: argparse.Namespace) -> int:
    benchmark = BENCHMARKS[options.benchmark]
    machine = _machine()
    if options.json:
        head = {"benchmark": options.benchmark, "repeats": benchmark.repeats, "machine": machine}
        print(json.dumps(head), flush=True)
    else:
        print(f"{options.benchmark}: {benchmark.summary}; {benchmark.repeats} repeats")
        print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    told: set[str] = set()
    length = {} if benchmark.seconds is None else {"seconds": options.seconds}
    for group in benchmark.groups(options.folder if benchmark.takes_folder else None, **length):
        rows = measure(group.cases, benchmark.repeats, warm_up=benchmark.warm_up)
        if options.json:
            print_json(group, rows)
        else:
            print_table(group, rows, told)
        del group  # with what it holds in memory, before the next one is made
    return 0


def main() -> int:
    """Run one benchmark, or all, and print their rows."""
    parser = argparse.ArgumentParser(description="Measure what the project promises about speed.")
    as_json = "print JSON lines: the machine, then each case"
    parser.add_argument("--json", action="store_true", help=as_json)
    choices = parser.add_subparsers(dest="benchmark", help="which one; all but the longest if none is named")
    for name, benchmark in BENCHMARKS.items():
        choice = choices.add_parser(name, help=benchmark.summary)
        if benchmark.takes_folder:
            choice.add_argument("folder", metavar="DIR", type=Path, nargs="?", help="where its files are")
        if benchmark.seconds is not None:
            choice.add_argument("--seconds", type=float, default=benchmark.seconds, help="how long it lasts, about")
        # Not to be forgotten when it stands before the name.
        choice.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=as_json)
    options = parser.parse_args()
    return _all(as_json=options.json) if options.benchmark is None else _one(options)


if __name__ == "__main__":
    sys.exit(main())
