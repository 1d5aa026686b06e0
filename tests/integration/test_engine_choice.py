"""What ``facefusion faceswap`` does about an engine whose weights are not stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.cli import main
from facefusion_cli.core import gpu
from facefusion_cli.core.cuda import Gpu
from facefusion_cli.core.faceswap import engine
from facefusion_cli.core.faceswap.engine import EngineEntry
from facefusion_cli.core.faceswap.job import SwapJob, swap_faces
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.gpu import Unusable
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Provision
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DownloadError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
    from facefusion_cli.core.weights.catalog import Catalog, Weight
    from facefusion_cli.core.weights.provision import Offer


class Neural:
    """An engine that would need weights; it paints faces grey."""

    name = "neural"
    notes: tuple[str, ...] = ()

    def __init__(self, settings: SwapSettings, tools: Tools) -> None:
        pass

    def prepare(self, sources: Sequence[Source]) -> None:
        pass

    def bounds(self, face: Face) -> tuple[float, float, float, float]:
        return face.box

    def swap(self, tasks: Sequence[Task[None]]) -> list[Patch | None]:
        return [Patch(0, 0, np.full((9, 9, 3), 128, np.float32), np.ones((9, 9), np.float32)) for _ in tasks]


@pytest.fixture(autouse=True)
def neural(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The engine "neural" before "mesh", with weights from the toy catalog, and a home of its own."""
    monkeypatch.setattr(engine, "ENGINES", (EngineEntry("neural", "better", Neural), engine.ENGINES[-1]))
    monkeypatch.setitem(ENGINE_WEIGHTS, "neural", ("alpha", "beta"))
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))


@pytest.fixture
def catalog(toy_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    for module in ("catalog", "provision"):
        monkeypatch.setattr(f"facefusion_cli.core.weights.{module}.catalog", lambda: toy_catalog)
    return toy_catalog


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, toy_files: dict[str, bytes]) -> list[str]:
    """Names of the weights that were fetched, by a download that only pretends."""
    names: list[str] = []

    def fetch(weight: Weight, store: Store, *_: object) -> Path:
        names.append(weight.name)
        with store.locked(weight):
            store.partial(weight).write_bytes(toy_files[weight.name])
            return store.adopt(weight, store.partial(weight))

    monkeypatch.setattr("facefusion_cli.core.weights.provision.fetch", fetch)
    return names


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["faceswap", *map(str, arguments)])
    return (code, *capsys.readouterr())


def test_without_weights_the_embedded_engine_serves_and_one_line_says_so(
    catalog: Catalog,
    fetched: list[str],
    astronaut: Path,
    hopper: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "new").mkdir()
    code, out, err = _run(capsys, astronaut, hopper, astronaut, "-o", tmp_path / "new", "--json")
    assert code == 0
    assert [json.loads(line)["engine"] for line in out.splitlines()] == ["mesh", "mesh"]
    assert err.count("warning: the mesh engine is used") == 1
    assert err.count("facefusion download-models neural") == 1
    assert fetched == []


