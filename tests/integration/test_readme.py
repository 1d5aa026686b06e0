"""What the README shows works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from facefusion_cli import errors
from facefusion_cli.cli import main
from facefusion_cli.cli.app import app
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.weights.catalog import Catalog
from facefusion_cli.core.weights.needs import DEFAULT_ENGINES, ENGINE_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store
    from tests.conftest import ToyWeights

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in CODE if language == "python"]
SHELL = [text for language, text in CODE if language == "bash"]


def _commands(*names: str) -> Iterator[list[str]]:
    for language, text in CODE:
        if not language:
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["facefusion"] and words[1] in names and not {"SOURCE", "VIDEO"}.intersection(words):
                    yield words[1:]


@pytest.fixture(autouse=True)
def _pictures(astronaut: Path, hopper: Path, group: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the README speaks of, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "swapped").mkdir()
    with Image.open(astronaut) as picture:
        picture.convert("RGB").save(tmp_path / "ada.jpg")
    shutil.copyfile(group, tmp_path / "party.jpg")
    for name in ("beach.jpg", "hotel.jpg"):
        shutil.copyfile(hopper, tmp_path / "holiday" / name)


@pytest.mark.parametrize("arguments", [*_commands("faceswap", "faces", "clean")], ids=" ".join)
def test_the_commands_on_files(
    arguments: list[str], tmp_path: Path, stand_ins: Path, clip: Callable[..., Path], astronaut: Path, hopper: Path
) -> None:
    """With networks that stand in for the real ones where an engine needs them."""
    for name in ("ada2.jpg", "ada3.jpg", "cleo.jpg"):
        shutil.copyfile(tmp_path / "ada.jpg", tmp_path / name)
    for name in ("bob.jpg", "eve.jpg"):
        shutil.copyfile(hopper, tmp_path / name)
    if "talk.mp4" in arguments:
        frame = read_picture(astronaut).bgr[::2, ::2]
        shutil.copyfile(clip([frame] * 60, fps="1/2"), tmp_path / "talk.mp4")
    before = set(tmp_path.rglob("*"))
    words: list[str] = []
    for word in arguments:
        words += sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(word)) if "*" in word else [word]
    assert main(words) == 0
    assert bool(set(tmp_path.rglob("*")) - before) == ("--dry-run" not in words)


@pytest.mark.parametrize("arguments", [*_commands("download-models")], ids=" ".join)
def test_the_commands_on_weights(
    arguments: list[str],
    toy_catalog: Catalog,
    toy_files: ToyWeights,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With small files in place of the real ones, and a download that only pretends."""
    names = [name for engine in DEFAULT_ENGINES for name in ENGINE_WEIGHTS[engine]]
    alpha = toy_catalog.weights[0]
    weights = tuple(replace(alpha, name=name, file=f"{name}.onnx") for name in names)
    small = Catalog(weights, ())
    monkeypatch.setattr("facefusion_cli.core.weights.catalog.catalog", lambda: small)
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    (tmp_path / "inswapper_128.onnx").write_bytes(toy_files["alpha"])

    def fetch(weight: Weight, store: Store, *_: object) -> Path:
        with store.locked(weight):
            store.partial(weight).write_bytes(toy_files["alpha"])
            return store.adopt(weight, store.partial(weight))

    monkeypatch.setattr("facefusion_cli.cli.weights.fetch", fetch)
    assert main(arguments) == 0
    stored = sorted(path.stem for path in (tmp_path / "home").rglob("*.onnx"))
    expected = {"--list": [], "--verify": [], "--import": ["inswapper_128"], "inswapper": ENGINE_WEIGHTS["inswapper"]}
    assert stored == sorted(expected.get(arguments[1], names) if len(arguments) > 1 else names)
    if "--list" in arguments:
        assert all(name in capsys.readouterr().out for name in names[:1])


@pytest.mark.parametrize("arguments", [*_commands("doctor")], ids=" ".join)
def test_the_commands_on_devices(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert main(arguments) == (5 if "cuda" in arguments else 0)


@pytest.mark.parametrize("arguments", [*_commands("lipsync")], ids=" ".join)
def test_the_commands_that_speak(
    arguments: list[str], tmp_path: Path, clip: Callable[..., Path], astronaut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    frame = read_picture(astronaut).bgr[::2, ::2]
    talk = clip([frame] * 8, fps="10")
    for folder in ("talks", "voices"):
        (tmp_path / folder).mkdir()
    for place in ("talk.mp4", "talks/a.mp4"):
        shutil.copyfile(talk, tmp_path / place)
    for place in ("voice.wav", "mix.wav", "voices/a.wav"):
        with wave.open(str(tmp_path / place), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(b"\0\x20\0\xe0" * 8000)
    before = {*tmp_path.rglob("*.mp4")}
    assert main(arguments) == 0
    assert len({*tmp_path.rglob("*.mp4")} - before) == 1


def test_every_command_is_shown() -> None:
    names = {command.name for command in app.registered_commands if command.name}
    assert {words[0] for words in _commands(*names)} == names


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("script", SHELL)
def test_the_shell_examples(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    run = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stderr
    assert len([*tmp_path.rglob("beach*"), *tmp_path.rglob("hotel*")]) == 4
    for record in tmp_path.glob("*.jsonl"):
        assert [json.loads(line)["ok"] for line in record.read_text(encoding="utf-8").splitlines()] == [True, True]


@pytest.mark.parametrize("example", PYTHON)
def test_the_python_examples(example: str, tmp_path: Path, clip: Callable[..., Path], astronaut: Path) -> None:
    shutil.copyfile(clip([read_picture(astronaut).bgr[::2, ::2]] * 4, fps="10"), tmp_path / "talk.mp4")
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(b"\0\x20\0\xe0" * 8000)
    exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / ("dubbed.mp4" if "sync_lips" in example else "out.jpg")).is_file()


def test_the_exit_codes() -> None:
    table = {int(code) for codes in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in codes.split(",")}
    classes = [getattr(errors, name) for name in errors.__all__]
    assert {error.exit_code for error in classes} | {0, 130, 143} == table


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
