"""Whether a host can be reached, where the system gives out."""

from __future__ import annotations

import threading

import pytest

from facefusion_cli.core.weights import reach
from facefusion_cli.core.weights.faults import SourceFault
from facefusion_cli.core.weights.reach import Hosts

ADDRESS = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.getproxies", dict)


@pytest.mark.parametrize("given", [0, 1])
def test_no_more_threads_can_be_had(monkeypatch: pytest.MonkeyPatch, given: int) -> None:
    start, started = threading.Thread.start, list[threading.Thread]()

    def limited(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) > given:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(SourceFault, match=r"the connection to 127\.0\.0\.1:9 failed") as raised:
        Hosts().check(ADDRESS)
    assert raised.value.reason == "network"


def test_lack_of_memory_in_a_thread_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str) -> None:
        raise MemoryError

    monkeypatch.setattr(reach, "_connect", fail)
    with pytest.raises(MemoryError):
        Hosts().check(ADDRESS)


def test_a_thread_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(reach, "_connect", lambda _url: ended.wait(60))
    try:
        with pytest.raises(SourceFault, match="does not answer"):
            Hosts().check(ADDRESS)
    finally:
        ended.set()
