"""Comparing a session with the one that is trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefusion_cli.core.inference.one_by_one import OneByOne
from facefusion_cli.core.inference.self_check import (
    Difference,
    batches_freely,
    compare,
    one_output_each,
    samples,
    seconds_per_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.device import Precision


@dataclass
class Info:
    name: str
    shape: Sequence[int | str | None]
    type: str = "tensor(float)"


class Pretended:
    """A session that computes a function of its inputs; ``fixed`` refuses batches, as onnxruntime does."""

    def __init__(self, inputs: Sequence[Info], function: Callable[..., NDArray[Any]], fixed: bool = False) -> None:
        self._inputs, self._function, self._fixed = inputs, function, fixed
        self.calls = 0

    def get_inputs(self) -> Sequence[Info]:
        return self._inputs

    def get_outputs(self) -> Sequence[Info]:
        return [Info("output", [1])]

    def get_providers(self) -> list[str]:
        return ["PretendedProvider"]

    def set_providers(self, providers: Sequence[str]) -> None:
        pass

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.calls += 1
        arrays = [input_feed[info.name] for info in self._inputs]
        if self._fixed and any(len(array) != 1 for array in arrays):
            raise ValueError("Got invalid dimensions")
        return [self._function(*arrays)]


INPUTS = [Info("target", [1, 3, 8, 8]), Info("source", [1, 5])]


def _mix(target: NDArray[Any], source: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(target * source.sum(axis=1)[:, None, None, None])


def _per_batch(target: NDArray[Any], source: NDArray[Any]) -> NDArray[Any]:
    """What a graph does whose constants hold the batch of 1: items see each other."""
    return np.asarray(target - target.mean(axis=0) / 2 * source.sum())


def test_samples_look_like_what_networks_are_fed() -> None:
    first, second = samples(Pretended(INPUTS, _mix))
    assert first.feeds["target"].dtype == np.float32
    assert 0 <= first.feeds["target"].min() < first.feeds["target"].max() <= 1
    assert -1 <= second.feeds["target"].min() < -0.9
    assert np.linalg.norm(first.feeds["source"]) == pytest.approx(1, abs=1e-6)
    assert not np.array_equal(first.feeds["target"], second.feeds["target"])
    again = samples(Pretended(INPUTS, _mix))
    assert np.array_equal(first.feeds["target"], again[0].feeds["target"])


def test_free_sides_get_a_size() -> None:
    found = samples(Pretended([Info("picture", ["N", 3, "?", None])], lambda picture: picture), count=1)
    assert [sample.feeds["picture"].shape for sample in found] == [(1, 3, 320, 320), (1, 3, 256, 352)]


def test_a_type_that_cannot_be_made_up_is_said() -> None:
    with pytest.raises(ValueError, match=r"input words is a tensor\(string\)"):
        samples(Pretended([Info("words", [1], "tensor(string)")], lambda words: words))


def test_differences_are_in_units_of_the_output() -> None:
    expected = samples(Pretended(INPUTS, _mix), count=1)
    right = expected[0].outputs[0]

    def off(target: NDArray[Any], source: NDArray[Any]) -> NDArray[Any]:
        output = _mix(target, source)
        output[0, 0, 0, 0] += 0.5 * np.abs(right).max()
        return output

    assert compare(Pretended(INPUTS, _mix), expected) == Difference()
    found = compare(Pretended(INPUTS, off), expected)
    assert found.peak == pytest.approx(0.5, rel=1e-5)
    rms = np.sqrt(np.square(right).mean())
    assert found.rms == pytest.approx(0.5 * np.abs(right).max() / np.sqrt(right.size) / rms, rel=1e-5)


@pytest.mark.parametrize(
    ("precision", "peak", "rms", "tolerable"),
    [
        ("bf16", 0.012, 0.004, True),
        ("bf16", 0.06, 0.004, False),
        ("bf16", 0.02, 0.03, False),
        ("fp16", 0.06, 0.0, False),
        ("fp32", 1e-5, 1e-6, True),
        ("fp32", 0.012, 0.004, False),
    ],
)
def test_what_is_tolerable_depends_on_the_precision(
    precision: Precision, peak: float, rms: float, tolerable: bool
) -> None:
    assert Difference(peak, rms).tolerable(precision) is tolerable


def test_an_output_of_zeros_can_be_compared() -> None:
    nothing = Pretended(INPUTS, lambda target, source: np.zeros_like(target))
    assert compare(nothing, samples(nothing)) == Difference()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda target, source: np.full_like(target, np.nan),
        lambda target, source: np.full_like(target, np.inf),
        lambda target, source: target[:, :1],
    ],
    ids=["nan", "infinite", "shape"],
)
def test_what_is_no_answer_never_agrees(wrong: Callable[..., NDArray[Any]]) -> None:
    expected = samples(Pretended(INPUTS, _mix))
    found = compare(Pretended(INPUTS, wrong), expected)
    assert found.peak == math.inf
    assert not found.tolerable("bf16")
    assert str(found) == "altogether"


def test_a_batch_is_free_only_if_items_do_not_see_each_other() -> None:
    expected = samples(Pretended(INPUTS, _mix))
    assert batches_freely(Pretended(INPUTS, _mix), expected, "fp32")
    assert not batches_freely(Pretended(INPUTS, _mix, fixed=True), expected, "fp32")
    entangled = Pretended(INPUTS, _per_batch)
    assert not batches_freely(entangled, samples(entangled), "fp32")


def test_a_lack_of_memory_says_nothing_about_batches() -> None:
    expected = samples(Pretended(INPUTS, _mix))

    def short(target: NDArray[Any], source: NDArray[Any]) -> NDArray[Any]:
        raise RuntimeError("CUDA out of memory.")

    with pytest.raises(RuntimeError, match="out of memory"):
        batches_freely(Pretended(INPUTS, short), expected, "fp32")


def test_outputs_without_an_axis_for_the_batch_cannot_be_batched() -> None:
    anchors = Pretended(INPUTS, lambda target, source: np.asarray(target.reshape(-1, 4)))
    expected = samples(anchors)
    assert not one_output_each(expected)
    assert not batches_freely(anchors, expected, "fp32")


def test_one_by_one_gives_what_single_runs_give() -> None:
    fixed = Pretended(INPUTS, _mix, fixed=True)
    session = OneByOne(fixed)
    random = np.random.default_rng(1)
    feeds = {"target": random.random((3, 3, 8, 8)), "source": random.random((3, 5))}
    (together,) = session.run(None, feeds)
    assert fixed.calls == 3
    assert np.array_equal(together, _mix(feeds["target"], feeds["source"]))
    assert session.get_providers() == ["PretendedProvider"]
    assert [info.name for info in session.get_inputs()] == ["target", "source"]
    assert [info.name for info in session.get_outputs()] == ["output"]


def test_one_by_one_leaves_a_single_item_alone() -> None:
    fixed = Pretended(INPUTS, _mix, fixed=True)
    (sample,) = samples(fixed, count=1)
    assert np.array_equal(OneByOne(fixed).run(None, sample.feeds)[0], sample.outputs[0])


def test_a_run_is_timed_at_least_three_times_after_a_warm_up() -> None:
    session = Pretended(INPUTS, _mix)
    (sample,) = samples(session, count=1)
    session.calls = 0
    assert seconds_per_run(session, sample.feeds) > 0
    assert 4 <= session.calls <= 22
