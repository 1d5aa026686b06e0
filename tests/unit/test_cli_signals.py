"""Signals become an exception once, and end the process the second time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import pytest

from facefusion_cli.cli.signals import Stopped, stoppable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="os.kill sends no signals here")
CAUGHT = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("signum", CAUGHT)
def test_a_signal_unwinds_the_stack_and_handlers_are_put_back(signum: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in CAUGHT]
    cleaned = []

    def work() -> None:
        with stoppable():
            try:
                os.kill(os.getpid(), signum)
            finally:
                cleaned.append(True)

    with pytest.raises(Stopped) as stop:
        work()
    assert cleaned
    assert stop.value.exit_code == stop.value.code == 128 + signum
    assert [signal.getsignal(each) for each in CAUGHT] == before


@pytest.mark.parametrize("outcome", ["initialization failed", None])
def test_code_that_swallows_the_exception_does_not_swallow_the_signal(outcome: str | None) -> None:
    def work() -> None:
        with stoppable() as received, received.heeded():
            with contextlib.suppress(Stopped):
                os.kill(os.getpid(), signal.SIGINT)
            if outcome:
                raise ImportError(outcome)

    with pytest.raises(Stopped) as stop:
        work()
    assert stop.value.exit_code == 130


def test_without_a_signal_errors_stay_what_they_are() -> None:
    with pytest.raises(ImportError, match="odd"), stoppable() as received, received.heeded():
        raise ImportError("odd")


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("pause", "ended"), [(0.0, []), (1.0, [130])])
def test_a_second_signal_ends_at_once_unless_it_is_the_echo_of_the_first(
    monkeypatch: pytest.MonkeyPatch, pause: float, ended: list[int]
) -> None:
    codes: list[int] = []
    now = [100.0]
    monkeypatch.setattr("facefusion_cli.cli.signals.time.monotonic", lambda: now[0])
    monkeypatch.setattr("facefusion_cli.cli.signals.os._exit", codes.append)
    # This process does not end: it may start programs again.
    monkeypatch.setattr("facefusion_cli.cli.signals._end_programs", lambda *, leaving: None)

    def work() -> None:
        with stoppable():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                now[0] += pause
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped):
        work()
    assert codes == ended


def test_other_threads_leave_signals_alone() -> None:
    seen = []

    def body() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with stoppable():
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [True]
