"""What self-checks found, between runs."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.device import Device
from facefusion_cli.core.home import state_folder
from facefusion_cli.core.inference import verdicts
from facefusion_cli.core.inference.verdicts import Verdict, recall, remember

if TYPE_CHECKING:
    from pathlib import Path

CPU = Device("cpu", 0, "A processor", ("bf16", "fp32"), asked=False, precision_asked=False, threads=2)
VERDICT = Verdict("torch", "cpu", "bf16", batched=True, reason="torch in bf16 agrees")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))


def test_a_verdict_is_remembered() -> None:
    assert recall("a" * 64, CPU, 2) is None
    remember("a" * 64, CPU, 2, VERDICT)
    remember("b" * 64, CPU, 2, replace(VERDICT, reason="another"))
    assert recall("a" * 64, CPU, 2) == VERDICT
    assert [path.name for path in state_folder().iterdir()] == ["self-checks.json"]


@pytest.mark.parametrize(
    ("sha256", "device", "threads"),
    [
        ("b" * 64, CPU, 2),
        ("a" * 64, CPU, 1),
        ("a" * 64, replace(CPU, title="Another processor"), 2),
        ("a" * 64, replace(CPU, precisions=("bf16",)), 2),
        ("a" * 64, replace(CPU, precision_asked=True), 2),
        ("a" * 64, replace(CPU, asked=True), 2),
        ("a" * 64, replace(CPU, kind="cuda"), 2),
    ],
    ids=["file", "threads", "processor", "precision", "precision asked", "device asked", "kind"],
)
def test_it_holds_only_where_it_was_found(sha256: str, device: Device, threads: int) -> None:
    remember("a" * 64, CPU, 2, VERDICT)
    assert recall(sha256, device, threads) is None


def test_other_libraries_or_other_code_make_it_void(monkeypatch: pytest.MonkeyPatch) -> None:
    remember("a" * 64, CPU, 2, VERDICT)
    monkeypatch.setattr(verdicts, "_surroundings", lambda: ("another torch",))
    assert recall("a" * 64, CPU, 2) is None


def test_other_code_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch_graph").mkdir()
    monkeypatch.setattr(verdicts, "__file__", str(tmp_path / "verdicts.py"))
    found = set()
    for code in ("a = 1", "a = 2"):
        (tmp_path / "torch_graph" / "module.py").write_text(code)
        found.add(verdicts._surroundings.__wrapped__())
    assert len(found) == 2


def test_a_library_that_is_missing_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(verdicts, "version", version)
    assert verdicts._surroundings.__wrapped__()[:2] == ("none", "none")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}', "\x00\xff"])
def test_a_damaged_file_is_as_good_as_none(content: str) -> None:
    state_folder().mkdir(parents=True)
    file = state_folder() / "self-checks.json"
    file.write_bytes(content.encode("latin-1"))
    assert recall("a" * 64, CPU, 2) is None
    remember("a" * 64, CPU, 2, VERDICT)
    assert recall("a" * 64, CPU, 2) == VERDICT


def test_an_entry_of_another_version_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    remember("a" * 64, CPU, 2, VERDICT)
    file = state_folder() / "self-checks.json"
    file.write_text(file.read_text().replace('"batched"', '"batches"'))
    assert recall("a" * 64, CPU, 2) is None


def test_only_so_many_are_kept() -> None:
    for number in range(verdicts._KEPT + 1):
        remember(f"{number:064}", CPU, 2, VERDICT)
    assert recall(f"{0:064}", CPU, 2) is None
    assert recall(f"{1:064}", CPU, 2) == VERDICT


def test_where_nothing_can_be_written_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "file"))
    remember("a" * 64, CPU, 2, VERDICT)
    assert recall("a" * 64, CPU, 2) is None
