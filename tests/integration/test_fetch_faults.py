"""Fetching weights where servers, networks and disks fail, and what the user is told then."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.weights import reach, room, stream
from facefusion_cli.core.weights.catalog import HubSource, UrlSource
from facefusion_cli.core.weights.fetch import fetch
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DownloadError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import Hub, Recorder, Server

pytestmark = pytest.mark.usefixtures("use_hub")

NET = HubSource("somebody/nets", "net.onnx", revision="0" * 40)
OTHER = HubSource("somebody/else", "net.onnx")


def go(store: Store, watcher: Recorder) -> Path:
    (weight,) = store.catalog.weights
    return fetch(weight, store, watcher)


def failure(store: Store, watcher: Recorder, reason: str, *, kept: int = 0, advice: str = "") -> str:
    """The message with which fetching fails, after ``kept`` bytes that the next run goes on with."""
    (weight,) = store.catalog.weights
    with pytest.raises(DownloadError) as raised:
        fetch(weight, store, watcher)
    error = raised.value
    assert error.reason == reason, error.message
    assert error.code == f"download-{reason}"
    assert error.exit_code == 4
    assert error.hint.startswith(advice)
    assert "secret" not in error.message + error.hint
    if reason != "disk-full":
        assert '"facefusion download-models --import FILE --models-dir ' in error.hint
        assert "(300.0 kB)" in error.hint
    assert re.fullmatch(r'[^\n]*"net.onnx"[^\n]*[^.]\.', error.message), error.message
    assert not store.path(weight).exists()
    part = store.partial(weight)
    assert (part.stat().st_size if part.exists() else 0) == kept
    with store.locked(weight):  # is free again
        return error.message


@pytest.fixture
def closed_port() -> str:
    """Host and port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], list[str]]:
    """Decides what becomes of looking up a name: addresses, an error to raise or something to wait for.

    Returns the names that will have been looked up.
    """

    def decide(name: str, outcome: Any) -> list[str]:
        asked: list[str] = []
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            host = host.decode() if isinstance(host, bytes) else host
            if host != name:
                return real(host, port, *args, **kwargs)
            asked.append(host)
            if isinstance(outcome, Exception):
                raise outcome
            if callable(outcome):
                raise OSError(outcome())
            return [answer for address in outcome for answer in real(address, port, *args, **kwargs)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return decide


def test_f40_refused(
    closed_port: str, use_hub: Callable[[str], None], store_of: Callable[..., Store], watcher: Recorder
) -> None:
    use_hub(f"http://{closed_port}")
    message = failure(store_of(NET, OTHER), watcher, "refused")
    assert message == f'"net.onnx" cannot be downloaded: {closed_port} refuses the connection.'
    assert watcher.notes == []


def test_f40_name_that_cannot_be_looked_up(
    names: Callable[[str, Any], list[str]], store_of: Callable[..., Store], watcher: Recorder
) -> None:
    """Two repositories of one hub: it is looked up once."""
    asked = names("hub.invalid", socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    message = failure(store_of(NET, OTHER), watcher, "dns")
    assert "hub.invalid cannot be found (DNS), as when there is no internet connection" in message
    assert asked == ["hub.invalid"]


def test_offline(names: Callable[[str, Any], list[str]], store_of: Callable[..., Store], watcher: Recorder) -> None:
    names("hub.invalid", socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    store = store_of(NET, UrlSource("http://also.hub.invalid/net.onnx"))
    names("also.hub.invalid", socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    assert "this computer seems to be offline" in failure(store, watcher, "dns")


def test_name_server_that_does_not_answer(
    names: Callable[[str, Any], list[str]],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looking up a name cannot be ended; it is not waited for."""
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.2)
    answered = threading.Event()
    names("hub.invalid", answered.wait)
    try:
        assert "hub.invalid does not answer" in failure(store_of(NET), watcher, "timeout")
    finally:
        answered.set()


def test_address_that_does_not_answer(
    names: Callable[[str, Any], list[str]],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.2)
    lost = threading.Event()
    monkeypatch.setattr(reach, "_connect_to", lambda *address: lost.wait(60))
    names("hub.invalid", ["127.0.0.1"])
    try:
        assert "hub.invalid does not answer" in failure(store_of(NET), watcher, "timeout")
    finally:
        lost.set()


def test_offline_where_packets_are_lost(
    names: Callable[[str, Any], list[str]],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither host answers: it is said as where names cannot be found, with the same advice."""
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(reach, "HEAD_START", 0.0)
    answered = threading.Event()
    asked = [names(name, answered.wait) for name in ("hub.invalid", "also.hub.invalid")]
    store = store_of(NET, UrlSource("http://also.hub.invalid/net.onnx"), OTHER)
    try:
        message = failure(store, watcher, "timeout", advice="Check the internet connection and try again.")
    finally:
        answered.set()
    assert message == ('"net.onnx" cannot be downloaded: this computer seems to be offline, for no server answers.')
    assert asked == [["hub.invalid"], ["also.hub.invalid"]]


def test_hosts_that_do_not_answer_are_waited_for_together(
    names: Callable[[str, Any], list[str]],
    toy_store: Store,
    toy_files: Any,
    mirror: Server,
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of the archives too: the first host is found only after the second one has been looked up."""
    monkeypatch.setattr(reach, "HEAD_START", 0.0)
    second_asked = threading.Event()
    port = mirror.host.partition(":")[2]

    names("alpha.invalid", lambda: "found only now" if second_asked.wait(60) else "alone")
    names("pack.invalid", second_asked.set)
    alpha, *others = toy_store.catalog.weights
    (pack,) = toy_store.catalog.archives
    alpha = replace(alpha, sources=(UrlSource(f"http://alpha.invalid:{port}/alpha"),))
    pack = replace(pack, sources=(UrlSource(f"http://pack.invalid:{port}/pack"),))
    store = Store(toy_store.folder, replace(toy_store.catalog, weights=(alpha, *others), archives=(pack,)))
    with pytest.raises(DownloadError, match="found only now"):
        fetch(alpha, store, watcher)


def test_hosts_that_are_not_needed_are_not_looked_up(
    names: Callable[[str, Any], list[str]],
    mirror: Server,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reach, "HEAD_START", 60.0)
    asked = names("elsewhere.invalid", ["127.0.0.1"])
    url = mirror.on("/net.onnx", mirror.reply(body))
    go(store_of(UrlSource(url), UrlSource("http://elsewhere.invalid/net.onnx")), watcher)
    assert asked == []


def test_one_of_the_addresses_is_enough(
    names: Callable[[str, Any], list[str]],
    mirror: Server,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
) -> None:
    """As with IPv6 that leads nowhere."""
    names("mirror.invalid", ["::1", "127.0.0.1"])
    port = mirror.host.partition(":")[2]
    mirror.on("/net.onnx", mirror.reply(body))
    go(store_of(UrlSource(f"http://mirror.invalid:{port}/net.onnx")), watcher)


def test_f35_hub_that_hangs(
    hub: Hub, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.3)
    for source in (NET, OTHER):
        hub.on(hub.path(source), hub.reply(ending="hang"), method="HEAD")
    assert f"{hub.host} does not answer" in failure(store_of(NET, OTHER), watcher, "timeout")
    assert len(hub.seen) == 1


def test_web_server_that_hangs(
    mirror: Server, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALL_SECONDS", 0.3)
    url = mirror.on("/net.onnx", mirror.reply(ending="hang"))
    assert f"{mirror.host} does not answer" in failure(store_of(UrlSource(url)), watcher, "timeout")
    assert len(mirror.seen) == 1


def test_f35_stalls_again_and_again(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALL_SECONDS", 0.3)
    url = mirror.on("/net.onnx", mirror.reply(body, stop_at=100_000, ending="hang", headers={"ETag": '"1"'}))
    store = store_of(UrlSource(url))
    assert "stopped sending in the middle" in failure(store, watcher, "timeout", kept=100_000)
    assert len(mirror.seen) == stream.TRIES


def test_f35_byte_after_byte(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALL_SECONDS", 0.3)
    url = mirror.on("/net.onnx", mirror.reply(body, stop_at=0, ending="trickle"))
    store = store_of(UrlSource(url))
    with pytest.raises(DownloadError) as raised:
        go(store, watcher)
    assert raised.value.reason == "timeout"
    assert "too slowly" in raised.value.message


@pytest.mark.parametrize("length", [None, -1])
def test_f34_breaks_off_again_and_again(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder, length: int | None
) -> None:
    hub.publish(NET, body, hub.reply(body, stop_at=100_000, length=length))
    message = failure(store_of(NET), watcher, "interrupted", kept=100_000)
    assert message == f'"net.onnx" cannot be downloaded: the connection to {hub.cdn.host} broke off.'
    assert len(hub.cdn.gets()) == stream.TRIES


def test_f33_f38_right_length_and_wrong_bytes(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    """The server that sends them is not the one that said what the file is."""
    hub.publish(NET, body, hub.reply(body[::-1]))
    message = failure(store_of(NET), watcher, "mismatch")
    assert "sent something else than the file (its SHA-256 differs)" in message
    assert len(hub.cdn.gets()) == 1


def test_f33_wrong_on_the_first_mirror_right_on_the_second(
    mirror: Server,
    start_server: Callable[[], Server],
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
) -> None:
    second = start_server()
    store = store_of(
        UrlSource(mirror.on("/net.onnx", mirror.reply(body[::-1]))),
        UrlSource(second.on("/net.onnx", mirror.reply(body))),
    )
    assert go(store, watcher).read_bytes() == body
    (note,) = watcher.notes
    assert note == (
        f'"net.onnx": {mirror.host} sent something else than the file (its SHA-256 differs); '
        f"{second.host} is asked next."
    )


@pytest.mark.parametrize("change", [{"sha256": "f" * 64}, {"size": 7}])
def test_wrong_file_on_the_hub_is_not_downloaded(
    hub: Hub,
    mirror: Server,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
    change: dict[str, Any],
) -> None:
    hub.publish(NET, body, **change)
    url = mirror.on("/net.onnx", mirror.reply(body))
    go(store_of(NET, UrlSource(url)), watcher)
    assert [seen.method for seen in hub.seen] == ["HEAD"]
    assert hub.cdn.seen == []
    (note,) = watcher.notes
    assert f"{hub.host} has another file of that name" in note


def test_other_length_is_noticed_before_the_body(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body + b"more"))
    message = failure(store_of(UrlSource(url)), watcher, "mismatch")
    assert "another file of that name (300004 bytes instead of 300000)" in message
    assert watcher.counts == [0]


def test_body_without_end(mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body + b"more", length=-1))
    assert "sends more than the 300.0 kB" in failure(store_of(UrlSource(url)), watcher, "mismatch")


def test_body_that_is_packed(mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body, headers={"Content-Encoding": "gzip"}))
    failure(store_of(UrlSource(url)), watcher, "server")


REFUSALS = [
    (401, {}, "unauthorized", "gives the file only to users who have signed in"),
    (401, {"X-Error-Code": "RepoNotFound"}, "not-found", "does not have the file"),
    (401, {"X-Error-Code": "GatedRepo"}, "gated", "only to users who have accepted its terms"),
    (403, {"X-Error-Code": "GatedRepo"}, "gated", "only to users who have accepted its terms"),
    (403, {}, "forbidden", "denies access"),
    (404, {}, "not-found", "does not have the file"),
    (404, {"X-Error-Code": "EntryNotFound"}, "not-found", "does not have the file"),
    (404, {"X-Error-Code": "RevisionNotFound"}, "not-found", "does not have the file"),
    (418, {}, "network", "unexpected answer (status 418)"),
    (429, {}, "rate-limited", "has had too many requests"),
    (500, {}, "server", "has a fault of its own (status 500)"),
    (503, {}, "server", "has a fault of its own (status 503)"),
]


@pytest.mark.parametrize(("status", "headers", "reason", "words"), REFUSALS)
def test_f32_hub_refuses(
    hub: Hub,
    store_of: Callable[..., Store],
    watcher: Recorder,
    status: int,
    headers: dict[str, str],
    reason: str,
    words: str,
) -> None:
    hub.refuse(NET, status, headers)
    message = failure(store_of(NET), watcher, reason)
    assert words in message
    assert hub.host in message
    assert len(hub.seen) == 1


@pytest.mark.parametrize(("status", "headers", "reason", "words"), REFUSALS)
def test_f32_web_server_refuses(
    mirror: Server,
    store_of: Callable[..., Store],
    watcher: Recorder,
    status: int,
    headers: dict[str, str],
    reason: str,
    words: str,
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(b"no", status, headers))
    message = failure(store_of(UrlSource(url)), watcher, reason)
    assert words in message
    assert mirror.host in message
    assert len(mirror.seen) == 1


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited, in no time."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def test_f32_asked_to_wait_a_little(
    hub: Hub, mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, waits: list[float]
) -> None:
    hub.publish(NET, body)
    refusal, known = hub.reply(b"", 429, {"Retry-After": "3"}), hub.reply(b"", 404)
    hub.on(hub.path(NET), refusal, known, method="HEAD")
    url = mirror.on("/net.onnx", mirror.reply(b"", 503, {"Retry-After": "2"}), mirror.reply(body))
    go(store_of(NET, UrlSource(url)), watcher)
    assert waits == [3, 2]


def test_asked_to_wait_again_and_again(
    hub: Hub, store_of: Callable[..., Store], watcher: Recorder, waits: list[float]
) -> None:
    """Once is enough; other repositories of the hub would be no better."""
    for source in (NET, OTHER):
        hub.refuse(source, 429, {"Retry-After": "3"})
    assert "try again in 3 seconds" in failure(store_of(NET, OTHER), watcher, "rate-limited")
    assert waits == [3]
    assert len(hub.seen) == 2


@pytest.mark.parametrize("when", ["300", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_f32_asked_to_wait_long(
    hub: Hub, store_of: Callable[..., Store], watcher: Recorder, waits: list[float], when: str
) -> None:
    hub.refuse(NET, 429, {"Retry-After": when})
    message = failure(store_of(NET), watcher, "rate-limited")
    assert re.search(r"says to try again in \d+ minutes", message)
    assert waits == []


def test_f39_page_of_the_network_instead_of_the_hub(
    mirror: Server, use_hub: Callable[[str], None], store_of: Callable[..., Store], watcher: Recorder
) -> None:
    use_hub(mirror.url)
    page = mirror.reply(b"<html>Welcome!</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    for method in ("HEAD", "GET"):
        mirror.on(f"/somebody/nets/resolve/{NET.revision}/net.onnx", page, method=method)
    message = failure(store_of(NET), watcher, "web-page")
    assert f"{mirror.host} sent a web page instead of the file" in message


def test_f39_page_of_the_right_length(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body, headers={"Content-Type": "text/html"}))
    failure(store_of(UrlSource(url)), watcher, "web-page")


def test_no_secure_connection(mirror: Server, store_of: Callable[..., Store], watcher: Recorder) -> None:
    url = mirror.url.replace("http:", "https:") + "/net.onnx"
    message = failure(store_of(UrlSource(url)), watcher, "tls")
    assert f"no secure connection to {mirror.host} can be made (" in message


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "//"])
def test_f38_redirect_to_nowhere(
    mirror: Server, store_of: Callable[..., Store], watcher: Recorder, target: str
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(b"", 302, {"Location": target}))
    failure(store_of(UrlSource(url)), watcher, "network")


def test_redirects_without_end(mirror: Server, store_of: Callable[..., Store], watcher: Recorder) -> None:
    url = mirror.on("/net.onnx", mirror.reply(b"", 302, {"Location": "/net.onnx"}))
    assert "redirects without end" in failure(store_of(UrlSource(url)), watcher, "network")


def test_signature_in_the_address_of_a_redirect_is_not_told(
    mirror: Server, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(b"", 302, {"Location": "/there?user=me@x.test&signature=secret"}))
    mirror.on("/there", mirror.reply(b"", 403))
    message = failure(store_of(UrlSource(url)), watcher, "forbidden")
    assert message == f'"net.onnx" cannot be downloaded: {mirror.host} denies access to the file.'


@pytest.mark.parametrize("span", [f"bytes 0-9/{'9' * 5000}", f"bytes {'9' * 5000}-9/300000"])
def test_numbers_that_are_none(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, span: str
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body[:10], 206, {"Content-Range": span}, ranges=False))
    with pytest.raises(DownloadError, match="broke off" if span.startswith("bytes 0-") else "unexpected answer"):
        go(store_of(UrlSource(url)), watcher)


@pytest.mark.parametrize("when", ["9" * 400, "Fri, 01 Jan 2100 00:00:00 +99999999999999"])
def test_asked_to_wait_for_ever(
    mirror: Server, store_of: Callable[..., Store], watcher: Recorder, waits: list[float], when: str
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(b"", 429, {"Retry-After": when}))
    message = failure(store_of(UrlSource(url)), watcher, "rate-limited")
    assert message.endswith("has had too many requests.")
    assert waits == []


def test_f38_redirect_to_what_is_not_secure() -> None:
    from facefusion_cli.core.weights.faults import SourceFault

    assert stream._redirected("https://one.test/a", "//two.test/b") == "https://two.test/b"
    with pytest.raises(SourceFault, match="redirects to an address that is not secure"):
        stream._redirected("https://one.test/a", "http://two.test/b")


@pytest.mark.parametrize(
    "endpoint",
    [
        "hub.invalid",
        "http://",
        "http://[",
        "http://hub.invalid:port",
        f"http://{'x' * 70}",
        "http://me:secret@hub:port",
    ],
)
def test_endpoint_that_is_none(
    use_hub: Callable[[str], None], store_of: Callable[..., Store], watcher: Recorder, endpoint: str
) -> None:
    use_hub(endpoint)
    assert "is not the address of a server" in failure(store_of(NET), watcher, "network")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://me:secret@hub:port",
        "http://me:secret/more@hub",
        "http://[",
        "http://me:1/secret@hub",
        "http://me:1?secret@hub",
        "http://me:1#secret@hub",
        "me:secret@hub",
        "http:/me:secret@hub",
    ],
)
def test_endpoint_that_the_hub_client_cannot_read(
    monkeypatch: pytest.MonkeyPatch, store_of: Callable[..., Store], watcher: Recorder, endpoint: str
) -> None:
    """It would fail when it is imported, and quote what it cannot read."""
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(DownloadError, match="HF_ENDPOINT") as raised:
        go(store_of(NET), watcher)
    assert "secret" not in raised.value.message
    assert raised.value.__cause__ is None


def test_endpoint_that_is_none_does_not_stand_in_the_way_of_others(
    use_hub: Callable[[str], None], mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    use_hub("http://")
    go(store_of(NET, UrlSource(mirror.on("/net.onnx", mirror.reply(body)))), watcher)


def test_password_of_a_mirror_is_used_and_not_told(
    mirror: Server, use_hub: Callable[[str], None], body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    use_hub(mirror.url.replace("://", "://me:secret@"))
    path = f"/somebody/nets/resolve/{NET.revision}/net.onnx"
    for method in ("HEAD", "GET"):
        mirror.on(path, mirror.reply(body, stop_at=1000), mirror.reply(b"", 503), method=method)
    store = store_of(NET)
    (weight,) = store.catalog.weights
    with pytest.raises(DownloadError) as raised:
        fetch(weight, store, watcher)
    assert f"Or get {mirror.url.replace('://', '://***@')}{path} " in raised.value.hint
    assert all(seen.headers["authorization"] == "Basic bWU6c2VjcmV0" for seen in mirror.seen)
    kept = [file for file in store.folder.rglob("*") if file.is_file()]
    assert store.partial(weight) in kept
    told = [raised.value.message, raised.value.hint, *watcher.notes, *(str(file.read_bytes()) for file in kept)]
    assert not any("secret" in text for text in told)


@pytest.mark.parametrize("mark", ["/", "#", "?", "@", ":", "["])
@pytest.mark.parametrize("password", ["secret", "1"])
def test_password_of_a_proxy_that_is_not_encoded_is_not_told(
    use_hub: Callable[[str], None],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    closed_port: str,
    names: Callable[[str, Any], list[str]],
    mark: str,
    password: str,
) -> None:
    """Up to a slash, "me" looks like the host and the first half of the password like its port."""
    names("me", socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    through(monkeypatch, f"http://me:{password}{mark}secret@{closed_port}", use_hub)
    assert f"the proxy {closed_port} " in failure(store_of(NET), watcher, "proxy")


@pytest.mark.parametrize("kind", ["gopher", "http"])
def test_password_in_what_the_client_says_is_not_told(monkeypatch: pytest.MonkeyPatch, direct: None, kind: str) -> None:
    """Its own errors quote the part of the proxy's address that it cannot read."""
    from facefusion_cli.core.weights.faults import SourceFault

    monkeypatch.setenv("HTTPS_PROXY", f"{kind}://me:secret/more@proxy.test:9")
    with pytest.raises(SourceFault) as raised:
        stream.open_session("https://hub.invalid")
    assert raised.value.clause == "the proxy proxy.test:9 is given by an address that cannot be used"


def through(monkeypatch: pytest.MonkeyPatch, proxy: str, use_hub: Callable[[str], None]) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    use_hub("https://hub.invalid")


def test_f40_proxy_that_is_not_there(
    closed_port: str,
    use_hub: Callable[[str], None],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through(monkeypatch, f"http://me:secret@{closed_port}", use_hub)
    message = failure(store_of(NET, UrlSource("https://elsewhere.invalid/net.onnx")), watcher, "proxy")
    assert message == (
        f'"net.onnx" cannot be downloaded: the proxy {closed_port} on the way to hub.invalid cannot be reached.'
    )
    assert watcher.notes == []


@pytest.mark.parametrize(
    ("status", "words", "asked"),
    [
        (407, "wants a name and a password", ["hub.invalid:443"]),
        (403, "does not let the connection to hub.invalid through (403", ["hub.invalid:443", "elsewhere.invalid:443"]),
    ],
)
def test_proxy_that_refuses(
    mirror: Server,
    use_hub: Callable[[str], None],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    words: str,
    asked: list[str],
) -> None:
    through(monkeypatch, f"http://me:secret@{mirror.host}", use_hub)
    mirror.on("hub.invalid:443", mirror.reply(b"", status), method="CONNECT")
    elsewhere = UrlSource("https://elsewhere.invalid/net.onnx")
    mirror.on("elsewhere.invalid:443", mirror.reply(b"", status), method="CONNECT")
    message = failure(store_of(NET, OTHER, elsewhere), watcher, "proxy")
    assert f"the proxy {mirror.host} {words}" in message
    assert [seen.path for seen in mirror.seen] == asked


def test_proxy_that_wants_a_password(
    mirror: Server, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", mirror.url)
    mirror.on("/net.onnx", mirror.reply(b"", 407))
    message = failure(store_of(UrlSource("http://elsewhere.invalid/net.onnx")), watcher, "proxy")
    assert f"the proxy {mirror.host} wants a name and a password" in message


@pytest.mark.parametrize("kind", ["socks5", "gopher"])
def test_proxy_of_another_kind(
    mirror: Server,
    use_hub: Callable[[str], None],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    through(monkeypatch, f"{kind}://{mirror.host}", use_hub)
    assert f"the proxy {mirror.host}" in failure(store_of(NET), watcher, "proxy")


def test_proxy_is_used(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", mirror.url)
    mirror.on("/net.onnx", mirror.reply(body))
    go(store_of(UrlSource("http://elsewhere.invalid/net.onnx")), watcher)


def test_no_proxy_is_respected(
    closed_port: str,
    mirror: Server,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{closed_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    go(store_of(UrlSource(mirror.on("/net.onnx", mirror.reply(body)))), watcher)


def test_f44_no_network_wanted(
    hub: Hub,
    mirror: Server,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.publish(NET, body)
    store = store_of(NET, UrlSource(mirror.on("/net.onnx", mirror.reply(body))))
    message = failure(store, watcher, "offline")
    assert "HF_HUB_OFFLINE" in message
    snapshot = tmp_path / "hf_cache" / "models--somebody--nets" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "net.onnx").write_bytes(body)
    go(store, watcher)
    assert hub.seen == mirror.seen == []


def test_stored_token_is_not_sent(
    hub: Hub,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from huggingface_hub import constants, get_token

    (tmp_path / "token").write_text("hf_stored")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    assert get_token() == "hf_stored"
    hub.publish(NET, body)
    go(store_of(NET), watcher)
    assert not any("authorization" in seen.headers for seen in hub.seen + hub.cdn.seen)


def test_token_for_us_is_sent_to_the_hub_alone(
    hub: Hub,
    mirror: Server,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_for_others")
    monkeypatch.setenv("FACEFUSION_HF_TOKEN", "hf_for_us")
    url = mirror.on("/net.onnx", mirror.reply(b"", 404))
    hub.publish(NET, body)
    go(store_of(UrlSource(url), NET), watcher)
    assert [seen.headers.get("authorization") for seen in hub.seen] == ["Bearer hf_for_us"] * 2
    assert not any("authorization" in seen.headers for seen in hub.cdn.seen + mirror.seen)


def test_token_that_is_none(
    hub: Hub, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEFUSION_HF_TOKEN", "hf_with\nsecret")
    message = failure(store_of(NET), watcher, "unauthorized")
    assert f"what FACEFUSION_HF_TOKEN holds is no token for {hub.host}" in message
    assert hub.seen == []


def test_several_causes(
    hub: Hub,
    mirror: Server,
    closed_port: str,
    body: bytes,
    store_of: Callable[..., Store],
    watcher: Recorder,
) -> None:
    """The one that something can be done about comes first; each is said when it occurs."""
    hub.refuse(NET, 404)
    hub.publish(OTHER, body, sha256="f" * 64)
    gone = UrlSource(f"http://{closed_port}/net.onnx")
    page = UrlSource(mirror.on("/net.onnx", mirror.reply(b"Sign in", headers={"Content-Type": "text/html"})))
    message = failure(store_of(NET, OTHER, gone, page), watcher, "web-page")
    assert message == (
        f'"net.onnx" cannot be downloaded: {mirror.host} sent a web page instead of the file, as networks do that '
        f"want a login; {closed_port} refuses the connection; {hub.host} has another file of that name (its SHA-256 "
        "differs)."
    )
    assert watcher.notes == [
        f'"net.onnx": {hub.host} does not have the file; somebody/else on {hub.host} is asked next.',
        f'"net.onnx": {hub.host} has another file of that name (its SHA-256 differs); {closed_port} is asked next.',
        f'"net.onnx": {closed_port} refuses the connection; {mirror.host} is asked next.',
    ]


def test_host_that_is_known_to_be_gone_is_not_tried_for_the_next_weight(
    mirror: Server, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    store = store_of(UrlSource(mirror.on("/net.onnx", mirror.reply(b"", 429))))
    (weight,) = store.catalog.weights
    hosts = reach.Hosts()
    for _ in range(2):
        with pytest.raises(DownloadError, match="too many requests"):
            fetch(weight, store, watcher, hosts)
    assert len(mirror.seen) == 1


def test_too_little_room(
    hub: Hub, body: bytes, disk: Callable[[str], Path], store_of: Callable[..., Store], watcher: Recorder
) -> None:
    folder = disk("size=304k")  # as much as the file has, and nothing beside it
    hub.publish(NET, body)
    message = failure(store_of(NET, folder=folder), watcher, "disk-full")
    assert re.fullmatch(
        rf'there is not enough room in "{folder}" for "net.onnx": 330.0 kB are needed, \d+.\d kB are free.', message
    )
    assert hub.seen == []


def test_disk_that_fills_up(
    hub: Hub,
    body: bytes,
    disk: Callable[[str], Path],
    store_of: Callable[..., Store],
    watcher: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is there is kept, and gone on with when there is room again."""
    folder = disk("size=200k")
    hub.publish(NET, body)
    store = store_of(NET, folder=folder)
    (weight,) = store.catalog.weights
    monkeypatch.setattr(room, "free_bytes", lambda folder: 10**9)
    with pytest.raises(DownloadError) as raised:
        fetch(weight, store, watcher)
    assert raised.value.reason == "disk-full"
    assert raised.value.message == f'no space was left in "{folder}" while "net.onnx" was being downloaded.'
    kept = store.partial(weight).stat().st_size
    assert 0 < kept < len(body)
    disk("size=2m")
    go(store, watcher)
    assert hub.cdn.gets()[-1].headers["range"] == f"bytes={kept}-"


def test_f31_folder_that_cannot_be_written_to(
    mirror: Server, body: bytes, disk: Callable[[str], Path], store_of: Callable[..., Store], watcher: Recorder
) -> None:
    folder = disk("size=2m")
    store = store_of(UrlSource(mirror.on("/net.onnx", mirror.reply(body))), folder=folder)
    disk("ro")
    with pytest.raises(WeightsError, match="read-only") as raised:
        go(store, watcher)
    assert not isinstance(raised.value, DownloadError)
    assert mirror.seen == []
    disk("rw")
    path = go(store, watcher)
    disk("ro")
    assert go(store, watcher) == path


def test_f14_stopped_in_the_middle(hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    watcher.at[100_000] = stop
    hub.publish(NET, body, hub.reply(body, stop_at=100_000, ending="hang"), hub.reply(body))
    store = store_of(NET)
    with pytest.raises(KeyboardInterrupt):
        go(store, watcher)
    assert store.partial(store.catalog.weights[0]).stat().st_size == 100_000
    go(store, watcher)
    assert hub.cdn.gets()[-1].headers["range"] == "bytes=100000-"
