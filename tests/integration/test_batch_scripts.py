"""``scripts/batch_faceswap.sh`` and ``scripts/batch_lipsync.sh``: loops in the shell that heed exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPTS = Path(__file__).parents[2] / "scripts"
FACESWAP, LIPSYNC = SCRIPTS / "batch_faceswap.sh", SCRIPTS / "batch_lipsync.sh"
pytestmark = pytest.mark.skipif(
    os.name != "posix" or shutil.which("bash") is None, reason="these are scripts for bash on POSIX systems"
)

# Like the command as far as the scripts see it: the name of the target says how it ends.
STUB = """#!{python}
import json, os, re, signal, sys, time
command, *words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(json.dumps([command, *words]), file=log)
if command == "faces":
    sys.exit(3 if "faceless" in words[-1] else 0)
target = words[-1] if command == "faceswap" else words[-2]
out = words[words.index("-o") + 1]
if "slow" in target:
    open("started", "w").close()
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    time.sleep(20)
code = int((re.findall(r"code(\\d+)", target) or ["0"])[0])
if not code:
    name = os.path.basename(target)
    name = re.sub(r"\\.heic$", ".jpg", name) if command == "faceswap" else re.sub(r"\\.jpg$", ".mp4", name)
    open(os.path.join(out, name), "w").close()
print(json.dumps({{"ok": not code, "target": target}}))
sys.exit(code)
"""


@pytest.fixture
def batch(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script in an empty folder, with a stub in place of the command."""
    programs = tmp_path / "programs"
    programs.mkdir()
    stub = programs / "facefusion"
    stub.write_text(STUB.format(python=sys.executable, log=str(tmp_path / "calls")))
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "here").mkdir()

    def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        words = ["bash", str(script), *arguments]
        done: subprocess.CompletedProcess[str] = subprocess.run(words, **_surroundings(tmp_path), check=False)
        return done

    return run


