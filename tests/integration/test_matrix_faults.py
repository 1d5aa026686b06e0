"""Rows of docs/reliability.md on faults that no other test provokes from end to end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from facefusion_cli.cli import main
from facefusion_cli.core.faceswap.job import SwapJob
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_answer
from facefusion_cli.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable

MESH = ("--engine", "mesh")
linux = pytest.mark.skipif(sys.platform != "linux", reason="as Linux does it")


def run(program: str, *words: str, python: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, after some lines of Python."""
    code = f"{program}\nimport sys\nfrom facefusion_cli.cli import main\nsys.exit(main(sys.argv[1:]))"
    environment = os.environ | variables
    command = [sys.executable, *python, "-c", code, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(os.name != "posix", reason="there are no such rights")
@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 0\n", ""])
def test_f20_an_ffmpeg_that_may_not_be_run(
    place: Path,
    clip: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
) -> None:
    shutil.copy(clip(frames=3), "film.mp4")
    program = place / "ffmpeg"
    program.write_text(content)
    program.chmod(0o644)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    ffmpeg_answer.cache_clear()
    before = set(place.iterdir())
    for words in (
        ["faceswap", "a.png", "film.mp4", "-o", "out.mp4", *MESH],
        ["lipsync", "a.png", "film.mp4", "-o", "out.mp4", "--engine", "mouth"],
    ):
        assert main(words) == 1
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert f'error: "{program}" cannot be used as ffmpeg' in err
        assert "IMAGEIO_FFMPEG_EXE" in err
    assert main(["faceswap", "a.png", "b.jpg", "-o", "out.jpg", *MESH]) == 0, "pictures need none"
    assert set(place.iterdir()) == before | {place / "out.jpg"}


SHORT_OF_MEMORY = """
import re, resource
from pathlib import Path
from facefusion_cli.cli import main
main(["faces", "a.png", "--quiet"])
kilobytes = re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1)
resource.setrlimit(resource.RLIMIT_AS, (int(kilobytes) * 1024 + 120_000_000, resource.RLIM_INFINITY))
"""


@linux
@pytest.mark.parametrize("command", ["faces", "faceswap"])
def test_f22_too_little_memory_for_real(place: Path, command: str) -> None:
    Image.new("L", (9000, 9000), 100).save("large.png")
    before = set(place.iterdir())
    words = ["faces", "large.png"] if command == "faces" else ["faceswap", "a.png", "large.png", "-o", "o.png", *MESH]
    ended = run(SHORT_OF_MEMORY, *words)
    assert ended.returncode == 1, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "memory" in last
    assert "Traceback" not in ended.stderr
    assert set(place.iterdir()) == before


def test_f25_cuda_where_there_is_none(place: Path) -> None:
    """With the PyTorch and the machine that are there, in a process that has found out nothing about them yet."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    before = set(place.iterdir())
    words = ["faceswap", "a.png", "b.jpg", "-o", "out.jpg", "--engine", "inswapper", "--device", "cuda"]
    run = subprocess.run([sys.executable, "-m", "facefusion_cli", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 5
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1
    assert "--device cpu" in run.stderr
    assert set(place.iterdir()) == before


@pytest.mark.parametrize("name", ["w600k_r50", "inswapper_128"])
def test_f28_weights_that_go_after_they_were_checked(
    stand_ins: Path, astronaut: Path, hopper: Path, tmp_path: Path, name: str
) -> None:
    job = SwapJob(astronaut, SwapOptions(engine="inswapper"))
    job.read()
    job.choose()
    (gone,) = [path for path in stand_ins.iterdir() if path.name.startswith(name)]
    gone.unlink()
    with pytest.raises(WeightsError) as raised:
        job.swap(hopper)
    assert raised.value.exit_code == 4
    assert name in raised.value.message
    assert raised.value.hint


def test_f31_a_home_that_cannot_be_written(
    place: Path, disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk("size=1m")
    monkeypatch.setenv("FACEFUSION_HOME", str(disk("ro")))
    assert main(["faceswap", "a.png", "b.jpg", "-o", "out.jpg", *MESH]) == 0, "nothing is needed of it"
    capsys.readouterr()
    assert main(["download-models", "inswapper_128", "--yes"]) == 4
    err = capsys.readouterr().err
    assert "read-only" in err
    assert "FACEFUSION_HOME" in err


CLOCKS = {
    "backwards": "import itertools, time\ntime.time = itertools.count(2_000_000_000, -3600).__next__",
    "long ago": "import time\ntime.time = lambda: 0.0",
    "far ahead": "import time\ntime.time = lambda: 4_200_000_000.0",
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_f47_a_clock_that_is_wrong(place: Path, clip: Callable[..., Path], clock: str, astronaut: Path) -> None:
    with Image.open(astronaut) as portrait:
        small = np.asarray(portrait.convert("RGB").resize((192, 192)))[..., ::-1]
    shutil.copy(clip([small] * 3), "film.mp4")
    ended = run(CLOCKS[clock], "faceswap", "b.jpg", "film.mp4", "a.png", "-o", "out/", *MESH)
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in Path("out").iterdir()} == {"film.mp4", "a.png", ".facefusion-journal.jsonl"}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "nowhere"])
def test_f47_a_time_zone_of_any_kind(place: Path, zone: str) -> None:
    ended = run("", "faceswap", "b.jpg", "a.png", "-o", "out.png", *MESH, TZ=zone)
    assert (ended.returncode, ended.stdout) == (0, "out.png\n")


def test_f48_python_with_other_options_gives_the_same(place: Path) -> None:
    source = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})"
    results = []
    for options in ((), ("-I",), ("-O",), ("-W", "error")):
        ended = run(source, "faceswap", "b.jpg", "a.png", "-o", "out.png", *MESH, python=options)
        assert ended.returncode == 0, ended.stderr
        results.append(read_picture(Path("out.png")).pixels)
    assert all(np.array_equal(results[0], other) for other in results[1:])
