"""Many tasks in one run: order, failures, memory, and how it stops."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.batch import run as module
from facefusion_cli.core.batch.run import Cancel, Cancelled, run_batch, threads_left
from facefusion_cli.core.media.outputs import AtomicOutput, Output
from facefusion_cli.errors import FaceFusionError, InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOTH = pytest.mark.parametrize("jobs", [1, 2, 5])


class Picture:
    """Stands for many pixels."""


def explain(error: Exception) -> FaceFusionError:
    words = FaceFusionError(f"{type(error).__name__}: {error}.")
    words.__cause__ = error
    return words


def outcomes(tasks: list[Any], do: Callable[[Any, Cancel], Any], jobs: int) -> list[tuple[Any, Any]]:
    delivered: list[tuple[Any, Any]] = []
    run_batch(tasks, do, lambda task, result: delivered.append((task, result)), jobs=jobs, explain=explain)
    return delivered


@BOTH
@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_everything_is_done_once(jobs: int, count: int) -> None:
    begun: list[int] = []

    def double(task: int, _cancel: Cancel) -> int:
        begun.append(task)
        return 2 * task

    delivered = outcomes([*range(count)], double, jobs)
    assert sorted(delivered) == [(task, 2 * task) for task in range(count)]
    if jobs == 1:
        assert delivered == sorted(delivered)
        assert begun == [*range(count)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("facefusion-")]
    assert not threads_left()


@BOTH
def test_a_failure_is_a_result(jobs: int) -> None:
    def fail_at_odd(task: int, _cancel: Cancel) -> int:
        if task % 4 == 1:
            raise InputError(f"{task} is odd.")
        if task % 4 == 3:
            raise MemoryError("too odd")
        return task

    results = dict(outcomes([*range(8)], fail_at_odd, jobs))
    assert [results[task] for task in (0, 2, 4, 6)] == [0, 2, 4, 6]
    assert [str(results[task]) for task in (1, 5)] == ["1 is odd.", "5 is odd."]
    assert [str(results[task]) for task in (3, 7)] == ["MemoryError: too odd."] * 2


def test_tasks_begin_in_order_and_results_come_as_they_finish() -> None:
    second_done = threading.Event()
    begun: list[str] = []

    def do(task: str, _cancel: Cancel) -> str:
        begun.append(task)
        if task == "first":
            assert second_done.wait(30)
        return task

    def deliver(task: str, _result: str | FaceFusionError) -> None:
        delivered.append(task)
        if task == "second":
            second_done.set()

    delivered: list[str] = []
    run_batch(["first", "second"], do, deliver, jobs=2, explain=explain)
    assert begun == ["first", "second"]
    assert delivered == ["second", "first"]


def test_threads() -> None:
    main = threading.current_thread()
    seen: set[threading.Thread] = set()

    def do(_task: int, _cancel: Cancel) -> None:
        barrier.wait(30)
        seen.add(threading.current_thread())

    def deliver(_task: int, _result: FaceFusionError | None) -> None:
        assert threading.current_thread() is main

    for jobs, together in ((1, 1), (3, 3)):
        barrier = threading.Barrier(together)
        seen.clear()
        run_batch([*range(6)], do, deliver, jobs=jobs, explain=explain)
        assert (main in seen) is (jobs == 1)


@BOTH
@pytest.mark.parametrize("failing", [False, True])
def test_no_more_results_in_memory_than_jobs(jobs: int, failing: bool) -> None:
    lock = threading.Lock()
    alive: weakref.WeakSet[Picture] = weakref.WeakSet()
    most = 0

    def make(_task: int, _cancel: Cancel) -> Picture:
        nonlocal most
        with lock:
            pixels = Picture()
            alive.add(pixels)
            most = max(most, len(alive))
        if failing:
            raise RuntimeError("with the picture in its traceback")
        return pixels

    gc.collect()
    gc.disable()  # what only the collector would find is held too long
    try:
        run_batch([*range(40)], make, lambda _task, _result: None, jobs=jobs, explain=explain)
    finally:
        gc.enable()
    assert most <= jobs
    assert len(alive) == 0


@BOTH
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError], ids=lambda error: error.__name__)
def test_what_is_raised_while_delivering_stops_the_run(jobs: int, error: type[BaseException]) -> None:
    begun: list[int] = []
    told: list[bool] = []

    def do(task: int, cancel: Cancel) -> int:
        begun.append(task)
        if jobs > 1 and task == 1:
            told.append(cancel.wait(30))
        return task

    def deliver(_task: int, _result: int | FaceFusionError) -> None:
        raise error

    with pytest.raises(error):
        run_batch([*range(100)], do, deliver, jobs=jobs, explain=explain)
    assert len(begun) <= jobs
    assert told == [True] * (jobs > 1)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("facefusion-")]


@BOTH
def test_a_wish_to_end_from_within_a_task_ends_the_run(jobs: int) -> None:
    def do(task: int, cancel: Cancel) -> int:
        if task == 2:
            raise SystemExit(141)
        return task

    with pytest.raises(SystemExit) as raised:
        outcomes([*range(100)], do, jobs)
    assert raised.value.code == 141


def test_cancelled_is_no_failure() -> None:
    cancel = Cancel()
    cancel.check()
    cancel.set()
    with pytest.raises(Cancelled):
        cancel.check()
    assert not issubclass(Cancelled, Exception)


def test_a_task_that_does_not_look_up_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for; and when it comes to itself, its file does not appear."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    writing, wake, ended = threading.Event(), threading.Event(), threading.Event()
    committed: list[BaseException | Path] = []

    def do(task: int, cancel: Cancel) -> None:
        if task == 0:
            assert writing.wait(30)
            return
        try:
            with AtomicOutput(Output(tmp_path / "target.jpg", tmp_path / "out.jpg", "replace")) as file:
                file.temporary.write_bytes(b"half")
                writing.set()
                wake.wait(30)
                committed.append(file.commit())
        except OutputError as error:
            committed.append(error)
            raise
        finally:
            ended.set()

    def stop(_task: int, _result: FaceFusionError | None) -> None:
        assert len([*tmp_path.iterdir()]) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch([0, 1], do, stop, jobs=2, explain=explain)
    assert threads_left()
    assert [*tmp_path.iterdir()] == []
    wake.set()
    assert ended.wait(30)
    assert [type(one) for one in committed] == [OutputError]
    assert [*tmp_path.iterdir()] == []
    for thread in threading.enumerate():
        if thread.name.startswith("facefusion-"):  # other tests leave threads of libraries
            thread.join(30)
    assert not threads_left()
