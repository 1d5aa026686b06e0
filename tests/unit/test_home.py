"""Where things are kept, and the command that is told to the user."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from facefusion_cli.core.home import home_folder, models_folder, state_folder
from facefusion_cli.core.weights.command import download_command
from facefusion_cli.errors import UsageError


def test_the_variable_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    assert (home_folder(), models_folder(), state_folder()) == (tmp_path, tmp_path / "models", tmp_path / "state")
    assert models_folder(Path("~/weights")) == Path.home() / "weights"
    monkeypatch.chdir(tmp_path)
    assert models_folder(Path("weights")) == tmp_path / "weights"


def test_without_the_variable_it_is_the_platforms_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", "")
    assert home_folder() == platformdirs.user_data_path("facefusion-cli", appauthor=False)


def test_f31_a_home_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", "~nobody-of-that-name/x")
    with pytest.raises(UsageError, match="nobody-of-that-name"):
        home_folder()

    def unknown(*_: object, **__: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("FACEFUSION_HOME")
    monkeypatch.setattr(platformdirs, "user_data_path", unknown)
    with pytest.raises(UsageError, match="no home folder") as refused:
        models_folder()
    assert "FACEFUSION_HOME" in refused.value.hint


def test_the_command_names_a_folder_that_is_not_the_usual_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    assert download_command(tmp_path / "models", "--import", "FILE") == '"facefusion download-models --import FILE"'
    assert download_command(Path("/a b"), "x") == "\"facefusion download-models x --models-dir '/a b'\""
    monkeypatch.setenv("FACEFUSION_HOME", "~nobody-of-that-name/x")
    assert download_command(Path("/a"), "x") == '"facefusion download-models x --models-dir /a"'
