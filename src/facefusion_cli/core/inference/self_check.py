"""Does a session give what onnxruntime gives, and how long does it take?

Nothing but onnxruntime is trusted with a network before this has been answered for that very file on that very machine.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.device import Precision
    from facefusion_cli.core.inference.session import Session, TensorInfo

__all__ = ["Difference", "Sample", "batches_freely", "compare", "one_output_each", "samples", "seconds_per_run"]

Feeds = dict[str, "NDArray[Any]"]

_TOLERANCE = {"fp32": (1e-3, 1e-3), "bf16": (0.05, 0.02), "fp16": (0.05, 0.02)}
"""Largest ``peak`` and ``rms`` allowed. In 16 bits a deep network is off by 1 to 2 % somewhere; what is wrong is off
by far more, and detectors, whose small scores matter, by more than 2 % all over."""

_SIDES = (320, 320), (256, 352)
"""Stand for a free height and width; multiples of every stride that detectors use."""
_RUNS = range(3, 21)
_ENOUGH = 0.5
"""Seconds of runs, from where on a few suffice."""
_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


@dataclass(frozen=True, slots=True)
class Sample:
    """Inputs, and what onnxruntime answers."""

    feeds: Feeds
    outputs: list[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far answers are from those expected; of several outputs, the worst."""

    peak: float = 0.0
    """Largest difference, in units of the output's largest value; infinite where a value is not finite."""
    rms: float = 0.0
    """Root mean square of the differences, in units of the output's own."""

    def tolerable(self, precision: Precision) -> bool:
        """Whether it is what that precision brings with it."""
        peak, rms = _TOLERANCE[precision]
        return self.peak <= peak and self.rms <= rms

    def __str__(self) -> str:
        """For the end of a sentence."""
        return f"{self.peak:.2%} at most, {self.rms:.2%} overall" if math.isfinite(self.peak) else "altogether"


def samples(session: Session, count: int = 2) -> list[Sample]:
    """Random inputs of batch 1 with this session's answers, always the same ones.

    Pictures (four axes) are uniform, in 0..1 and in -1..1 by turns, as networks are fed them; vectors have length 1.
    Where height or width is free, another sample of another size follows.

    Raises:
        ValueError: an input has a type or a shape that cannot be made up.
    """
    random = np.random.default_rng(0)
    sides = [_SIDES[0]] * count
    if any(not isinstance(size, int) for info in session.get_inputs() for size in info.shape[1:]):
        sides.append(_SIDES[1])
    found = []
    for number, side in enumerate(sides):
        feeds = {info.name: _made_up(info, random, side, signed=number % 2 == 1) for info in session.get_inputs()}
        found.append(Sample(feeds, session.run(None, feeds)))
    return found


def _made_up(info: TensorInfo, random: np.random.Generator, side: tuple[int, int], *, signed: bool) -> NDArray[Any]:
    if info.type not in _TYPES:
        raise ValueError(f"input {info.name} is a {info.type}")
    shape = [
        size if isinstance(size, int) and size > 0 else (1 if axis == 0 else side[axis % 2])
        for axis, size in enumerate(info.shape)
    ]
    values = random.random(shape)
    if len(shape) < 3:
        values = values - 0.5
        values /= max(float(np.linalg.norm(values)), 1e-12)
    elif signed:
        values = 2 * values - 1
    return np.asarray(values, _TYPES[info.type])


def compare(session: Session, expected: Sequence[Sample]) -> Difference:
    """How far the session's answers are from those expected."""
    worst = Difference()
    for sample in expected:
        outputs = session.run(None, sample.feeds)
        if len(outputs) != len(sample.outputs):
            return Difference(math.inf, math.inf)
        for got, right in zip(outputs, sample.outputs, strict=True):
            found = _difference(got, right)
            worst = Difference(max(worst.peak, found.peak), max(worst.rms, found.rms))
    return worst


def _difference(got: NDArray[Any], right: NDArray[Any]) -> Difference:
    if got.shape != right.shape or not np.isfinite(got).all():
        return Difference(math.inf, math.inf)
    if right.size == 0:
        return Difference()
    off, right = np.abs(got.astype(np.float64) - right), np.abs(right.astype(np.float64))
    peak, rms = right.max(), np.sqrt(np.square(right).mean())
    # An output of zeros has no size to compare with.
    return Difference(float(off.max() / (peak or 1.0)), float(np.sqrt(np.square(off).mean()) / (rms or 1.0)))


def one_output_each(expected: Sequence[Sample]) -> bool:
    """Whether every input and output has one entry for the one item of the batch."""
    arrays = [array for sample in expected for array in (*sample.feeds.values(), *sample.outputs)]
    return all(array.ndim > 0 and array.shape[0] == 1 for array in arrays)


def batches_freely(session: Session, expected: Sequence[Sample], precision: Precision) -> bool:
    """Whether samples of one size give in one batch what each gives alone.

    Raises:
        RuntimeError: torch's own, for want of memory.
    """
    shapes = [[array.shape for array in sample.feeds.values()] for sample in expected]
    alike = [sample for sample, shape in zip(expected, shapes, strict=True) if shape == shapes[0]]
    if not one_output_each(expected):
        return False
    feeds = {name: np.concatenate([sample.feeds[name] for sample in alike]) for name in alike[0].feeds}
    outputs = [np.concatenate(parts) for parts in zip(*(sample.outputs for sample in alike), strict=True)]
    try:
        return compare(session, [Sample(feeds, outputs)]).tolerable(precision)
    except (RuntimeError, ValueError, IndexError) as error:  # what sessions say to a shape that does not fit
        if "memory" in str(error):
            raise
        return False


def seconds_per_run(session: Session, feeds: Feeds) -> float:
    """Shortest time of some runs, after one to warm up: what else the machine does only ever adds to it."""
    session.run(None, feeds)
    times: list[float] = []
    while len(times) < _RUNS.start or (sum(times) < _ENOUGH and len(times) < _RUNS.stop):
        start = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - start)
    return min(times)
