"""Measure what the project promises about speed; figures belong here, never into a test.

Usage: python scripts/bench.py startup|detect|swap [--json]

Run it with the Python of an environment that holds the project and its dev packages, such as ``.venv``, on a quiet
machine. Every case runs once to warm up; then all cases take turns, so that a slow moment of the machine meets them
alike. The column cpu is processor time, which other processes disturb less; the ratio is the median in units of a named
baseline that was measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["BENCHMARKS", "Benchmark", "Case", "Row", "measure"]


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure."""

    name: str
    run: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a case, in milliseconds."""

    case: str
    median_ms: float
    lowest_ms: float
    highest_ms: float
    cpu_ms: float
    """Median of the processor time, user and system, child processes included (but not on Windows)."""
    ratio: float
    """``median_ms`` over the baseline's."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A set of cases, the first of them the baseline."""

    summary: str
    repeats: int
    cases: Callable[[], Iterator[Case]]


def measure(cases: Sequence[Case], repeats: int) -> list[Row]:
    """Time the cases in turns, after a warm-up of each."""
    walls: list[list[float]] = [[] for _ in cases]
    cpus: list[list[float]] = [[] for _ in cases]
    for turn in range(repeats + 1):
        for case, wall, cpu in zip(cases, walls, cpus, strict=True):
            wall_start, cpu_start = time.perf_counter(), _processor_seconds()
            case.run()
            if turn > 0:
                wall.append(1000 * (time.perf_counter() - wall_start))
                cpu.append(1000 * (_processor_seconds() - cpu_start))
    median = statistics.median
    return [
        Row(case.name, median(wall), min(wall), max(wall), median(cpu), median(wall) / median(walls[0]))
        for case, wall, cpu in zip(cases, walls, cpus, strict=True)
    ]


def _processor_seconds() -> float:
    if sys.platform == "win32":
        return time.process_time()
    import resource

    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


# --- startup: whole processes -------------------------------------------------------------------------------

EMPTY_APP = """
import typer
app = typer.Typer()
@app.command()
def nothing() -> None:
    "Do nothing."
app()
"""


def _startup() -> Iterator[Case]:
    facefusion = shutil.which("facefusion", path=str(Path(sys.executable).parent))
    if facefusion is None:
        raise SystemExit(f"error: there is no command facefusion beside {sys.executable}.")
    yield Case("an empty Typer app --help", partial(_process, sys.executable, "-c", EMPTY_APP, "--help"))
    yield Case("facefusion --help", partial(_process, facefusion, "--help"))
    yield Case("facefusion faceswap --help", partial(_process, facefusion, "faceswap", "--help"))
    yield Case("facefusion --version", partial(_process, facefusion, "--version"))


def _process(*arguments: str) -> None:
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


# --- detect and swap: pictures in memory --------------------------------------------------------------------


def _yardstick() -> Case:
    """Plain work of the same kind, so that ratios can be compared between machines."""
    import cv2
    import numpy as np

    picture = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    return Case("Gaussian blur of 1080p (sigma 5)", lambda: cv2.GaussianBlur(picture, (0, 0), 5))


def _packaged_picture(package: str, *parts: str) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"error: the picture to measure with comes from {package}, which is not installed.")
    picture = cv2.imread(str(Path(spec.origin).parent.joinpath(*parts)), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"error: {package} holds no readable {parts[-1]}.")
    return picture.astype(np.uint8, copy=False)


def _astronaut() -> NDArray[np.uint8]:
    return _packaged_picture("skimage", "data", "astronaut.png")


def _hopper() -> NDArray[np.uint8]:
    return _packaged_picture("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")


def _detect() -> Iterator[Case]:
    from facefusion_cli.core.faces.analyser import FaceAnalyser

    yield _yardstick()
    analyser = FaceAnalyser()
    group = _packaged_picture("insightface", "data", "images", "t1.jpg")
    for name, picture in {"astronaut": _astronaut(), "hopper": _hopper(), "group of six": group}.items():
        height, width = picture.shape[:2]
        yield Case(f"{name}, {width} x {height}", partial(analyser.find, picture))


