"""The embedded networks against the originals they were converted from (see scripts/build_embedded_models.py)."""

from __future__ import annotations

from collections import Counter
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "data"
ASSETS = resources.files("facefusion_cli") / "assets"
NETWORKS = {
    "blazeface_short": ([1, 3, 128, 128], {"boxes": [1, 896, 16], "scores": [1, 896, 1]}),
    "blazeface_full": ([1, 3, 192, 192], {"boxes": [1, 2304, 16], "scores": [1, 2304, 1]}),
    "face_mesh": ([1, 3, 192, 192], {"landmarks": [478, 3], "presence": [1, 1]}),
}

# Where MediaPipe looked for the faces of face_mesh_478.npz: centre x, y, side, rotation. The first two are its own
# figures; those of the group are what it finds in similar cuts of that picture.
REGIONS = {
    ("astronaut", 0): (225.23746, 130.54329, 143.01634, 0.094389),
    ("grace_hopper", 0): (268.59805, 244.15448, 291.73471, -0.112847),
    ("t1", 0): (112.33, 344.41, 145.81, -0.47),
    ("t1", 1): (799.07, 421.06, 166.49, 0.01),
    ("t1", 2): (520.22, 346.97, 193.78, 0.27),
}


def _session(name: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    data = (ASSETS / f"{name}.onnx").read_bytes()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def mesh() -> Any:
    return _session("face_mesh")


@pytest.fixture(scope="module")
def reference() -> dict[str, NDArray[np.float32]]:
    """What LiteRT (detectors) and MediaPipe (mesh) answer; made with --reference-outputs."""
    with np.load(DATA / "embedded_outputs.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def rgb(astronaut: Path) -> NDArray[np.uint8]:
    return _read(astronaut)


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.ascontiguousarray(picture[:, :, ::-1])


def _tensor(picture: NDArray[np.uint8], scale: float, offset: float) -> NDArray[np.float32]:
    return np.ascontiguousarray((picture / np.float32(scale) - np.float32(offset)).transpose(2, 0, 1)[None])


def _landmarks(mesh: Any, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    landmarks, presence = mesh.run(["landmarks", "presence"], {"input": _tensor(picture, 255, 0)})
    return landmarks, float(presence[0, 0])


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_promised_form(name: str) -> None:
    model = onnx.load_from_string((ASSETS / f"{name}.onnx").read_bytes())
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 16)]
    properties = {item.key: item.value for item in model.metadata_props}
    assert properties["license"] == "Apache-2.0"
    session, (shape, outputs) = _session(name), NETWORKS[name]
    assert [(item.name, item.type, item.shape) for item in session.get_inputs()] == [("input", "tensor(float)", shape)]
    assert {item.name: item.shape for item in session.get_outputs()} == outputs
    assert {item.type for item in session.get_outputs()} == {"tensor(float)"}


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("blazeface_short", np.s_[64:192, 160:288]),
        ("blazeface_full", np.s_[16:208, 128:320]),
    ],
)
def test_detectors_answer_as_the_originals(
    name: str, cut: Any, rgb: NDArray[np.uint8], reference: dict[str, NDArray[np.float32]]
) -> None:
    boxes, scores = _session(name).run(["boxes", "scores"], {"input": _tensor(rgb[cut], 127.5, 1)})
    np.testing.assert_allclose(boxes, reference[f"{name}/boxes"], rtol=0, atol=5e-4)
    np.testing.assert_allclose(scores, reference[f"{name}/scores"], rtol=0, atol=5e-4)
    assert scores.max() > 0  # there is a face to be seen


@pytest.mark.parametrize("name", ["face", "close", "noise"])
def test_mesh_answers_as_the_original(
    name: str, mesh: Any, rgb: NDArray[np.uint8], reference: dict[str, NDArray[np.float32]]
) -> None:
    pictures = {
        "face": rgb[16:208, 128:320],
        # The eyes' and lips' regions reach beyond the picture, where the original reads zeros.
        "close": rgb[68:164, 158:254].repeat(2, axis=0).repeat(2, axis=1),
        "noise": np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8),
    }
    landmarks, presence = _landmarks(mesh, pictures[name])
    np.testing.assert_allclose(landmarks, reference[f"face_mesh/{name}/landmarks"], rtol=0, atol=2e-3)
    assert presence == pytest.approx(float(reference[f"face_mesh/{name}/presence"][0, 0]), abs=1e-3)
    assert (presence > 0) == (name != "noise")


