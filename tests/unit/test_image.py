"""What ``scripts/docker/Dockerfile`` promises, as far as it can be read from it."""

from __future__ import annotations

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "scripts" / "docker" / "Dockerfile"


def _instructions() -> list[tuple[str, str]]:
    """Instructions and what follows them, comments and breaks of lines gone."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def _stages() -> list[list[tuple[str, str]]]:
    stages: list[list[tuple[str, str]]] = []
    for name, rest in _instructions():
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((name, rest))
    return stages


@pytest.fixture(scope="module")
def last() -> dict[str, str]:
    """The last stage, which becomes the image; of instructions that stand there twice, the last one."""
    return dict(_stages()[-1])


def test_a31_it_runs_as_nobody_special(last: dict[str, str]) -> None:
    uid, gid = last["USER"].split(":")
    assert int(uid) >= 10_000
    assert int(gid) >= 10_000
    created = next(rest for name, rest in _stages()[-1] if name == "RUN")
    assert f"--uid {uid} " in created


def test_nothing_is_fetched_past_pip() -> None:
    names = {name for name, _ in _instructions()}
    assert "ADD" not in names
    assert not [rest for name, rest in _instructions() if name == "RUN" and re.search(r"\b(curl|wget)\b", rest)]


def test_the_image_gets_no_tools_but_the_environment() -> None:
    *_, last = _stages()
    copied = [rest for name, rest in last if name == "COPY"]
    assert copied == ["--from=environment /opt/facefusion /opt/facefusion"]
    assert sum(name == "RUN" for name, _ in last) == 1


def test_it_is_asked_for_its_health(last: dict[str, str]) -> None:
    _, _, command = last["HEALTHCHECK"].partition(" CMD ")
    python, option, code = json.loads(command)
    assert (python, option) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    assert "'/health'" in code
    assert "8000" in code
    assert last["EXPOSE"] == "8000"


def test_a31_what_is_written_goes_to_the_volume_or_to_tmp(last: dict[str, str]) -> None:
    variables = dict(pair.split("=", 1) for pair in shlex.split(last["ENV"]))
    assert variables["FACEFUSION_HOME"] == last["VOLUME"] == "/data"
    assert {variables[name] for name in ("HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")} == {"/tmp"}


def test_the_command_line_is_one_that_serve_takes(last: dict[str, str]) -> None:
    import typer.main

    from facefusion_cli.cli.app import app

    assert json.loads(last["ENTRYPOINT"]) == ["facefusion"]
    name, *arguments = json.loads(last["CMD"])
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, arguments, resilient_parsing=False)
    assert context.params["host"] == "0.0.0.0"
    assert context.params["insecure"] is True
    assert context.params["port"] == 8000


def test_what_is_copied_exists_and_is_let_through() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert ignored[0] == "*"
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied: list[str] = []
    for name, rest in _instructions():
        if name == "COPY" and not rest.startswith("--from"):
            copied += rest.split()[:-1]
    assert copied
    assert set(copied) == let_through
    for path in copied:
        assert (ROOT / path).exists(), path
    assert not any(fnmatch(".venv", pattern) for pattern in let_through)


def test_torch_comes_from_one_index_at_a_time() -> None:
    """With two, pip would take the higher number of either."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert "--extra-index-url" not in text
    assert text.count("--index-url") == 1
