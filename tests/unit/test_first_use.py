"""What is said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.first_use import NOTICE, tell_once
from facefusion_cli.core.first_use import is_first_use

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("FACEFUSION_HOME", str(home))
    return home


def test_there_is_one_first_use(home: Path) -> None:
    assert [is_first_use(), is_first_use()] == [True, False]


def test_it_is_said_once_and_not_among_results(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.json = True
    tell_once(console)
    tell_once(console)
    assert capsys.readouterr() == ("", f"{NOTICE}\n")


def test_quiet_puts_it_off(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.quiet = True
    tell_once(console)
    assert capsys.readouterr() == ("", "")
    console.quiet = False
    tell_once(console)
    assert capsys.readouterr().err == f"{NOTICE}\n"


def test_where_nothing_can_be_kept_it_is_said_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "file"))
    assert [is_first_use(), is_first_use()] == [True, True]
    monkeypatch.setenv("FACEFUSION_HOME", "~nobody-of-that-name/x")
    assert is_first_use()
