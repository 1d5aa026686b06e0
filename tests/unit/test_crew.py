from __future__ import annotations

import gc
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.media.crew import Crew, done_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(20)


class BoomError(Exception):
    pass


def _ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "a crew"]


def test_things_are_done_side_by_side_and_waited_for() -> None:
    together = threading.Barrier(2)
    done: list[int] = []

    def do(number: int) -> None:
        together.wait(10)  # breaks unless another one is being done
        done.append(number)

    with Crew("a crew", 2) as crew:
        outcomes = [crew.begin(partial(do, number)) for number in range(4)]
        for outcome in outcomes:
            outcome.wait()
        assert sorted(done) == [0, 1, 2, 3]
        assert len(_ours()) == 2
    assert not _ours()


def test_one_thread_keeps_the_order() -> None:
    done: list[int] = []
    with Crew("a crew", 1) as crew:
        for outcome in [crew.begin(partial(done.append, number)) for number in range(20)]:
            outcome.wait()
    assert done == list(range(20))


def test_what_is_raised_reaches_who_waits_and_the_crew_goes_on() -> None:
    def fail() -> None:
        raise BoomError

    done: list[int] = []
    with Crew("a crew", 1) as crew:
        failed, other = crew.begin(fail), crew.begin(partial(done.append, 1))
        with pytest.raises(BoomError):
            failed.wait()
        other.wait()
    assert done == [1]


def test_leaving_waits_for_what_runs_and_begins_nothing_more() -> None:
    running, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        running.set()
        go_on.wait(10)
        done.append("slow")

    with pytest.raises(BoomError), Crew("a crew", 1) as crew:  # noqa: PT012  (what it is about)
        crew.begin(slow)
        for _ in range(3):
            crew.begin(partial(done.append, "late"))
        assert running.wait(10)
        threading.Timer(0.1, go_on.set).start()
        raise BoomError
    assert done == ["slow"]
    assert not _ours()


def test_nothing_is_kept_after_a_failure() -> None:
    class Picture:
        pass

    def fail(_: Picture) -> None:
        raise BoomError

    def run() -> weakref.ref[Picture]:
        picture = Picture()
        with Crew("a crew", 2) as crew:
            outcome = crew.begin(partial(fail, picture))
            with pytest.raises(BoomError) as caught:
                outcome.wait()
            del caught
        return weakref.ref(picture)

    gc.disable()
    try:
        assert run()() is None
    finally:
        gc.enable()


def test_things_come_in_order_a_few_at_a_time() -> None:
    taken: list[int] = []
    done: list[int] = []
    first_may_end = threading.Event()

    def things() -> Iterator[int]:
        for number in range(8):
            taken.append(number)
            yield number

    def do(number: int) -> None:
        if number == 0:
            assert first_may_end.wait(10)
        done.append(number)
        if number == 1:
            first_may_end.set()  # the second one ends before the first

    with Crew("a crew", 2) as crew:
        came = done_in_order(crew, things(), do, 3)
        assert next(came) == 0
        assert taken == [0, 1, 2]
        assert [*came] == list(range(1, 8))
    assert done.index(1) < done.index(0)


def test_the_first_failure_in_order_is_raised() -> None:
    def do(number: int) -> None:
        if number >= 2:
            raise BoomError(number)

    with Crew("a crew", 2) as crew:
        came = done_in_order(crew, range(6), do, 3)
        assert [next(came), next(came)] == [0, 1]
        with pytest.raises(BoomError, match="2"):
            next(came)
