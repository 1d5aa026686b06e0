"""``facefusion doctor``, on a machine that may or may not have a GPU."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.cli import main
from facefusion_cli.core import gpu

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECTIONS = (
    "versions",
    "devices",
    "embedded",
    "ffmpeg",
    "weights",
    "networks",
    "engines",
    "disk",
    "paths",
    "environment",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def examined(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run it with ``--json`` in this process; the exit code and the object."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["doctor", "--json", *arguments])
        out, err = capfd.readouterr()
        assert err == ""
        assert out.count("\n") == 1
        return code, json.loads(out)

    return run


def test_a_fresh_installation_is_well(tmp_path: Path) -> None:
    """In a process of its own, through a pipe."""
    secrets = {"HF_TOKEN": "hf_Secret", "HTTPS_PROXY": "http://me:Secret@proxy.test:3128"}
    run = subprocess.run(
        [sys.executable, "-m", "facefusion_cli", "doctor"],
        env=os.environ | secrets,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("\nEverything needed works.\n")
    assert "\x1b" not in run.stdout
    assert "Secret" not in run.stdout
    assert re.search(r"^ {9}HF_TOKEN +set$", run.stdout, re.MULTILINE)
    assert re.search(r"^ {9}HTTPS_PROXY +http://\*\*\*@proxy\.test:3128$", run.stdout, re.MULTILINE)
    assert re.search(r"^ok       mesh +ready$", run.stdout, re.MULTILINE)
    assert re.search(r'^note     to fetch .*Run "facefusion download-models"\.$', run.stdout, re.MULTILINE)
    assert "problem" not in run.stdout
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_as_one_object(examined: Callable[..., tuple[int, dict[str, Any]]], tmp_path: Path) -> None:
    code, report = examined("--device", "cpu", "--precision", "fp32", "--threads", "3", "--models-dir", str(tmp_path))
    assert code == 0
    assert (report["schema"], report["ok"], report["exit_code"], report["problems"]) == (1, True, 0, [])
    assert set(report) == {"schema", "ok", "exit_code", "problems", *SECTIONS}
    chosen = report["devices"]["device"]
    assert (chosen["name"], chosen["precisions"], chosen["threads"], chosen["asked"]) == ("cpu", ["fp32"], 3, True)
    assert report["weights"]["det_10g"]["stored"] == "missing"
    assert report["paths"]["models"]["path"] == str(tmp_path)
    assert report["embedded"]["onnxruntime"]["active"] == ["CPUExecutionProvider"]
    assert all(fact["state"] in ("info", "ok", "note") for key in SECTIONS for fact in report[key].values())


def test_every_problem_is_told_and_the_first_decides(
    examined: Callable[..., tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    reason = gpu.Unusable("no NVIDIA GPU was found.", "Install its driver.")
    monkeypatch.setattr(gpu, "probe", lambda _index: reason)
    monkeypatch.setattr(gpu, "probe_all", lambda: reason)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(home / "no-ffmpeg"))
    (home / "models").mkdir(parents=True)
    (home / "models" / "det_10g.onnx").write_bytes(b"not at all")
    code, report = examined("--device", "cuda")
    assert (code, report["ok"], report["exit_code"]) == (5, False, 5)
    assert [(found["section"], found["name"], found["exit_code"]) for found in report["problems"]] == [
        ("devices", "device", 5),
        ("ffmpeg", "ffmpeg", 1),
        ("weights", "det_10g", 4),
    ]
    assert report["problems"][0]["text"] == "no NVIDIA GPU was found."
    assert all(found["hint"] and found["text"].endswith(".") for found in report["problems"])
    code, report = examined()
    assert code == 1
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE")
    code, report = examined()
    assert (code, report["problems"][0]["code"]) == (4, "weights-damaged")


def test_problems_in_words(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(home / "no-ffmpeg"))
    assert main(["doctor", "--device", "cpu"]) == 1
    out, err = capfd.readouterr()
    assert err == ""
    assert re.search(
        r'^problem  ffmpeg  ".*no-ffmpeg" cannot be used as ffmpeg: .* Unset IMAGEIO_FFMPEG_EXE', out, re.MULTILINE
    )
    assert out.endswith("\nWhat needs to be put right: ffmpeg.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--device", "gpu"], 'error: --device says "gpu", which is no device.'),
        (["--precision", "fp8"], 'error: there is no precision "fp8".'),
        (["--threads", "0"], "error: --threads 0 cannot be."),
    ],
)
def test_wrong_usage(capfd: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    assert main(["doctor", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(sentence)
