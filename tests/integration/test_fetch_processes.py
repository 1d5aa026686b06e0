"""Fetching in processes of their own: killed, several at once, and as the environment tells the hub's client."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.weights.catalog import HubSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Hub, Server

NET = HubSource("somebody/nets", "net.onnx")
SOURCE = "somebody/nets net.onnx"
SCRIPT = Path(__file__).parents[1] / "data" / "fetch_net.py"


@pytest.fixture
def start(
    tmp_path: Path, body: bytes, hub_environment: dict[str, str]
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that fetches the file of ``body`` into the folder "models"."""
    running: list[subprocess.Popen[str]] = []
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(("HF_", "HTTP"))}

    def start(*sources: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPT), str(tmp_path / "models"), str(len(body))]
        command += [hashlib.sha256(body).hexdigest(), *(sources or (SOURCE,))]
        environment = {**clean, **hub_environment, **variables}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], line: str) -> list[str]:
    """What it says up to the line."""
    assert process.stdout is not None
    said = []
    for got in process.stdout:
        said.append(got.rstrip("\n"))
        if said[-1] == line:
            return said
    pytest.fail(f"{line!r} is not among {said}: {process.communicate()[1]}")


def rest(process: subprocess.Popen[str]) -> list[str]:
    """What else it says until it has ended well."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()


def models(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").rglob("*") if path.suffix not in {".lock", ".json"})


def test_environment(start: Callable[..., subprocess.Popen[str]], hub: Hub, body: bytes, tmp_path: Path) -> None:
    """The hub's client asks for the file and nothing else, and keeps to itself who the user is."""
    hub.publish(NET, body)
    home = tmp_path / "hf_home"
    home.mkdir()
    (home / "token").write_text("hf_stored")
    rest(start(HF_TOKEN="hf_set", AI_AGENT="somebody"))
    assert [(seen.method, seen.path) for seen in hub.seen] == [("HEAD", hub.path(NET)), ("GET", hub.path(NET))]
    assert not any("authorization" in seen.headers for seen in hub.seen + hub.cdn.seen)
    assert all(seen.headers["user-agent"].startswith("facefusion-cli/") for seen in hub.seen + hub.cdn.seen)
    assert not any("torch" in seen.headers["user-agent"] for seen in hub.seen)
    assert models(tmp_path) == [".facefusion", "net.onnx"]


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_f44_no_network_wanted(
    start: Callable[..., subprocess.Popen[str]], hub: Hub, mirror: Server, body: bytes, variable: str
) -> None:
    hub.publish(NET, body)
    url = mirror.on("/net.onnx", mirror.reply(body))
    process = start(SOURCE, url, **{"HF_HUB_OFFLINE": "", variable: "1"})
    assert process.communicate()[1] == "offline\n"
    assert hub.seen == mirror.seen == []


def test_f43_killed_and_run_again(
    start: Callable[..., subprocess.Popen[str]], hub: Hub, body: bytes, tmp_path: Path
) -> None:
    path = hub.publish(NET, body, hub.reply(body, stop_at=200_000, ending="hang"))
    process = start()
    until(process, "200000")
    process.kill()
    process.wait()
    (kept,) = (file.stat().st_size for file in (tmp_path / "models").rglob("*.part"))
    hub.cdn.on(path, hub.reply(body))
    rest(start())
    assert kept == 200_000
    assert [seen.headers.get("range") for seen in hub.cdn.gets()] == [None, "bytes=200000-"]
    assert models(tmp_path) == [".facefusion", "net.onnx"]


def test_f41_eight_at_once(start: Callable[..., subprocess.Popen[str]], hub: Hub, body: bytes, tmp_path: Path) -> None:
    others_wait = threading.Event()
    path = hub.publish(NET, body, hub.reply(body, stop_at=100_000, ending="go on", when=others_wait))
    first = start()
    until(first, "100000")
    others = [start() for _ in range(7)]
    for other in others:
        assert until(other, "waiting") == ["waiting"]
    others_wait.set()
    assert rest(first)[-1] == "stored"
    for other in others:
        assert rest(other) == ["stored"]
    assert len(hub.cdn.gets(path)) == 1
    assert len(hub.gets()) == 1
    assert models(tmp_path) == [".facefusion", "net.onnx"]


def test_f42_who_waits_goes_on_when_the_other_dies(
    start: Callable[..., subprocess.Popen[str]], hub: Hub, body: bytes, tmp_path: Path
) -> None:
    hub.publish(NET, body, hub.reply(body, stop_at=200_000, ending="hang"), hub.reply(body))
    first = start()
    until(first, "200000")
    second = start()
    until(second, "waiting")
    first.kill()
    rest(second)
    assert [seen.headers.get("range") for seen in hub.cdn.gets()] == [None, "bytes=200000-"]
    assert models(tmp_path) == [".facefusion", "net.onnx"]
