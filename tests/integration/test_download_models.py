"""The command download-models in processes of its own, with servers on this computer."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.weights.catalog import HubSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODE = """
import sys
from pathlib import Path
from facefusion_cli.core.weights import catalog
text = Path(sys.argv[1]).read_text()
catalog.catalog = lambda: catalog.parse_catalog(text)
from facefusion_cli.cli import main
sys.exit(main(["download-models", *sys.argv[2:]]))
"""
NAMES = ("inswapper_128", "det_10g", "w600k_r50", "wav2lip")
WEIGHT = """
[weights.{name}]
file = "{name}.onnx"
bytes = {bytes}
sha256 = "{sha256}"
purpose = "is fetched"
licence = "toys"
form = "onnx"
sources = [{sources}]
"""
LICENCE = """
[licences.toys]
title = "Toys: for play only"
url = "https://toys.test/licence"
"""


class Command:
    """The command with small files under the names of the real ones, one of them on the hub."""

    def __init__(self, hub: Any, mirror: Any, environment: dict[str, str], body: bytes, folder: Path) -> None:
        self.home = folder / "home"
        self.mirror = mirror
        self.bodies = {name: body[start:] for start, name in enumerate(NAMES)}
        on_hub = HubSource("toys/nets", "inswapper_128.onnx", "0123456789abcdef0123456789abcdef01234567")
        hub.publish(on_hub, self.bodies["inswapper_128"])
        entries = [LICENCE]
        for name, content in self.bodies.items():
            source = f'{{ url = "{mirror.on(f"/{name}.onnx", mirror.reply(content))}" }}'
            if name == "inswapper_128":
                source = f'{{ repo_id = "{on_hub.repo_id}", path = "{on_hub.path}", revision = "{on_hub.revision}" }}'
            sha256 = hashlib.sha256(content).hexdigest()
            entries.append(WEIGHT.format(name=name, bytes=len(content), sha256=sha256, sources=source))
        self._catalog = folder / "catalog.toml"
        self._catalog.write_text("\n".join(entries))
        self._environment = {**os.environ, **environment, "FACEFUSION_HOME": str(self.home)}

    def path(self, name: str) -> Path:
        return self.home / "models" / f"{name}.onnx"

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        environment = {**self._environment, **options.pop("environment", {})}
        command = [sys.executable, "-c", CODE, str(self._catalog), *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **options)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def command(hub: Any, mirror: Any, hub_environment: dict[str, str], body: bytes, tmp_path: Path) -> Command:
    return Command(hub, mirror, hub_environment, body, tmp_path)


class Screen:
    """The command on a terminal of 80 columns."""

    def __init__(self, command: Command, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        self.process = command.start(
            *arguments,
            stdin=theirs,
            stderr=theirs,
            environment={"TERM": "xterm", "COLUMNS": "80"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(theirs)
        self.text = ""

    def read_until(self, text: str) -> None:
        """Read what comes until it holds the text; "": to the end."""
        while not text or text not in self.text:
            try:
                came = os.read(self._ours, 65536)
            except OSError:  # how Linux says that the other side is closed
                came = b""
            if not came:
                assert not text, f"{text!r} did not come up:\n{self.text}"
                return
            self.text += came.decode()

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._ours)


@pytest.fixture
def screen(command: Command) -> Iterator[Callable[..., Screen]]:
    screens: list[Screen] = []

    def start(*arguments: str) -> Screen:
        screens.append(Screen(command, *arguments))
        return screens[-1]

    yield start
    for started in screens:
        started.close()


def test_the_default_engines_are_provided_from_hub_and_mirror(command: Command) -> None:
    code, out, err = command.run("--json")
    assert code == 0
    records = [json.loads(line) for line in out.splitlines()]
    assert [(record["name"], record["action"], record["state"]) for record in records] == [
        (name, "fetched", "stored") for name in NAMES
    ]
    for name in NAMES:
        assert command.path(name).read_bytes() == command.bodies[name]
        assert f"{name}: stored, 300.0 kB in" in err
    assert err.count("non-commercial") == 1
    assert "\x1b" not in err
    seen = len(command.mirror.seen)
    code, out, _ = command.run()
    assert code == 0
    assert out.splitlines() == [str(command.path(name)) for name in NAMES]
    assert len(command.mirror.seen) == seen, "there was nothing to ask for"


def test_the_reason_is_given_for_each_weight_that_cannot_be_had(command: Command) -> None:
    command.mirror.on("/det_10g.onnx", command.mirror.reply(b"no", 403))
    code, out, err = command.run("--json")
    assert code == 4
    records = {record["name"]: record for record in map(json.loads, out.splitlines())}
    assert records["det_10g"]["error"]["code"] == "download-forbidden"
    assert [record["ok"] for record in records.values()] == [True, False, True, True]
    assert "--import" in err
    assert err.endswith("error: 1 of 4 could not be fetched: det_10g.\n")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such terminals")
def test_an_interrupted_download_is_gone_on_with(command: Command, screen: Callable[..., Screen]) -> None:
    content, path = command.bodies["det_10g"], "/det_10g.onnx"
    reply = command.mirror.reply
    tag = {"ETag": '"one"'}
    command.mirror.on(path, reply(content, headers=tag, stop_at=120_000, ending="hang"), reply(content, headers=tag))
    terminal = screen("det_10g", "w600k_r50")
    terminal.read_until("Fetch them? [y/N] ")
    assert "non-commercial" in terminal.text
    assert command.mirror.gets() == []
    terminal.type("y\n")
    terminal.read_until("120.0/300.0 kB")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until("")
    out, _ = terminal.process.communicate(timeout=30)
    assert terminal.process.returncode == 130
    assert out == ""
    assert terminal.text.endswith("interrupted.\r\n")
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l"), "the cursor is back"
    assert not command.path("det_10g").exists()

    terminal = screen("det_10g")
    terminal.read_until("")
    out, _ = terminal.process.communicate(timeout=30)
    assert terminal.process.returncode == 0
    assert out == f"{command.path('det_10g')}\n"
    assert "[y/N]" not in terminal.text, "the terms are accepted"
    assert "180.0 kB  (of 300.0 kB; the rest is here)" in terminal.text
    assert "stored" in terminal.text
    assert command.path("det_10g").read_bytes() == content
    assert command.mirror.gets(path)[-1].headers["range"] == "bytes=120000-"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such terminals")
def test_a_no_fetches_nothing(command: Command, screen: Callable[..., Screen]) -> None:
    terminal = screen()
    terminal.read_until("Fetch them? [y/N] ")
    terminal.type("\n")
    terminal.read_until("")
    terminal.process.communicate(timeout=30)
    assert terminal.process.returncode == 1
    assert terminal.text.endswith("nothing was fetched.\r\n")
    assert command.mirror.seen == []
    assert not command.home.exists()
