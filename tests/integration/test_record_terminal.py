"""``scripts/record_terminal.py`` records what a command really shows, and when."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import facefusion_cli

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="it needs pseudo-terminals")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import record_terminal

    return record_terminal


def test_a_recording(recorder: ModuleType, tmp_path: Path) -> None:
    commands = ("facefusion --version", "facefusion clean --dry-run")
    head, *events = map(json.loads, recorder.record(commands, tmp_path).splitlines())
    assert head["version"] == 2
    shown = "".join(text for _, kind, text in events if kind == "o")
    assert f"facefusion --version\r\nfacefusion {facefusion_cli.__version__}\r\n" in shown
    assert shown.index(" --version") < shown.index("clean --dry-run")
    moments = [moment for moment, _, _ in events]
    assert moments == sorted(moments)


def test_a_command_that_fails_is_no_show(recorder: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r'ended with 1:\n(?s:.*)there is no file "gone.jpg"'):
        recorder.record(("facefusion faces gone.jpg",), tmp_path)


def test_the_picture_is_of_these_commands(recorder: ModuleType) -> None:
    picture: Any = (ROOT / "docs" / "images" / "terminal.svg").read_text(encoding="utf-8")
    assert len(picture) < 300_000
    # A run of text of one colour is one element.
    shown = {re.sub(r"\s+", " ", text).strip() for text in re.findall(r">([^<>]+)</text>", picture)}
    for command in recorder.COMMANDS:
        assert command in shown
    assert not {text for text in shown if "error" in text}
