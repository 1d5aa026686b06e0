"""The lines that ``docs/architecture.md`` draws between the rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = SOURCE / "facefusion_cli"

LATE = {
    "filelock",
    "httpx2",
    "huggingface_hub",
    "insightface",
    "librosa",
    "onnx",
    "onnxruntime",
    "safetensors",
    "torch",
}


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, *, at_start_only: bool = False) -> set[str]:
    """Modules that a file imports, anywhere or only those it needs to be imported itself."""
    found = set()
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        if not (at_start_only and late):
            nodes += ast.iter_child_nodes(node)
    return found


MODULES = {_name(path): path for path in PACKAGE.rglob("*.py")}


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_rooms_stand_on_each_other_as_drawn() -> None:
    """The contracts in ``pyproject.toml``; in a process of its own, since the linter sets up logging for itself."""
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-c", lint], cwd=SOURCE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_what_takes_seconds_is_imported_late(name: str) -> None:
    at_start = {imported.partition(".")[0] for imported in _imports(MODULES[name], at_start_only=True)}
    assert at_start & LATE == set()


@pytest.mark.parametrize("name", MODULES)
def test_weights_come_by_no_other_way(name: str) -> None:
    """insightface fetches packs by itself, without a checksum, wherever its application or its model zoo is used."""
    fetching = (
        "insightface.app",
        "insightface.utils",
        "insightface.model_zoo.model_zoo",
        "insightface.model_zoo.get_model",
    )
    assert not [imported for imported in _imports(MODULES[name]) if any(_within(imported, one) for one in fetching)]
