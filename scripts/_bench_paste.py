"""Laying a swapped crop back into the frame: this project's way and that of insightface's own ``INSwapper.get``."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from _bench_faces import _astronaut, _hopper, _with_face_of
from _bench_frame import Benchmark, Case, Group
from _bench_yardsticks import COPY, copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.patch import Patch

__all__ = ["PASTE"]

_FRAMES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
_SIZES = (128, 300, 800)
_REMARK = """insightface's paste-back itself takes what its get takes with it less what it takes without
GB/s: of ours, the bytes of the rectangle that gets new pixels; they would have to be moved if nothing else were done"""


def _paste(_folder: Path | None) -> Iterator[Group]:
    from facefusion_cli.core.faces.alignment import align, swap_matrix
    from facefusion_cli.core.faces.analyser import FaceAnalyser
    from facefusion_cli.core.memory import limit_heaps

    limit_heaps()  # as every run of faceswap does
    analyser = FaceAnalyser()
    portrait, other = _astronaut(), _hopper()
    (portrait_face,), (other_face,) = analyser.find(portrait), analyser.find(other)
    crops = {size: align(other, swap_matrix(other_face.points, size), size) for size in (128, 512)}
    theirs = _insightface(crops[128])
    for name, (width, height) in _FRAMES.items():
        for size in _SIZES:
            frame = _with_face_of(size, portrait, portrait_face, width, height)
            face = _moved(portrait_face, size, width, height)
            cases = [
                Case("insightface's get, with its paste-back", partial(theirs, frame, face, True)),
                Case("insightface's get, without", partial(theirs, frame, face, False)),
            ]
            for crop in crops.values():
                run, moved = _ours(frame, face, crop)
                cases.append(Case(f"paste a crop of {crop.shape[0]}", run, traffic=moved, yardstick=COPY))
            cases.append(copy())
            yield Group(f"face of {size} px in {name}", cases, _REMARK)


def _ours(frame: NDArray[np.uint8], face: Face, swapped: NDArray[np.uint8]) -> tuple[Callable[[], Patch], int]:
    """The work, and the bytes of the rectangle that gets new pixels."""
    from facefusion_cli.core.faces.alignment import align, swap_matrix
    from facefusion_cli.core.faceswap.inswapper.paste import paste
    from facefusion_cli.core.media.composite import paste_into

    matrix = swap_matrix(face.points, swapped.shape[0])
    original = align(frame, matrix, swapped.shape[0])
    out = frame.copy()

    def run() -> Patch:
        patch = paste(swapped, original, matrix, face, (frame.shape[0], frame.shape[1]))
        if patch is None:
            raise SystemExit("error: the face to measure with is not in the frame.")
        paste_into(out, [patch])
        return patch

    return run, 3 * run().mask.size


def _insightface(crop: NDArray[np.uint8]) -> Any:
    """``INSwapper.get`` over a session that has the answer ready, so that only the rest of the work is left."""
    import numpy as np
    from insightface.model_zoo.inswapper import INSwapper

    answer = np.ascontiguousarray(crop[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    swapper = INSwapper.__new__(INSwapper)  # its __init__ reads a file of weights
    swapper.session = SimpleNamespace(run=lambda *_: [answer])
    swapper.input_names, swapper.output_names = ["target", "source"], ["output"]
    swapper.input_size, swapper.input_mean, swapper.input_std = (128, 128), 0.0, 255.0
    swapper.emap = np.eye(512, dtype=np.float32)
    source = SimpleNamespace(normed_embedding=np.ones(512, np.float32))

    def get(frame: NDArray[np.uint8], face: Face, paste_back: bool) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            swapper.get(frame, SimpleNamespace(kps=face.points), source, paste_back=paste_back)

    return get


def _moved(face: Face, size: float, width: int, height: int) -> Face:
    """The face as ``_with_face_of`` lays it into a picture."""
    import numpy as np

    scale = size / face.size
    left, top, right, bottom = face.box
    mesh = face.mesh * scale
    mesh[:, :2] += np.array([width - scale * (left + right), height - scale * (top + bottom)]) / 2
    return replace(face, mesh=mesh.astype(np.float32))


PASTE = Benchmark("laying a swapped crop back into a frame", 9, _paste)
