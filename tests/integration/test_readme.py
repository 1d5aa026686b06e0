"""What the README shows works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from facefusion_cli import errors
from facefusion_cli.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in CODE if language == "python"]
SHELL = [text for language, text in CODE if language == "bash"]


def _commands() -> Iterator[list[str]]:
    for language, text in CODE:
        if not language:
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["facefusion"] and words[1] in {"faceswap", "faces"} and "SOURCE" not in words:
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


@pytest.mark.parametrize("arguments", [*_commands()], ids=" ".join)
def test_the_commands(arguments: list[str], tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    words: list[str] = []
    for word in arguments:
        words += sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(word)) if "*" in word else [word]
    assert main(words) == 0
    assert set(tmp_path.rglob("*")) - before


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("script", SHELL)
def test_the_shell_examples(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    run = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stderr
    assert len([*tmp_path.rglob("beach*"), *tmp_path.rglob("hotel*")]) == 4
    for record in tmp_path.glob("*.jsonl"):
        assert [json.loads(line)["ok"] for line in record.read_text(encoding="utf-8").splitlines()] == [True, True]


def test_the_python_example(tmp_path: Path) -> None:
    (example,) = PYTHON
    exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "out.jpg").is_file()


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
