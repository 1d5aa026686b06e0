"""``facefusion lipsync`` as people run it: what it says, its exit codes, and what is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.io import wavfile

from facefusion_cli.cli import main
from facefusion_cli.core.media.video.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOUTH = ("--engine", "mouth", "--preset", "ultrafast")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path, clip: Callable[..., Path]) -> Path:
    """The current folder, with a.png that shows a face, empty.mp4 that shows none, and hum.wav of 0.4 s."""
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    folder = tmp_path / "place"
    folder.mkdir()
    shutil.copy(astronaut, folder / "a.png")
    shutil.copy(clip(frames=20), folder / "empty.mp4")
    hum(folder / "hum.wav", 0.4)
    monkeypatch.chdir(folder)
    return folder


def hum(path: Path, seconds: float) -> None:
    times = np.arange(round(seconds * 16000)) / 16000
    loud = np.sin(2 * np.pi * 220 * times) * np.sin(2 * np.pi * 2 * times) ** 2
    wavfile.write(path, 16000, np.rint(loud * 12000).astype(np.int16))


def no_samples(path: Path) -> None:
    hum(path, 0)


def text(path: Path) -> None:
    path.write_text("I am no sound.\n" * 50)


def silent_video(path: Path) -> None:
    shutil.copy("empty.mp4", path)


def missing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (no_samples, "there is no sound in"),
        (text, "is not a sound or video file"),
        (silent_video, "has pictures but no sound"),
        (missing, "there is no file"),
    ],
)
@pytest.mark.parametrize("video", ["a.png", "empty.mp4"])
def test_b01_b04_b66_a_bad_sound(
    place: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None], sentence: str, video: str
) -> None:
    make(place / "bad.wav")
    before = set(place.iterdir())
    assert main(["lipsync", video, "bad.wav", "-o", "out.mp4", "--json", "-q", *MOUTH]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert '"bad.wav"' in err
    assert sentence in err
    assert json.loads(out)["error"]["exit_code"] == 1
    assert set(place.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (["a.png", "--start", "100"], 2, "the result is 0.40 seconds long, so nothing of it comes after 100 seconds."),
        (["a.png", "--duration", "0.01", "--start", "0.01"], 2, "shorter than a frame of the result."),
        (["a.png", "--face", "3"], 3, "there is no face 3"),
        (["empty.mp4"], 3, "no face was found"),
    ],
)
def test_what_leads_nowhere_leaves_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], exit_code: int, sentence: str
) -> None:
    before = set(place.iterdir())
    assert main(["lipsync", words[0], "hum.wav", *words[1:], "-o", "out.mp4", "-q", *MOUTH]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
    assert set(place.iterdir()) == before


def test_b71_names_of_all_kinds(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["-a b'c", "new\nline", "%03d", "co:lon", "[x]{stem}", "\u00e9\U0001f600"]
    if os.name == "nt":
        names = [name for name in names if not {*name} & {*"\n:"}]
    for folder in ("videos", "sounds"):
        (place / folder).mkdir()
    for name in names:
        shutil.copy("a.png", place / "videos" / f"{name}.png")
        hum(place / "sounds" / f"{name}.wav", 0.04)
    assert main(["lipsync", "videos", "sounds", "-o", "out", "--json", *MOUTH]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {record["output"] for record in records} == {os.path.join("out", f"{name}.mp4") for name in names}  # noqa: PTH118
    assert all(probe(place / record["output"]).frames == 1 for record in records)


def start(*words: str) -> subprocess.Popen[str]:
    # As "facefusion" does it; background jobs of some shells ignore SIGINT.
    code = "import sys; from facefusion_cli.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, "lipsync", *words, *MOUTH],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
@pytest.mark.parametrize(("signum", "exit_code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_f09_f10_a_signal_keeps_what_is_finished_and_says_so(place: Path, signum: str, exit_code: int) -> None:
    hum(place / "long.wav", 20)
    before = set(place.iterdir())
    words = ("a.png", "long.wav", "-o", "out.mp4", "--chunk-seconds", "1", "--fps", "5")
    process = start(*words)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "chunk 3 of 20" in line:
                break
        process.send_signal(getattr(signal, signum))
        out, err = process.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == exit_code
    assert out == ""
    assert "kept for 14 days" in err
    assert err.splitlines()[-1] == "interrupted."
    (left,) = set(place.iterdir()) - before
    assert left.name.endswith(".work")
    again = start(*words)
    out, err = again.communicate(timeout=120)
    assert (again.returncode, out) == (0, "out.mp4\n")
    assert "chunk 1 of 20" not in err, "it goes on where it was stopped"
    assert probe(place / "out.mp4").frames == 100
    assert set(place.iterdir()) - before == {place / "out.mp4"}
