"""What all tests share: real pictures, and an environment that does not depend on who runs them.

The faces come from packages that ship them, found by install folder so that importing those packages (seconds each) is
not needed. None of them is copied into the repository.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image


def pytest_configure() -> None:
    """Make runs steady; here and not in a fixture, since libraries read some of these when they are imported."""
    for name in [*os.environ]:
        if name in {"FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "PY_COLORS"} or name.startswith("FACEFUSION_"):
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
