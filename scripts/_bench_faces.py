"""Finding faces with the embedded networks, in pictures in memory."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_frame import Benchmark, Case, Group
from _bench_work import counted_sessions
from _bench_yardsticks import matrix_product

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["DETECT"]


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
    from facefusion_cli.core.device import select_device
    from facefusion_cli.core.faces.analyser import FaceAnalyser

    product = matrix_product("fp32", select_device("cpu", "fp32", 1))
    cases = [_yardstick()]
    analyser = FaceAnalyser()
    group = _packaged_picture("insightface", "data", "images", "t1.jpg")
    with counted_sessions() as counted:
        analyser.load()
    for name, picture in {"astronaut": _astronaut(), "hopper": _hopper(), "group of six": group}.items():
        height, width = picture.shape[:2]
        before = counted.work
        analyser.find(picture)
        work = counted.work - before
        title = f"{name}, {width} x {height}"
        cases.append(Case(title, partial(analyser.find, picture), work=work, yardstick=product.name))
    yield Group(
        "", [*cases, product], "TFLOP/s: of the networks alone, each on one thread; tiles are looked at side by side"
    )


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