@pytest.mark.parametrize(("picture", "number"), REGIONS)
def test_mesh_agrees_with_mediapipe_from_picture_to_picture(
    picture: str, number: int, mesh: Any, astronaut: Path, hopper: Path, group: Path
) -> None:
    path = {"astronaut": astronaut, "grace_hopper": hopper, "t1": group}[picture]
    with np.load(DATA / "face_mesh_478.npz") as file:
        expected = file[picture][number]
    x, y, side, angle = REGIONS[picture, number]
    scale = side / 192
    axes = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # As in MediaPipe, pixel i of the crop lies at coordinate i.
    origin = np.array([x, y]) - axes @ [96, 96]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    affine = np.column_stack([axes, origin])
    crop = cv2.warpAffine(_read(path), affine, (192, 192), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    landmarks, presence = _landmarks(mesh, crop.astype(np.uint8))
    found = np.column_stack([landmarks[:, :2] @ axes.T + origin, landmarks[:, 2] * scale])
    eyes = np.linalg.norm(expected[33, :2] - expected[263, :2])
    error = np.linalg.norm(found[:, :2] - expected[:, :2], axis=1).mean() / eyes
    depth_error = np.abs(found[:, 2] - expected[:, 2]).mean() / eyes
    limit = 0.015 if picture == "t1" else 0.001
    assert error <= limit
    assert depth_error <= limit
    assert presence > 10


@pytest.fixture(scope="module")
def tables() -> dict[str, NDArray[np.uint16]]:
    with (ASSETS / "face_topology.npz").open("rb") as stream, np.load(stream) as file:
        return dict(file)


def test_triangles_form_one_oriented_surface(tables: dict[str, NDArray[np.uint16]]) -> None:
    triangles = tables["triangles"]
    assert triangles.dtype == np.uint16
    assert triangles.shape == (852, 3)
    edges = Counter((int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True))
    assert set(edges.values()) == {1}  # none is run through twice in the same direction
    # The holes: the outline has 36 edges, the mouth 20, each eye 16.
    assert sum((b, a) not in edges for a, b in edges) == 36 + 20 + 16 + 16
    assert np.array_equal(np.unique(triangles), np.arange(468))
    with np.load(DATA / "face_mesh_478.npz") as file:
        a, b, c = file["astronaut"][0][triangles, :2].astype(float).transpose(1, 0, 2)
    areas = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    # y points down: negative is counter-clockwise as seen. A frontal face turns hardly any triangle away.
    assert (areas < 0).mean() > 0.95


def test_flip_is_the_mirror_of_the_mesh(tables: dict[str, NDArray[np.uint16]]) -> None:
    flip = tables["flip"]
    assert flip.dtype == np.uint16
    assert np.array_equal(flip[flip], np.arange(478))
    fixed = np.flatnonzero(flip == np.arange(478))
    assert len(fixed) == 28
    # MediaPipe numbers one half of the face first and then, in the same order, the other.
    half = np.setdiff1d(np.arange(248), fixed)
    assert np.array_equal(flip[half], np.arange(248, 468))
    # An iris is its centre, then right, top, left and bottom of its rim: the sides change places.
    assert flip[468:].tolist() == [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]
    triangles = {frozenset(t) for t in tables["triangles"].tolist()}
    mirrored = {frozenset(t) for t in flip[tables["triangles"]].tolist()}
    assert len(triangles & mirrored) == 840  # the tesselation itself is not quite symmetric


def test_flip_matches_the_mesh_of_the_mirrored_picture(
    mesh: Any, rgb: NDArray[np.uint8], tables: dict[str, NDArray[np.uint16]]
) -> None:
    crop = rgb[16:208, 128:320]
    landmarks, _ = _landmarks(mesh, crop)
    mirrored, _ = _landmarks(mesh, np.ascontiguousarray(crop[:, ::-1]))
    back = mirrored[tables["flip"], :2] * [-1, 1] + [191, 0]
    eyes = np.linalg.norm(landmarks[33, :2] - landmarks[263, :2])
    assert np.linalg.norm(back - landmarks[:, :2], axis=1).max() < 0.08 * eyes


def test_assets_are_small_and_named_in_the_notice() -> None:
    files = {file.name: len(file.read_bytes()) for file in ASSETS.iterdir() if file.is_file()}
    assert sum(files.values()) < 3_900_000
    notice = (ASSETS / "NOTICE").read_text("utf-8")
    assert "MediaPipe" in notice
    assert "Apache" in (ASSETS / "LICENSE-APACHE-2.0").read_text("utf-8")
    assert [name for name in files if name.endswith((".onnx", ".npz")) and name not in notice] == []
