"""The lines that ``docs/architecture.md`` draws between the rooms."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = SOURCE / "facefusion_cli"

_TASKS = ("facefusion_cli.core.faceswap", "facefusion_cli.core.lipsync")
_ABOVE = ("facefusion_cli.core.faces", *_TASKS, "facefusion_cli.core.diagnosis")
_HTTP = ("fastapi", "starlette", "uvicorn", "python_multipart", "prometheus_client")
FORBIDDEN = {
    "facefusion_cli.errors": ("facefusion_cli",),
    "facefusion_cli.core": ("facefusion_cli.cli", "facefusion_cli.api"),
    "facefusion_cli.api": ("facefusion_cli.cli",),
    "facefusion_cli.api.work": ("facefusion_cli.cli", *_HTTP),
    "facefusion_cli.core.media": (*_ABOVE, "facefusion_cli.core.batch"),
    "facefusion_cli.core.batch": _ABOVE,
    "facefusion_cli.core.content": (*_ABOVE, "facefusion_cli.core.batch", "facefusion_cli.core.weights"),
    "facefusion_cli.core.device": (*_ABOVE, "facefusion_cli.core.inference", "facefusion_cli.core.weights"),
    "facefusion_cli.core.inference": (*_ABOVE, "facefusion_cli.core.weights"),
    "facefusion_cli.core.weights": _ABOVE,
    "facefusion_cli.core.faces": _ABOVE[1:],
    "facefusion_cli.core.faceswap": ("facefusion_cli.core.lipsync", "facefusion_cli.core.diagnosis"),
    "facefusion_cli.core.lipsync": ("facefusion_cli.core.faceswap", "facefusion_cli.core.diagnosis"),
}

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


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_reaches_into_one_above_it(room: str) -> None:
    modules = {name: path for name, path in MODULES.items() if _within(name, room)}
    assert modules
    for name, path in modules.items():
        for imported in _imports(path):
            assert not any(_within(imported, above) for above in FORBIDDEN[room]), f"{name} imports {imported}"


def test_there_are_no_circles() -> None:
    graph = {name: _imports(path, at_start_only=True) & MODULES.keys() for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


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
