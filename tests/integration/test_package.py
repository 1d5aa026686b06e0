"""The wheel and the source archive: what they hold, and that the wheel works by itself, outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.metadata import Metadata
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "facefusion_cli"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source archive and the wheel, which is built from the archive."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    run = subprocess.run(build, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of commands of a new environment that holds the wheel and borrows all else from this one."""
    folder = tmp_path_factory.mktemp("new environment")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)]
    run = subprocess.run(pip, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    # A folder named by a .pth file is searched, but its own .pth files, such as that of the editable install, are not
    # read: what is borrowed is the dependencies alone.
    (site_packages,) = folder.glob("[Ll]ib/**/site-packages")
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "borrowed.pth").write_text("\n".join(sorted(borrowed)), encoding="utf-8")
    return scripts


def _run(command: list[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, errors="replace", check=False
    )


def _command(scripts: Path, name: str) -> str:
    return str(scripts / (f"{name}.exe" if os.name == "nt" else name))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    expected = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {
        "facefusion_cli/py.typed",
        "facefusion_cli/assets/NOTICE",
        "facefusion_cli/api/assets/swagger-ui.css",
    } <= expected
    assert sum(name.endswith(".onnx") for name in expected) >= 3
    licences = {name.partition(".dist-info/licenses/")[2] for name in names if "/licenses/" in name}
    assert sorted(Path(name).name for name in licences) == [
        "LICENSE",
        "LICENSE-APACHE-2.0",
        "NOTICE",
        "NOTICE",
        "swagger-ui-bundle.js.LICENSE.txt",
    ]


def test_the_licences_are_not_empty(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if "/licenses/" in entry.filename:
                assert entry.file_size > 500, entry.filename


def test_the_wheel_stays_small(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 6_000_000


def test_the_metadata_is_valid(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(name), validate=True)
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        entry_points = archive.read(name).decode()
    assert metadata.name == "facefusion-cli"
    assert str(metadata.requires_python) == ">=3.11"
    assert metadata.license_expression == "MIT AND Apache-2.0 AND BSD-3-Clause"
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description is not None
    assert "# facefusion" in metadata.description
    assert metadata.provides_extra == ["api", "c2pa"]
    assert "facefusion = facefusion_cli.cli:main" in entry_points


def test_every_dependency_has_a_floor(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(name), validate=True)
    requirements: list[Requirement] = metadata.requires_dist or []
    assert {
        "typer",
        "rich",
        "insightface",
        "onnxruntime",
        "torch",
        "opencv-python",
        "librosa",
        "imageio-ffmpeg",
        "platformdirs",
        "huggingface-hub",
    } <= {entry.name for entry in requirements}
    for requirement in requirements:
        assert any(clause.operator == ">=" for clause in requirement.specifier), requirement


def test_the_source_archive_can_be_worked_on(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "scripts/constraints.txt",
        "scripts/test.py",
        "src/facefusion_cli/assets/NOTICE",
        "tests/conftest.py",
        "tests/integration/test_package.py",
    } <= names
    assert not [name for name in names if name.startswith((".venv", "demo-results", "dist/"))]


def test_the_installed_wheel_is_the_one_that_runs(installed: Path, wheel: Path, tmp_path: Path) -> None:
    code = "import facefusion_cli; print(facefusion_cli.__file__, facefusion_cli.__version__, sep='\\n')"
    where, version = _run([_command(installed, "python"), "-c", code], cwd=tmp_path).stdout.splitlines()
    assert Path(where).is_relative_to(installed.parent)
    shown = _run([_command(installed, "facefusion"), "--version"], cwd=tmp_path)
    assert shown.stdout.split() == ["facefusion", version]
    assert wheel.name.split("-")[1] == version


def test_the_installed_wheel_swaps_faces(installed: Path, astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    facefusion = _command(installed, "facefusion")
    run = _run([facefusion, "faceswap", str(astronaut), str(hopper), "-o", "swapped.png", "--json"], cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert record["ok"] is True
    with Image.open(tmp_path / "swapped.png") as result, Image.open(hopper) as target:
        assert result.size == target.size
        changed = ImageChops.difference(result.convert("RGB"), target.convert("RGB")).getbbox()
    assert changed is not None
    assert [path.name for path in tmp_path.iterdir()] == ["swapped.png"]
