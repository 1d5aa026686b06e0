"""Finding and swapping faces with the embedded networks, in pictures in memory."""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_frame import Benchmark, Case, Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["DETECT", "SWAP"]


def _yardstick() -> Case:
    """Plain work of the same kind, so that ratios can be compared between machines."""
    import cv2
    import numpy as np

    picture = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    return Case("Gaussian blur of 1080p (sigma 5)", lambda: cv2.GaussianBlur(picture, (0, 0), 5))


def _packaged_picture(package: str, *parts: str) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"error: the picture to measure with comes from {package}, which is not installed.")
    picture = cv2.imread(str(Path(spec.origin).parent.joinpath(*parts)), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"error: {package} holds no readable {parts[-1]}.")
    return picture.astype(np.uint8, copy=False)


def _astronaut() -> NDArray[np.uint8]:
    return _packaged_picture("skimage", "data", "astronaut.png")


def _hopper() -> NDArray[np.uint8]:
    return _packaged_picture("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")


def _detect(_folder: Path | None) -> Iterator[Group]:
    from facefusion_cli.core.faces.analyser import FaceAnalyser

    cases = [_yardstick()]
    analyser = FaceAnalyser()
    group = _packaged_picture("insightface", "data", "images", "t1.jpg")
    for name, picture in {"astronaut": _astronaut(), "hopper": _hopper(), "group of six": group}.items():
        height, width = picture.shape[:2]
        cases.append(Case(f"{name}, {width} x {height}", partial(analyser.find, picture)))
    yield Group("", cases)


def _swap(_folder: Path | None) -> Iterator[Group]:
    """The mesh engine's steps on one thread; detection is not counted."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before numpy is imported
    import cv2

    from facefusion_cli.core.faces.analyser import FaceAnalyser
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
    from facefusion_cli.core.faceswap.mesh.engine import MeshSwapper
    from facefusion_cli.core.media.composite import composite
    from facefusion_cli.core.media.images import picture_from_array

    cv2.setNumThreads(1)
    cases = [_yardstick()]
    analyser, engine = FaceAnalyser(), MeshSwapper(SwapSettings())
    source, portrait = _hopper(), _astronaut()
    (source_face,), (portrait_face,) = analyser.find(source), analyser.find(portrait)
    sources = [Source(source, source_face)]
    identity = engine.prepare(sources)
    size_px = f"{source_face.size:.0f} px"
    cases.append(Case(f"prepare a source face of {size_px}", partial(engine.prepare, sources)))
    for size, (width, height) in {107: (512, 512), 225: (1920, 1080), 500: (1920, 1080)}.items():
        picture = _with_face_of(size, portrait, portrait_face, width, height)
        (face,) = analyser.find(picture)
        where = f"face of {face.size:.0f} px in {width} x {height}"
        tasks = [Task(picture, face, identity)]
        cases.append(Case(f"swap a {where}", partial(engine.swap, tasks)))
        patches = [patch for patch in engine.swap(tasks) if patch is not None]
        whole = picture_from_array(picture, Path("picture"))
        cases.append(Case(f"composite a {where}", partial(composite, whole, patches)))
    yield Group("", cases)


def _with_face_of(size: float, portrait: NDArray[np.uint8], face: Face, width: int, height: int) -> NDArray[np.uint8]:
    """The portrait scaled so that its face is ``size`` px wide, centred in a picture of the size given."""
    import cv2
    import numpy as np

    scale = size / face.size
    left, top, right, bottom = face.box
    shift_x, shift_y = width / 2 - scale * (left + right) / 2, height / 2 - scale * (top + bottom) / 2
    matrix = np.array([[scale, 0, shift_x], [0, scale, shift_y]])
    picture = cv2.warpAffine(portrait, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(128, 128, 128))
    return picture.astype(np.uint8, copy=False)


DETECT = Benchmark("finding the faces of a decoded picture", 15, _detect)
SWAP = Benchmark("the mesh engine's steps on one thread, detection apart", 15, _swap)