def _swap() -> Iterator[Case]:
    """The mesh engine's steps on one thread; detection is not counted."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before numpy is imported
    import cv2

    from facefusion_cli.core.faces.analyser import FaceAnalyser
    from facefusion_cli.core.faceswap.engine import choose_engine
    from facefusion_cli.core.media.composite import composite
    from facefusion_cli.core.media.images import picture_from_array

    cv2.setNumThreads(1)
    yield _yardstick()
    analyser, engine = FaceAnalyser(), choose_engine("mesh").create()
    source, portrait = _hopper(), _astronaut()
    (source_face,), (portrait_face,) = analyser.find(source), analyser.find(portrait)
    identity = engine.prepare(source, source_face)
    yield Case(f"prepare a source face of {source_face.size:.0f} px", partial(engine.prepare, source, source_face))
    for size, (width, height) in {107: (512, 512), 225: (1920, 1080), 500: (1920, 1080)}.items():
        picture = _with_face_of(size, portrait, portrait_face, width, height)
        (face,) = analyser.find(picture)
        where = f"face of {face.size:.0f} px in {width} x {height}"
        yield Case(f"swap a {where}", partial(engine.swap, picture, face, identity))
        patches = [engine.swap(picture, face, identity)]
        yield Case(f"composite a {where}", partial(composite, picture_from_array(picture, Path("picture")), patches))


def _with_face_of(size: float, portrait: NDArray[np.uint8], face: Face, width: int, height: int) -> NDArray[np.uint8]:
    """The portrait scaled so that its face is ``size`` px wide, centred in a picture of the size given."""
    import cv2
    import numpy as np

    scale = size / face.size
    left, top, right, bottom = face.box
    shift_x, shift_y = width / 2 - scale * (left + right) / 2, height / 2 - scale * (top + bottom) / 2
    matrix = np.array([[scale, 0, shift_x], [0, scale, shift_y]])
    picture = cv2.warpAffine(portrait, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(128, 128, 128))
    return picture.astype(np.uint8, copy=False)


# --- the frame ----------------------------------------------------------------------------------------------

BENCHMARKS = {
    "startup": Benchmark("start of the command, whole processes", 15, _startup),
    "detect": Benchmark("finding the faces of a decoded picture", 15, _detect),
    "swap": Benchmark("the mesh engine's steps on one thread, detection apart", 15, _swap),
}


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("facefusion-cli", "numpy", "onnxruntime", "opencv-python", "typer")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def main() -> int:
    """Run one benchmark and print its rows."""
    parser = argparse.ArgumentParser(description="Measure what the project promises about speed.")
    choices = "; ".join(f"{name}: {benchmark.summary}" for name, benchmark in BENCHMARKS.items())
    parser.add_argument("benchmark", choices=BENCHMARKS, help=choices)
    parser.add_argument("--json", action="store_true", help="print JSON lines: the machine, then a line for each case")
    options = parser.parse_args()
    benchmark = BENCHMARKS[options.benchmark]
    machine = _machine()
    rows = measure(list(benchmark.cases()), benchmark.repeats)
    if options.json:
        print(json.dumps({"benchmark": options.benchmark, "repeats": benchmark.repeats, "machine": machine}))
        for row in rows:
            record = asdict(row)
            print(json.dumps({key: value if key == "case" else round(value, 3) for key, value in record.items()}))
        return 0
    print(f"{options.benchmark}: {benchmark.summary}; {benchmark.repeats} repeats")
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"\n{'milliseconds':44} {'median':>8} {'lowest':>8} {'highest':>8} {'cpu':>8} {'ratio':>7}")
    for row in rows:
        times = (row.median_ms, row.lowest_ms, row.highest_ms, row.cpu_ms)
        print(f"{row.case:44}", *(f"{time_ms:8.1f}" for time_ms in times), f"{row.ratio:7.2f}")
    print(f'\nratio: median over the median of "{rows[0].case}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
