"""What all tests share: real pictures, and an environment that does not depend on who runs them.

The faces come from packages that ship them, found by install folder so that importing those packages (seconds each) is
not needed. None of them is copied into the repository.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import math
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from facefusion_cli.core.weights.catalog import Catalog, Weight
    from facefusion_cli.core.weights.store import Store


def pytest_configure() -> None:
    """Make runs steady; here and not in a fixture, since libraries read some of these when they are imported."""
    for name in [*os.environ]:
        if name in {"FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "PY_COLORS"} or name.upper().startswith(
            ("FACEFUSION_", "HF_", "HUGGING", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
        ):
            del os.environ[name]
    os.environ.update(NO_COLOR="1", TERM="dumb", COLUMNS="100")
    # Some tests import onnxruntime before the package can say this.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # A busy machine is no failure.
    settings.register_profile("steady", deadline=None)
    settings.load_profile("steady")


def _packaged(package: str, *parts: str) -> Path:
    """Where an installed package keeps a file."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.fail(f"the test pictures need the package {package}")
    return Path(spec.origin).parent.joinpath(*parts)


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """512 x 512 PNG, one frontal face (Eileen Collins, public domain)."""
    path = tmp_path_factory.mktemp("astronaut") / "astronaut.png"
    shutil.copyfile(_packaged("skimage", "data", "astronaut.png"), path)
    return path


@pytest.fixture(scope="session")
def hopper() -> Path:
    """512 x 600 JPEG, one frontal face with glasses (Grace Hopper, public domain). Read only."""
    return _packaged("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")


@pytest.fixture(scope="session")
def group() -> Path:
    """1280 x 886 JPEG of six faces. Read only; neither it nor anything made from it may be committed."""
    return _packaged("insightface", "data", "images", "t1.jpg")


@pytest.fixture(scope="session")
def no_face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640 x 480 PNG without a face: a sky above noisy ground, with a hill."""
    height, width = 480, 640
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    horizon = 280.0 + 30.0 * np.sin(x / 90.0)
    sky = np.stack([90 + y / 4, 140 + y / 4, 230 - y / 8], axis=-1)
    ground = np.stack([70 + y / 12, 110 - y / 12, 50 + 0 * y], axis=-1)
    ground += np.random.default_rng(7).normal(0.0, 12.0, ground.shape)
    picture = np.where((y > horizon)[..., None], ground, sky).clip(0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("no_face") / "no_face.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system with the options given and returns its folder; a second call changes its options."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount, and only Linux has tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        options = f"remount,{options}" if mounted else options
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
        if run.returncode:
            pytest.skip(f"mounting is not allowed here: {run.stderr.strip()}")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", folder], check=True)


@dataclass(frozen=True)
class ToyWeights:
    """Small files of weights, as somebody might publish them."""

    alpha: bytes
    """An ONNX graph that adds 1 to its input."""
    beta: bytes
    """Another that adds 2."""
    lips: bytes
    """A checkpoint in torch's legacy form, of the layout in ``TOY_LAYOUT``."""
    pack: bytes
    """A zip file of alpha, beta and a third file."""

    def __getitem__(self, name: str) -> bytes:
        return cast("bytes", getattr(self, name))


TOY_LAYOUT = {"encoder.weight": (4, 3), "encoder.bias": (4,), "norm.num_batches_tracked": ()}


@pytest.fixture(scope="session")
def toy_files() -> ToyWeights:
    """What is published, by the names in ``toy_catalog``: ``toy_files["alpha"]``."""
    import torch

    alpha, beta = _toy_network(1.0), _toy_network(2.0)
    tensors = {
        f"module.{name}": torch.arange(math.prod(shape)).reshape(shape).to(torch.float32 if shape else torch.int64)
        for name, shape in TOY_LAYOUT.items()
    }
    content = {"state_dict": tensors, "optimizer": {"state": {0: torch.zeros(99)}}, "global_step": 7, "global_epoch": 1}
    lips = io.BytesIO()
    torch.save(content, lips, _use_new_zipfile_serialization=False)
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"alpha.onnx": alpha, "beta.onnx": beta, "readme.txt": b"not needed"}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return ToyWeights(alpha, beta, lips.getvalue(), pack.getvalue())


@pytest.fixture
def toy_catalog(toy_files: ToyWeights, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Weights alpha, beta (ONNX) and lips (checkpoint), and an archive pack that holds the first two.

    Their sources are nowhere: put others in with ``dataclasses.replace``.
    """
    from facefusion_cli.core.weights import wav2lip_layout
    from facefusion_cli.core.weights.catalog import Archive, Catalog, Licence, UrlSource, Weight

    monkeypatch.setattr(wav2lip_layout, "layout", lambda: TOY_LAYOUT)
    toys = Licence("toys", "Toys: for play only", "https://toys.test/licence")

    def published(name: str, file: str) -> dict[str, Any]:
        data = toy_files[name]
        return {
            "name": name,
            "file": file,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "sources": (UrlSource(f"https://toys.test/{file}"),),
        }

    def weight(name: str, file: str, form: Literal["onnx", "wav2lip"]) -> Weight:
        return Weight(**published(name, file), purpose="plays", licence=toys, form=form)

    return Catalog(
        weights=(
            weight("alpha", "alpha.onnx", "onnx"),
            weight("beta", "beta.onnx", "onnx"),
            weight("lips", "lips.pth", "wav2lip"),
        ),
        archives=(Archive(**published("pack", "pack.zip"), members={"alpha.onnx": "alpha", "beta.onnx": "beta"}),),
    )


@pytest.fixture
def toy_store(toy_catalog: Catalog, tmp_path: Path) -> Store:
    """A store for the toy catalog, in a folder "models" that does not exist yet."""
    from facefusion_cli.core.weights.store import Store

    return Store(tmp_path / "models", toy_catalog)


def _toy_network(number: float) -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "number"], ["y"])],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        [helper.make_tensor("number", TensorProto.FLOAT, [], [number])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return cast("bytes", model.SerializeToString())