def test_with_its_weights_stored_the_better_engine_serves(
    catalog: Catalog,
    fetched: list[str],
    astronaut: Path,
    hopper: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Provision(Store(tmp_path / "weights", catalog)).require("neural")
    assert fetched == ["alpha", "beta"]
    arguments = (astronaut, hopper, "-o", tmp_path / "o.png", "--json")
    code, out, err = _run(capsys, *arguments, "--models-dir", tmp_path / "weights")
    assert (code, json.loads(out)["engine"]) == (0, "neural")
    assert "warning" not in err
    code, out, err = _run(capsys, *arguments)
    assert (code, json.loads(out)["engine"]) == (0, "mesh")


def test_a_named_engine_fetches_what_it_needs(
    catalog: Catalog,
    fetched: list[str],
    astronaut: Path,
    hopper: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = _run(capsys, astronaut, hopper, "-o", tmp_path / "o.png", "--json", "--engine", "neural")
    assert (code, json.loads(out)["engine"]) == (0, "neural")
    assert fetched == ["alpha", "beta"]
    assert err.count("non-commercial") == 1


def test_a_named_engine_never_falls_back(
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    astronaut: Path,
    hopper: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fetch(weight: Weight, *_: object) -> Path:
        raise DownloadError(f'"{weight.file}" cannot be fetched.', reason="offline", hint="Bring it by hand.")

    monkeypatch.setattr("facefusion_cli.core.weights.provision.fetch", fetch)
    code, out, _ = _run(capsys, astronaut, hopper, "-o", tmp_path / "o.png", "--json", "--engine", "neural")
    assert code == 4
    error = json.loads(out)["error"]
    assert (error["code"], error["exit_code"], error["hint"]) == ("download-offline", 4, "Bring it by hand.")
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize("agreed", [True, False])
def test_who_can_be_asked_is_asked_once(
    catalog: Catalog, fetched: list[str], astronaut: Path, hopper: Path, tmp_path: Path, agreed: bool
) -> None:
    offers: list[Offer] = []

    def ask(offer: Offer) -> bool:
        offers.append(offer)
        return agreed

    for _ in range(2):
        job = SwapJob(astronaut, SwapOptions(), Provision(Store(tmp_path / "weights", catalog), ask=ask))
        note = job.choose()
        assert job.swap(hopper).engine == ("neural" if agreed else "mesh")
        assert ("download-models" in note) is not agreed
    assert [offer.engine for offer in offers] == ["neural"]
    assert fetched == (["alpha", "beta"] if agreed else [])


def test_the_python_interface_asks_nobody_and_notes_it(
    catalog: Catalog, fetched: list[str], astronaut: Path, hopper: Path
) -> None:
    result = swap_faces(astronaut, hopper)
    assert result.engine == "mesh"
    assert sum("download-models" in note for note in result.notes) == 1
    assert fetched == []


def test_a_wrong_name_fetches_nothing(fetched: list[str], astronaut: Path) -> None:
    with pytest.raises(UsageError, match="magic") as refused:
        SwapJob(astronaut, SwapOptions(engine="magic"))
    assert "auto, neural, mesh" in refused.value.hint
    assert fetched == []


@pytest.mark.parametrize(
    ("missing", "exit_code"), [("source", 1), ("target", 1), ("face", 3)], ids=["source", "target", "face"]
)
def test_nothing_is_fetched_for_pictures_that_cannot_be_used(
    catalog: Catalog, fetched: list[str], astronaut: Path, no_face: Path, tmp_path: Path, missing: str, exit_code: int
) -> None:
    source = {"source": tmp_path / "gone.png", "target": astronaut, "face": no_face}[missing]
    target = {"source": astronaut, "target": tmp_path / "gone.png", "face": astronaut}[missing]
    assert (
        main(["faceswap", str(source), str(target), "-o", str(tmp_path / "o.png"), "--engine", "neural"]) == exit_code
    )
    assert fetched == []


def test_f25_a_gpu_that_was_asked_for_and_fails_ends_the_run(
    fetched: list[str],
    monkeypatch: pytest.MonkeyPatch,
    astronaut: Path,
    hopper: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gpu, "probe", lambda _: Unusable("no NVIDIA GPU was found.", hint="Take --device cpu."))
    arguments = (astronaut, hopper, "-o", tmp_path / "o.png", "--json", "--engine", "neural")
    code, out, _ = _run(capsys, *arguments, "--device", "cuda")
    assert (code, json.loads(out)["error"]["code"]) == (5, "device")
    monkeypatch.setenv("FACEFUSION_DEVICE", "cuda:1")
    assert _run(capsys, *arguments)[0] == 5
    monkeypatch.setenv("FACEFUSION_DEVICE", "gpu")
    assert _run(capsys, *arguments)[0] == 2
    assert not (tmp_path / "o.png").exists()
    assert fetched == []


def test_an_engine_without_use_for_a_gpu_says_so(
    monkeypatch: pytest.MonkeyPatch,
    astronaut: Path,
    hopper: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gpu, "probe", lambda index: Gpu(index, "A GPU", (9, 0), 2**30))
    arguments = (astronaut, hopper, "-o", tmp_path / "o.png", "--engine", "mesh")
    code, _, err = _run(capsys, *arguments, "--device", "cuda:1")
    assert code == 0
    assert err.count("warning: The mesh engine always runs on the processor, not on cuda:1.") == 1
    code, _, err = _run(capsys, *arguments, "--device", "cpu")
    assert (code, "the processor, not" in err) == (0, False)
