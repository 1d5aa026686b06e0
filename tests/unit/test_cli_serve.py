"""``facefusion serve`` as far as it comes without a server."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.cli import main
from facefusion_cli.cli import serve as command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the server was told; it ends at once."""
    from facefusion_cli.api import server

    told: list[Any] = []

    def run(settings: Any, teller: Any, *, log_level: int) -> int:
        told.append((settings, log_level))
        return 143

    monkeypatch.setattr(server, "run", run)
    return told


def test_options_become_settings(served: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_API_KEY", "secret-key")
    words = "serve --host ::1 --port 9 --device cpu --device cuda:1 --max-upload 2.5 --max-seconds 7 --queue 3"
    more = f"--grace 4 --engine mesh --engine wav2lip --insecure --allow-no-mark --models-dir {tmp_path} -v"
    assert main([*words.split(), *more.split()]) == 143
    settings, level = served[0]
    assert (settings.host, settings.port, settings.devices) == ("::1", 9, ("cpu", "cuda:1"))
    assert (settings.queue, settings.grace, settings.insecure, settings.allow_no_mark) == (3, 4.0, True, True)
    assert (settings.engines, settings.models_dir, settings.api_key) == (("mesh", "wav2lip"), tmp_path, "secret-key")
    limits = settings.limits
    assert (limits.swap_bytes, limits.lipsync_bytes, limits.picture_bytes) == (2_500_000,) * 3
    assert (limits.seconds, limits.frames) == (7, 36_000)
    assert level == logging.DEBUG


def test_without_options_it_is_for_this_machine(served: list[Any]) -> None:
    assert main(["serve", "-q"]) == 143
    settings, level = served[0]
    assert (settings.host, settings.port, settings.devices, settings.engines) == ("127.0.0.1", 8000, (None,), ())
    assert settings.api_key is None
    assert (settings.limits.swap_bytes, settings.limits.lipsync_bytes) == (50_000_000, 512_000_000)
    assert level == logging.WARNING


def test_longer_videos_may_have_more_frames(served: list[Any]) -> None:
    assert main(["serve", "--max-seconds", "1200"]) == 143
    limits = served[0][0].limits
    assert (limits.seconds, limits.frames) == (1200, 72_000)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--port 70000", "there is no port 70000."),
        ("--queue -1", "--queue -1 cannot be."),
        ("--grace -1", "--grace -1 cannot be."),
        ("--grace nan", "--grace nan cannot be."),
        ("--max-upload 0", "--max-upload 0 cannot be."),
        ("--max-seconds nan", "--max-seconds nan cannot be."),
        ("--api-key ä", "the key has characters that cannot be sent."),
        ("--host=", "the address for --host is empty."),
    ],
)
def test_what_cannot_be_is_refused(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *words.split(" ")]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--engine nose", "nose"),
        ("--engine mesh --engine inswapper", "mesh and inswapper"),
        ("--device toaster", "toaster"),
    ],
)
def test_engines_and_devices_are_judged_before_it_listens(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *words.split()]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a19_beyond_this_machine_a_key_is_needed(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", host, "--port", "0"]) == 2
    error = capsys.readouterr().err
    assert f"{host} can be reached from other machines, and there is no key." in error
    assert "--insecure" in error


def test_a19_insecure_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """192.0.2.1 is nobody's address, so it gets no further."""
    assert main(["serve", "--host", "192.0.2.1", "--insecure"]) == 1
    error = capsys.readouterr().err
    assert "warning: anybody who reaches 192.0.2.1 can use this service: there is no key." in error
    assert 'error: "192.0.2.1" is no address of this machine.' in error


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert f"port {port} of 127.0.0.1 is in use already." in capsys.readouterr().err


def test_an_extra_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "uvicorn" else object())
    assert main(["serve"]) == 2
    error = capsys.readouterr().err
    assert "the service needs packages that are not installed: uvicorn." in error
    assert 'pip install "facefusion-cli[api]"' in error


def test_the_key_is_not_in_the_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FACEFUSION_API_KEY", "secret-key")
    assert main(["serve", "--help"]) == 0
    out = capsys.readouterr().out
    assert "FACEFUSION_API_KEY" in out
    assert "secret-key" not in out
