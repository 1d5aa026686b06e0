"""A directory of small pictures in one run, beside a loop of one process a picture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_faces import _astronaut, _hopper
from _bench_frame import Benchmark, Case, Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _bench_frame import Fact

__all__ = ["DIRECTORY", "directory_group"]

_PICTURES = 200
_LOOP = 5
"""Pictures of the loop: it would take minutes for all."""
_SIDE = 256
"""Pixels."""
_SHIFTS = 20
"""Pixels, of the picture that the small ones are cut from: no two neighbours are alike."""
_REMARK = """useful: share of the time from the first picture to the last result that is spent decoding, looking at
pictures and swapping faces, encoding, signing; placed: with what it takes to put each result in its place, whole or not
at all; of_all: that of the whole process, from its start to its end; start_s: seconds before the first picture; ..._ms:
of each stage, a picture; networks: how many were opened"""


def _directory(_folder: Path | None) -> Iterator[Group]:
    with tempfile.TemporaryDirectory() as folder:
        yield directory_group(Path(folder), _PICTURES, _LOOP)


def directory_group(folder: Path, pictures: int, loop: int) -> Group:
    """So many pictures in one run of the embedded engine; the baseline: ``loop`` of them, each in a run of its own."""
    import cv2

    home = folder / "home"
    (home / "state").mkdir(parents=True)
    (home / "state" / "first-use").touch()
    source = folder / "source.png"
    cv2.imwrite(str(source), _hopper())
    targets = [*_written(folder / "targets", pictures)]
    (folder / "one").mkdir()
    shutil.copy(targets[0], folder / "one")
    command = _Command(source, home, folder / "results", folder / "facts.json")
    many: dict[str, Fact] = {}
    one: dict[str, Fact] = {}
    cases = [
        Case(f"a loop of {loop}, one process a picture", partial(command.loop, targets[:loop]), loop),
        Case(
            f"a directory of {pictures}",
            partial(command.timed, folder / "targets", pictures, many),
            pictures,
            facts=many,
        ),
        Case("a directory of one", partial(command.timed, folder / "one", 1, one), facts=one),
    ]
    return Group(f"pictures of {_SIDE} x {_SIDE}, the embedded engine", cases, _REMARK)


def _written(folder: Path, count: int) -> Iterator[Path]:
    """JPEG files of the portrait, each shifted a little."""
    import cv2

    folder.mkdir()
    portrait = _astronaut()
    side = portrait.shape[0] - _SHIFTS
    for number in range(count):
        right, down = number % _SHIFTS, number // _SHIFTS % _SHIFTS
        part = portrait[down : down + side, right : right + side]
        path = folder / f"{number:03}.jpg"
        cv2.imwrite(str(path), cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
        yield path


class _Command:
    """``facefusion faceswap`` with one source."""

    def __init__(self, source: Path, home: Path, results: Path, facts: Path) -> None:
        self._arguments = ["faceswap", str(source)]
        self._options = ["--engine", "mesh", "--quiet", "-o", str(results)]
        self._results, self._facts = results, facts
        self._environment = {**os.environ, "FACEFUSION_HOME": str(home)}

    def loop(self, targets: Sequence[Path]) -> None:
        """A process for each."""
        shutil.rmtree(self._results, ignore_errors=True)
        self._results.mkdir()
        for target in targets:
            self._run([sys.executable, "-m", "facefusion_cli"], target)

    def timed(self, targets: Path, count: int, facts: dict[str, Fact]) -> None:
        """One process for all, which tells where its time goes."""
        shutil.rmtree(self._results, ignore_errors=True)
        began = time.time()
        program = Path(__file__).with_name("_bench_directory_run.py")
        self._run([sys.executable, str(program), str(self._facts)], targets)
        ended = time.time()
        if len([*self._results.glob("*.jpg")]) != count:
            raise SystemExit("error: not every picture to measure with was swapped.")
        told = json.loads(self._facts.read_text(encoding="utf-8"))
        done = sum(told["seconds"].values())
        useful = done - told["seconds"]["place"]
        facts["useful"] = f"{useful / (told['last'] - told['first']):.1%}"
        facts["placed"] = f"{done / (told['last'] - told['first']):.1%}"
        facts["of_all"] = f"{done / (ended - began):.1%}"
        facts["start_s"] = told["first"] - began
        facts.update({f"{stage}_ms": 1000 * seconds / count for stage, seconds in told["seconds"].items()})
        facts["networks"] = float(told["networks"])

    def _run(self, program: Sequence[str], target: Path) -> None:
        command = [*program, *self._arguments, str(target), *self._options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=self._environment)


DIRECTORY = Benchmark("a directory of 200 small pictures in one run", 3, _directory, warm_up=False)