def _surroundings(tmp_path: Path) -> dict[str, Any]:
    path = os.pathsep.join([str(tmp_path / "programs"), os.environ["PATH"]])
    return {
        "cwd": tmp_path / "here",
        "env": os.environ | {"PATH": path},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def _files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def _calls(tmp_path: Path, command: str) -> list[list[str]]:
    calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    return [words for name, *words in calls if name == command]


def test_what_fails_does_not_stop_the_rest(
    tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    here = tmp_path / "here"
    names = ["a b.jpg", "b-code3.png", "c'\"$x-code1.MP4", "d.HEIC", "{e}*.webm", "f-code6.jpg"]
    _files(here / "in put", *names, "notes.txt", ".hidden.jpg")
    _files(here / "in put" / "deeper", "z.jpg")
    _files(here, "-ada.jpg")
    run = batch(FACESWAP, "-ada.jpg", "in put/", "out put", "--engine", "mesh")
    assert run.returncode == 1
    assert run.stdout == ("3 made, 0 there before, 1 without a usable face, 2 failed. Records: out put/results.jsonl\n")
    assert run.stderr == "batch_faceswap.sh: in put/b-code3.png: no usable face, left out.\n"
    assert sorted(words[-1] for words in _calls(tmp_path, "faceswap")) == sorted(f"in put/{name}" for name in names)
    for words in _calls(tmp_path, "faceswap"):
        assert words[:-1] == ["--json", "--engine", "mesh", "-o", "out put/", "--", "-ada.jpg"]
    records = [json.loads(line) for line in (here / "out put" / "results.jsonl").read_text().splitlines()]
    assert [record["ok"] for record in records].count(True) == 3
    assert len(records) == 6


def test_what_is_there_is_left_as_it_is(tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    here = tmp_path / "here"
    _files(here / "in", "a.jpg", "b.heic", "b.jpg")
    _files(here, "ada.jpg")
    first = batch(FACESWAP, "ada.jpg", "in", "out")
    assert first.stdout.startswith("2 made, 0 there before, 0 without a usable face, 1 failed.")
    assert 'in/b.jpg: another file has become "b.jpg" already' in first.stderr
    (here / "in" / "b.jpg").unlink()
    again = batch(FACESWAP, "ada.jpg", "in", "out")
    assert again.returncode == 0
    assert again.stdout.startswith("0 made, 2 there before, 0 without a usable face, 0 failed.")
    assert len(_calls(tmp_path, "faceswap")) == 2


@pytest.mark.parametrize("code", [2, 4, 5, 130, 143])
def test_what_would_hit_every_file_ends_the_loop(
    code: int, tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    here = tmp_path / "here"
    _files(here / "in", "a.jpg", f"b-code{code}.jpg", "c.jpg")
    _files(here, "ada.jpg")
    run = batch(FACESWAP, "ada.jpg", "in", "out")
    assert run.returncode == code
    assert run.stdout.startswith(
        f"1 made, 0 there before, 0 without a usable face, 0 failed; stopped (exit code {code})."
    )
    assert len(_calls(tmp_path, "faceswap")) == 2


@pytest.mark.parametrize("folder", ["empty", "only notes"])
def test_nothing_to_do_is_no_failure(
    folder: str, tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    here = tmp_path / "here"
    (here / folder).mkdir()
    if folder != "empty":
        _files(here / folder, "notes.txt")
    _files(here, "ada.jpg")
    for script, first in ((FACESWAP, "ada.jpg"), (LIPSYNC, folder)):
        run = batch(script, first, folder, "out")
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith("0 made, 0 there before, 0 without a usable face, 0 failed.")


def test_what_cannot_work_is_refused(tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    here = tmp_path / "here"
    _files(here / "in", "a.jpg")
    _files(here, "ada.jpg", "faceless.jpg")
    for script, arguments, code, words in (
        (FACESWAP, [], 2, "Usage: batch_faceswap.sh SOURCE DIR OUT_DIR"),
        (FACESWAP, ["ada.jpg", "in"], 2, "Usage: "),
        (FACESWAP, ["gone.jpg", "in", "out"], 2, 'there is no file "gone.jpg"'),
        (FACESWAP, ["ada.jpg", "gone", "out"], 2, 'there is no folder "gone/"'),
        (FACESWAP, ["ada.jpg", "in", "./in/../in"], 2, "the results cannot go where the inputs are"),
        (FACESWAP, ["faceless.jpg", "in", "out"], 3, ""),
        (LIPSYNC, ["in", "in"], 2, "Usage: batch_lipsync.sh VIDEO_DIR AUDIO_DIR OUT_DIR"),
        (LIPSYNC, ["in", "gone", "out"], 2, 'there is no folder "gone/"'),
    ):
        run = batch(script, *arguments)
        assert run.returncode == code
        assert words in run.stderr
    assert not (tmp_path / "calls").exists() or not _calls(tmp_path, "faceswap")
    for script in (FACESWAP, LIPSYNC):
        run = batch(script, "--help")
        assert run.returncode == 0
        assert run.stdout.startswith("Usage: ")


def test_videos_and_sounds_of_one_name_go_together(
    tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    here = tmp_path / "here"
    _files(here / "talks", "a b.mp4", "c.jpg", "d.mov", "e.mkv", "f-code3.mp4")
    _files(here / "voices", "a b.WAV", "a b.txt", "a b.x.wav", "c.mp3", "e.wav", "e.flac", "f-code3.wav", "lonely.wav")
    run = batch(LIPSYNC, "talks", "voices", "dubbed", "--fit", "video")
    assert run.returncode == 1
    assert run.stdout.startswith("2 made, 0 there before, 1 without a usable face, 2 failed.")
    assert "talks/d.mov: 0 sounds are named like it" in run.stderr
    assert "talks/e.mkv: 2 sounds are named like it" in run.stderr
    pairs = [words[-2:] for words in _calls(tmp_path, "lipsync")]
    assert pairs[:2] == [["talks/a b.mp4", "voices/a b.WAV"], ["talks/c.jpg", "voices/c.mp3"]]
    assert _calls(tmp_path, "lipsync")[0][:-2] == ["--json", "--fit", "video", "-o", "dubbed/", "--"]
    assert batch(LIPSYNC, "talks", "voices", "dubbed").stdout.startswith("0 made, 2 there before,")


def test_ctrl_c_stops_after_the_running_command(
    tmp_path: Path, batch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    here = tmp_path / "here"
    _files(here / "in", "a-slow.jpg", "b.jpg")
    _files(here, "ada.jpg")
    words = ["bash", str(FACESWAP), "ada.jpg", "in", "out"]
    with subprocess.Popen(words, **_surroundings(tmp_path), start_new_session=True) as process:
        for _ in range(1000):
            if (here / "started").exists():
                break
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        stdout, _ = process.communicate(timeout=15)
    assert process.returncode == 130
    assert stdout.startswith("0 made, 0 there before, 0 without a usable face, 0 failed; stopped (exit code 130).")
    assert len(_calls(tmp_path, "faceswap")) == 1


def test_with_the_real_command(
    tmp_path: Path,
    astronaut: Path,
    hopper: Path,
    no_face: Path,
    clip: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    for folder in ("in", "talks", "voices"):
        Path(folder).mkdir()
    with Image.open(astronaut) as picture:
        picture.convert("RGB").resize((256, 256)).save("in/small one.jpg")
        small = picture.convert("RGB").resize((192, 192))
    shutil.copyfile(no_face, "in/landscape.png")
    shutil.copyfile(clip([np.asarray(small)[..., ::-1].copy()] * 4, fps="10"), "talks/a.mp4")
    with wave.open("voices/a.wav", "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(b"\0\x20\0\xe0" * 3200)
    swap = subprocess.run(
        ["bash", str(FACESWAP), str(hopper), "in", "swapped"], capture_output=True, text=True, check=False
    )
    assert swap.returncode == 0, swap.stderr
    assert swap.stdout.startswith("1 made, 0 there before, 1 without a usable face, 0 failed.")
    speak = subprocess.run(
        ["bash", str(LIPSYNC), "talks", "voices", "dubbed"], capture_output=True, text=True, check=False
    )
    assert speak.returncode == 0, speak.stderr
    assert sorted(path.name for path in Path("swapped").iterdir()) == ["results.jsonl", "small one.jpg"]
    assert sorted(path.name for path in Path("dubbed").iterdir()) == ["a.mp4", "results.jsonl"]
    records = [json.loads(line) for line in Path("swapped/results.jsonl").read_text().splitlines()]
    assert [(record["ok"], record.get("error", {}).get("exit_code")) for record in records] == [
        (False, 3),
        (True, None),
    ]
