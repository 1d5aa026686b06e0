"""What the README and the pages that go with it show works as it stands there."""

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
PAGE_NAMES = ("install", "faceswap", "lipsync", "weights", "scripts", "python")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in PAGE_NAMES)]
CODE = [
    block
    for page in PAGES
    for block in re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
]
PYTHON = [text for language, text in CODE if language == "python"]
SHELL = [*dict.fromkeys(text for language, text in CODE if language == "bash")]
JSON = [line for language, text in CODE if language == "json" for line in text.splitlines()]


def _commands(*names: str) -> Iterator[list[str]]:
    """Each once, in the order of the pages."""
    lines = dict.fromkeys(line for language, text in CODE if not language for line in text.splitlines())
    shown: list[list[str]] = []
    for line in lines:
        words = shlex.split(line, comments=True)
        known = words[:1] == ["facefusion"] and words[1] in names and not {"SOURCE", "VIDEO"}.intersection(words)
        if known and words[1:] not in shown:
            shown.append(words[1:])
    yield from shown


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


@pytest.fixture
def talk(tmp_path: Path, clip: Callable[..., Path], astronaut: Path) -> None:
    """A video and a voice, in the current folder and in folders that go together."""
    made = clip([read_picture(astronaut).bgr[::2, ::2]] * 4, fps="10")
    for place in ("talk.mp4", "talks/a.mp4"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copyfile(made, tmp_path / place)
    for place in ("voice.wav", "voices/a.wav"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        with wave.open(str(tmp_path / place), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(b"\0\x20\0\xe0" * 8000)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.usefixtures("talk")
@pytest.mark.parametrize("script", SHELL)
def test_the_shell_examples(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    (tmp_path / "scripts").mkdir()
    for path in (ROOT / "scripts").glob("*.sh"):
        shutil.copyfile(path, tmp_path / "scripts" / path.name)
    run = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stderr
    assert len([*tmp_path.rglob("beach*"), *tmp_path.rglob("hotel*")]) == 4
    assert (tmp_path / "dubbed" / "a.mp4").exists() == ("lipsync" in script)
    for record in tmp_path.rglob("results.jsonl"):
        assert {json.loads(line)["ok"] for line in record.read_text(encoding="utf-8").splitlines()} == {True}


@pytest.mark.usefixtures("talk")
@pytest.mark.parametrize("example", PYTHON)
def test_the_python_examples(example: str, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    exec(compile(example, "example", "exec"), {})
    assert {path.suffix for path in set(tmp_path.rglob("*")) - before} & {".jpg", ".png", ".mp4"}


def test_the_json_examples(no_face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copyfile(no_face, tmp_path / "sea.jpg")
    assert main(["faceswap", "ada.jpg", "party.jpg", "--json"]) == 0
    assert main(["faceswap", "ada.jpg", "sea.jpg", "--json"]) == 3
    real = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    shown = [json.loads(line) for line in JSON]
    assert [one.keys() for one in shown] == [one.keys() for one in real]
    assert shown[1] == real[1]


def test_the_exit_codes_of_inspect(tmp_path: Path) -> None:
    ((_, name),) = _commands("inspect")
    assert main(["inspect", name]) == 1
    assert main(["faceswap", "ada.jpg", name, "-o", "marked.jpg", "--quiet"]) == 0
    assert main(["inspect", "marked.jpg"]) == 0


def test_the_exit_codes() -> None:
    page = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    table = {int(code) for codes in re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE) for code in codes.split(",")}
    classes = [getattr(errors, name) for name in errors.__all__]
    assert {error.exit_code for error in classes} | {0, 130, 143} == table


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
