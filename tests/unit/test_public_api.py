"""The names that users of the Python API rely on, and what importing them costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import facefusion_cli
from facefusion_cli import errors

EXPORTED = {
    "ContentRefusedError",
    "DeviceError",
    "DownloadError",
    "Face",
    "FaceFusionError",
    "FaceIndexError",
    "FaceTooSmallError",
    "IncompleteError",
    "InputError",
    "InternalError",
    "LipSyncResult",
    "NoFaceError",
    "OutputError",
    "OutputExistsError",
    "ProgramError",
    "SwapResult",
    "UsageError",
    "WeightsDamagedError",
    "WeightsError",
    "WeightsMissingError",
    "__version__",
    "find_faces",
    "swap_faces",
    "sync_lips",
}

HEAVY = {"PIL", "cv2", "huggingface_hub", "insightface", "librosa", "numpy", "onnx", "onnxruntime", "torch"}


def test_the_exported_names() -> None:
    assert set(facefusion_cli.__all__) == EXPORTED
    assert list(facefusion_cli.__all__) == sorted(set(facefusion_cli.__all__))


def test_every_error_is_exported() -> None:
    assert set(errors.__all__) < EXPORTED


@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_each_name_is_there_and_listed(name: str) -> None:
    assert getattr(facefusion_cli, name) is not None
    assert name in dir(facefusion_cli)


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = facefusion_cli.no_such_name


def test_type_checkers_see_every_name() -> None:
    assert facefusion_cli.__file__ is not None
    module = ast.parse(Path(facefusion_cli.__file__).read_text(encoding="utf-8"))
    seen = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            seen |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            seen |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert seen >= EXPORTED


def test_the_import_is_cheap() -> None:
    code = "import sys, facefusion_cli; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(run.stdout.split()) & HEAVY == set()
