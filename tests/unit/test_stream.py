"""The pipeline: order, bounds, and an end to all three whatever happens to one."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefusion_cli.core.media.stream import run_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class BoomError(Exception):
    pass


def same(items: Iterator[int]) -> Iterator[int]:
    yield from items


def no_threads(*, within: float = 0.0) -> bool:
    """Whether none of ours is left, at the latest after ``within`` seconds."""
    until = time.monotonic() + within
    while any(thread.name.startswith("facefusion-") for thread in threading.enumerate()):
        if time.monotonic() >= until:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    yield
    assert no_threads()


@pytest.mark.parametrize("ahead", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_everything_comes_out_in_order(ahead: int, count: int) -> None:
    out: list[int] = []
    assert run_stream(range(count), same, out.append, ahead=ahead) == count
    assert out == [*range(count)]


def test_work_may_look_ahead_in_batches_and_give_more_or_less() -> None:
    def batches(items: Iterator[int]) -> Iterator[int]:
        batch: list[int] = []
        for item in items:
            batch.append(item)
            if len(batch) == 7:
                yield sum(batch)
                batch = []
        yield from batch
        yield -1

    out: list[int] = []
    assert run_stream(range(16), batches, out.append, ahead=2) == 5
    assert out == [21, 70, 14, 15, -1]


def test_work_runs_in_the_callers_thread_and_the_others_do_not() -> None:
    seen: dict[str, threading.Thread] = {}

    def source() -> Iterator[int]:
        seen["source"] = threading.current_thread()
        yield 1

    def work(items: Iterator[int]) -> Iterator[int]:
        seen["work"] = threading.current_thread()
        yield from items

    def sink(_: int) -> None:
        seen["sink"] = threading.current_thread()

    run_stream(source(), work, sink)
    assert seen["work"] is threading.current_thread()
    assert len({*seen.values()}) == 3


def test_no_more_than_the_queues_hold_is_in_flight() -> None:
    ahead, alive, most, lock = 3, 0, 0, threading.Lock()

    class Counted:
        def __init__(self) -> None:
            nonlocal alive, most
            with lock:
                alive += 1
                most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            with lock:
                alive -= 1

    def slow(_: Counted) -> None:
        time.sleep(0.001)

    def work(items: Iterator[Counted]) -> Iterator[Counted]:
        yield from items

    assert run_stream((Counted() for _ in range(200)), work, slow, ahead=ahead) == 200
    assert alive == 0
    # Those that wait on either side, and one in each of the three hands, at most two where one is passed on.
    assert most <= 2 * ahead + 6


def test_no_room_is_no_queue() -> None:
    with pytest.raises(ValueError, match="room"):
        run_stream(range(3), same, lambda _: None, ahead=0)


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit])
@pytest.mark.parametrize("at", [0, 1, 50])
@pytest.mark.parametrize("place", ["source", "work", "sink"])
def test_an_exception_anywhere_comes_out_and_ends_all(place: str, at: int, error: type[BaseException]) -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            for number in range(1000):
                if place == "source" and number == at:
                    raise error("source")
                yield number
        finally:
            closed.append("source")

    def work(items: Iterator[int]) -> Iterator[int]:
        try:
            for number in items:
                if place == "work" and number == at:
                    raise error("work")
                yield number
        finally:
            closed.append("work")

    taken = []

    def sink(number: int) -> None:
        if place == "sink" and number == at:
            raise error("sink")
        taken.append(number)

    with pytest.raises(error, match=place):
        run_stream(source(), work, sink, ahead=2)
    assert sorted(closed) == ["source", "work"]
    assert taken == [*range(len(taken))]
    assert len(taken) <= at
    assert no_threads()


def test_the_first_cause_is_raised_and_not_what_follows_from_it() -> None:
    failed = threading.Event()

    def sink(_: int) -> None:
        failed.set()
        raise BoomError("first")

    def work(items: Iterator[int]) -> Iterator[int]:
        try:
            for item in items:
                yield item
                failed.wait()
        finally:
            raise RuntimeError("follows")

    def source() -> Iterator[int]:
        try:
            yield from range(10000)
        finally:
            raise OSError("follows too")

    with pytest.raises(BoomError, match="first"):
        run_stream(source(), work, sink, ahead=1)


def test_an_interrupt_of_the_caller_comes_before_a_failure_that_it_may_have_caused() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise BoomError

    def work(items: Iterator[int]) -> Iterator[int]:
        try:
            yield from items
        finally:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stream(source(), work, lambda _: None)


def test_work_that_ends_early_ends_the_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    def work(items: Iterator[int]) -> Iterator[int]:
        yield next(items)
        yield next(items)

    out: list[int] = []
    assert run_stream(endless(), work, out.append, ahead=1) == 2
    assert out == [1, 1]
    assert closed.is_set()


def test_a_blocked_sink_holds_everything_back_and_its_failure_frees_it() -> None:
    read, go = [], threading.Event()

    def source() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    def sink(_: int) -> None:
        go.wait()
        raise BoomError

    timer = threading.Timer(0.2, go.set)
    timer.start()
    with pytest.raises(BoomError):
        run_stream(source(), same, sink, ahead=2)
    timer.join()
    assert len(read) <= 2 * 2 + 4


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("blocked", ["source", "sink", "none"])
def test_signals_while_something_is_blocked(blocked: str) -> None:
    """An interrupt that arrives anywhere in the caller's thread, inside queues too, is raised, and nobody hangs."""
    gate = threading.Event()

    def source() -> Iterator[int]:
        for number in range(10**9):
            if blocked == "source" and number == 5:
                gate.wait()
            yield number

    def sink(number: int) -> None:
        if blocked == "sink" and number == 5:
            gate.wait()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for delay in (0.01, 0.013, 0.017, 0.021):
            gate.clear()
            timer = threading.Timer(0.2, gate.set)
            timer.start()
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(KeyboardInterrupt):
                run_stream(source(), same, sink, ahead=2)
            timer.join()
            # An interrupt does not wait for long, so on a busy machine one may still be on its way out.
            assert no_threads(within=30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_interrupt_does_not_wait_for_what_hangs() -> None:
    gate = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        gate.wait()

    def work(items: Iterator[int]) -> Iterator[int]:
        yield next(items)
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            run_stream(source(), work, lambda _: None)
    finally:
        gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("facefusion-"):
            thread.join()


@settings(max_examples=150)
@given(
    count=st.integers(0, 40),
    ahead=st.integers(1, 5),
    batch=st.integers(1, 9),
    faults=st.dictionaries(st.sampled_from(["source", "work", "sink"]), st.integers(0, 45), max_size=3),
)
def test_nothing_is_lost_doubled_or_stuck(count: int, ahead: int, batch: int, faults: dict[str, int]) -> None:
    def fail(place: str, number: int) -> None:
        if faults.get(place) == number:
            raise BoomError(place)

    def source() -> Iterator[int]:
        for number in range(count):
            fail("source", number)
            yield number

    def work(items: Iterator[int]) -> Iterator[int]:
        group: list[int] = []
        for number in items:
            fail("work", number)
            group.append(number)
            if len(group) == batch:
                yield from group
                group = []
        yield from group

    out: list[int] = []

    def sink(number: int) -> None:
        fail("sink", number)
        out.append(number)

    expected = any(at < count for at in faults.values())
    if expected:
        with pytest.raises(BoomError):
            run_stream(source(), work, sink, ahead=ahead)
        assert out == [*range(len(out))]
    else:
        assert run_stream(source(), work, sink, ahead=ahead) == count
        assert out == [*range(count)]


def test_many_streams_at_once() -> None:
    results: dict[int, object] = {}

    def one(number: int) -> None:
        out: list[int] = []

        def sink(item: int) -> None:
            if number % 3 == 0 and item == 500:
                raise BoomError
            out.append(item)

        try:
            results[number] = run_stream(range(1000), same, sink, ahead=1 + number % 3)
        except BoomError:
            results[number] = BoomError
        assert out == [*range(len(out))]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: BoomError if number % 3 == 0 else 1000 for number in range(24)}


def test_an_error_keeps_no_pictures_alive() -> None:
    import gc
    import weakref

    class Picture:
        pass

    alive: list[weakref.ref[Picture]] = []

    def source() -> Iterator[Picture]:
        while True:
            picture = Picture()
            alive.append(weakref.ref(picture))
            yield picture
            del picture

    def work(items: Iterator[Picture]) -> Iterator[Picture]:
        yield from items

    def sink(_: Picture) -> None:
        raise BoomError

    gc.disable()
    try:
        call: Callable[[], int] = lambda: run_stream(source(), work, sink, ahead=2)  # noqa: E731
        with pytest.raises(BoomError) as caught:
            call()
        del caught
        assert not [one for one in alive if one() is not None]
    finally:
        gc.enable()
