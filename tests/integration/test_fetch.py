"""Fetching weights from servers that do as they should, or so that it can be made up for."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.weights import stream
from facefusion_cli.core.weights.catalog import HubSource, UrlSource
from facefusion_cli.core.weights.fetch import fetch
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Catalog
    from tests.conftest import ToyWeights
    from tests.integration.conftest import Hub, Recorder, Server

pytestmark = pytest.mark.usefixtures("use_hub")

NET = HubSource("somebody/nets", "folder/net file.onnx", revision="0" * 40)


def go(store: Store, watcher: Recorder) -> Path:
    (weight,) = store.catalog.weights
    path = fetch(weight, store, watcher)
    assert path == store.path(weight)
    assert store.state(weight) == "stored"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == weight.sha256
    assert leftovers(store) == []
    return path


def leftovers(store: Store) -> list[str]:
    """Names of files that were downloaded and are not in their place."""
    return sorted(path.name for path in store.folder.rglob("*") if ".part" in path.name or ".staging" in path.name)


def ranges(server: Server) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.gets()]


def test_from_the_hub(hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    hub.publish(NET, body)
    go(store_of(NET), watcher)
    assert [(seen.method, seen.path) for seen in hub.seen] == [("HEAD", hub.path(NET)), ("GET", hub.path(NET))]
    assert len(hub.cdn.gets()) == 1
    stages = ["connecting", "downloading", "verifying", "stored"]
    assert watcher.stages == [("net", stage) for stage in stages]
    assert watcher.counts[0] == 0
    assert watcher.counts[-1] == len(body)
    assert watcher.notes == []


def test_from_a_data_set_on_its_default_branch(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    source = HubSource("somebody/nets", "net.onnx", repo_type="dataset")
    hub.publish(source, body)
    go(store_of(source), watcher)
    assert hub.seen[0].path == "/datasets/somebody/nets/resolve/main/net.onnx"


def test_from_a_web_server(mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body))
    go(store_of(UrlSource(url)), watcher)
    (seen,) = mirror.seen
    assert seen.headers["user-agent"].startswith("facefusion-cli/")
    assert seen.headers["accept-encoding"] == "identity"


def test_without_a_content_length(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    url = mirror.on("/net.onnx", mirror.reply(body, length=-1))
    go(store_of(UrlSource(url)), watcher)


def test_what_is_stored_is_not_asked_for_again(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    store = store_of(UrlSource(mirror.on("/net.onnx", mirror.reply(body))))
    go(store, watcher)
    go(store, watcher)
    assert len(mirror.seen) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("absolute", [True, False])
def test_redirect(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, status: int, absolute: bool
) -> None:
    new = mirror.on("/new/net.onnx", mirror.reply(body))
    location = new if absolute else "new/net.onnx"
    url = mirror.on("/net.onnx", mirror.reply(b"moved", status, {"Location": location}))
    go(store_of(UrlSource(url)), watcher)


def test_repository_that_was_renamed(hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    old = HubSource("somebody/old", "net.onnx")
    hub.publish(NET, body)
    for method in ("HEAD", "GET"):
        moved = hub.reply(b"moved", 307, {"Location": hub.path(NET).replace(" ", "%20")})
        hub.on(hub.path(old), moved, method=method)
    go(store_of(old), watcher)


def test_f34_goes_on_after_the_connection_broke_off(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    hub.publish(NET, body, hub.reply(body, stop_at=100_000), hub.reply(body))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, "bytes=100000-"]
    assert watcher.counts == sorted(watcher.counts)


def test_f35_goes_on_after_a_reset(hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    broken = hub.reply(body, stop_at=100_000, ending="reset", when=watcher.when(100_000))
    hub.publish(NET, body, broken, hub.reply(body))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, "bytes=100000-"]


def test_goes_on_after_a_stall(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALL_SECONDS", 0.5)
    hub.publish(NET, body, hub.reply(body, stop_at=100_000, ending="hang"), hub.reply(body))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, "bytes=100000-"]


def test_goes_on_as_long_as_bytes_arrive(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PROGRESS", 10_000)
    stops = range(50_000, 300_000, 50_000)
    hub.publish(NET, body, *(hub.reply(body, stop_at=stop) for stop in stops), hub.reply(body))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, *(f"bytes={stop}-" for stop in stops)]


def interrupted(store: Store, watcher: Recorder) -> None:
    """A first run that gets a third of the file."""
    (weight,) = store.catalog.weights
    with pytest.raises(DownloadError) as raised:
        fetch(weight, store, watcher)
    assert raised.value.reason == "interrupted"
    assert store.partial(weight).stat().st_size == 100_000


def test_goes_on_in_the_next_run(hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder) -> None:
    path = hub.publish(NET, body, hub.reply(body, stop_at=100_000))
    interrupted(store_of(NET), watcher)
    hub.cdn.on(path, hub.reply(body))
    del hub.cdn.seen[:]
    watcher.counts.clear()
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == ["bytes=100000-"]
    assert watcher.counts[0] == 100_000


def test_goes_on_with_what_another_repository_of_the_hub_began(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    other = HubSource("somebody/else", "net.onnx")
    path = hub.publish(other, body, hub.reply(body, stop_at=100_000))
    interrupted(store_of(other), watcher)
    hub.publish(NET, body)
    del hub.cdn.seen[:]
    go(store_of(NET), watcher)
    assert [(seen.path, seen.headers["range"]) for seen in hub.cdn.gets()] == [(path, "bytes=100000-")]


def test_goes_on_with_what_another_server_began(
    mirror: Server, start_server: Callable[[], Server], body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    other = start_server()
    store = store_of(
        UrlSource(mirror.on("/net.onnx", mirror.reply(body, stop_at=100_000))),
        UrlSource(other.on("/net.onnx", mirror.reply(body))),
    )
    go(store, watcher)
    assert ranges(other) == ["bytes=100000-"]
    assert watcher.counts == sorted(watcher.counts)


@pytest.mark.parametrize("honoured", [True, False])
def test_a_server_that_breaks_off_earlier_takes_nothing_away(
    hub: Hub, mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, honoured: bool
) -> None:
    """Whether it sends the rest alone or begins at the start."""
    store = store_of(NET, UrlSource(f"{mirror.url}/net.onnx"))
    left_behind(store, body[:250_000])
    hub.refuse(NET, 429)
    stop = 251_000 if honoured else 1000
    mirror.on("/net.onnx", mirror.reply(body, stop_at=stop, ranges=honoured), mirror.reply(b"", 404))
    (weight,) = store.catalog.weights
    with pytest.raises(DownloadError):
        fetch(weight, store, watcher)
    assert store.partial(weight).read_bytes() == body[: max(stop, 250_000)]
    hub.publish(NET, body)
    go(store, watcher)


def test_f37_starts_over_where_the_pieces_do_not_fit(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    """The file was replaced on the server by one of the same size, in the middle of the first attempt."""
    url = mirror.on("/net.onnx", mirror.reply(body[::-1], stop_at=100_000), mirror.reply(body))
    go(store_of(UrlSource(url)), watcher)
    assert ranges(mirror) == [None, "bytes=100000-", None]


def test_a_wrong_file_in_pieces_is_given_up(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    wrong = [mirror.reply(body[::-1], stop_at=100_000), mirror.reply(body[::-1])]
    store = store_of(UrlSource(mirror.on("/net.onnx", *wrong, *wrong, *wrong)))
    (weight,) = store.catalog.weights
    with pytest.raises(DownloadError, match="sent something else than the file"):
        fetch(weight, store, watcher)
    assert ranges(mirror) == [None, "bytes=100000-", None, "bytes=100000-"]


def test_a_larger_file_without_a_length_takes_nothing_away(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    store = store_of(UrlSource(mirror.on("/net.onnx", mirror.reply(body + b"more", length=-1, ranges=False))))
    left_behind(store, body[:100_000])
    (weight,) = store.catalog.weights
    with pytest.raises(DownloadError, match="sends more than"):
        fetch(weight, store, watcher)
    assert store.partial(weight).read_bytes() == body[:100_000]


def test_f36_skips_what_is_there_where_ranges_are_ignored(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    hub.publish(NET, body, hub.reply(body, stop_at=100_000), hub.reply(body, ranges=False))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, "bytes=100000-"]
    assert watcher.counts[-1] == len(body)


def test_starts_over_where_a_range_cannot_be_had(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    refusal = hub.reply(b"", 416, {"Content-Range": "bytes */5"})
    hub.publish(NET, body, hub.reply(body, stop_at=100_000), refusal, hub.reply(body))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, "bytes=100000-", None]


def test_starts_over_where_another_range_is_sent(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    other = hub.reply(body[5:], 206, {"Content-Range": f"bytes 5-{len(body) - 1}/{len(body)}"})
    hub.publish(NET, body, hub.reply(body, stop_at=100_000), other, hub.reply(body))
    go(store_of(NET), watcher)
    assert ranges(hub.cdn) == [None, "bytes=100000-", None]


def left_behind(store: Store, content: bytes) -> None:
    """What an earlier run may have left."""
    (weight,) = store.catalog.weights
    part = store.partial(weight)
    part.parent.mkdir(parents=True)
    part.write_bytes(content)


def test_whole_download_is_only_verified(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    store = store_of(NET)
    left_behind(store, body)
    go(store, watcher)
    assert hub.seen == []


@pytest.mark.parametrize("extra", [0, 7])
def test_download_that_came_out_wrong_is_deleted(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder, extra: int
) -> None:
    store = store_of(NET)
    left_behind(store, body[::-1] + bytes(extra))
    hub.publish(NET, body)
    go(store, watcher)
    assert ranges(hub.cdn) == [None]


def test_rest_that_does_not_fit_is_fetched_once_more_from_the_start(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    """As after a power cut: the size was written, the content was not."""
    store = store_of(NET)
    left_behind(store, bytes(100_000))
    hub.publish(NET, body)
    go(store, watcher)
    assert ranges(hub.cdn) == ["bytes=100000-", None]


@pytest.mark.parametrize("cut", [False, True])
def test_damaged_file_is_set_aside_and_fetched_again(
    mirror: Server, body: bytes, store_of: Callable[..., Store], watcher: Recorder, cut: bool
) -> None:
    store = store_of(UrlSource(mirror.on("/net.onnx", mirror.reply(body))))
    path = go(store, watcher)
    path.write_bytes(body[:1000] if cut else body[::-1])
    go(store, watcher)
    assert len(mirror.seen) == 2
    (aside,) = (found for found in store.folder.iterdir() if found.name not in {path.name, ".facefusion"})
    (note,) = watcher.notes
    assert note.startswith(f'"{path}" is damaged: ')
    assert note.endswith(f'It is kept as "{aside.name}".')


def test_hub_that_is_a_plain_server(
    mirror: Server, use_hub: Callable[[str], None], body: bytes, store_of: Callable[..., Store], watcher: Recorder
) -> None:
    use_hub(mirror.url)
    for method in ("HEAD", "GET"):
        mirror.on("/somebody/nets/resolve/main/net.onnx", mirror.reply(body), method=method)
    go(store_of(HubSource("somebody/nets", "net.onnx")), watcher)


def cached(folder: Path, body: bytes) -> None:
    """A file as the hub's client keeps it."""
    snapshot = folder / "models--somebody--nets" / "snapshots" / ("0" * 40) / "folder"
    snapshot.mkdir(parents=True)
    (snapshot / "net file.onnx").write_bytes(body)


def test_copy_in_the_hub_cache_is_taken(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder, tmp_path: Path
) -> None:
    cached(tmp_path / "hf_cache", body)
    store = store_of(UrlSource("http://nowhere.invalid/net.onnx"), NET)
    left_behind(store, bytes(100_000))
    go(store, watcher)
    assert hub.seen == []
    assert ("net", "copying") in watcher.stages


def test_wrong_copy_in_the_hub_cache_is_not(
    hub: Hub, body: bytes, store_of: Callable[..., Store], watcher: Recorder, tmp_path: Path
) -> None:
    cached(tmp_path / "hf_cache", body[::-1])
    hub.publish(NET, body)
    go(store_of(NET), watcher)
    assert len(hub.cdn.gets()) == 1
    assert watcher.notes == []


def test_archive_after_all_sources_of_its_own(
    mirror: Server, toy_files: ToyWeights, toy_catalog: Catalog, tmp_path: Path, watcher: Recorder
) -> None:
    """What else is missing of its content is taken out with it."""
    alpha, beta, lips = toy_catalog.weights
    (pack,) = toy_catalog.archives
    alpha = replace(alpha, sources=(UrlSource(f"{mirror.url}/gone"),))
    pack = replace(pack, sources=(UrlSource(mirror.on("/pack.zip", mirror.reply(toy_files.pack))),))
    store = Store(tmp_path / "models", replace(toy_catalog, weights=(alpha, beta, lips), archives=(pack,)))
    fetch(alpha, store, watcher)
    assert [store.state(weight) for weight in (alpha, beta, lips)] == ["stored", "stored", "missing"]
    assert [seen.path for seen in mirror.seen] == ["/gone", "/pack.zip"]
    assert leftovers(store) == []
    fetch(beta, store, watcher)
    assert len(mirror.seen) == 2


def test_checkpoint_is_converted(
    mirror: Server, toy_files: ToyWeights, toy_catalog: Catalog, tmp_path: Path, watcher: Recorder
) -> None:
    lips = replace(
        toy_catalog.weight("lips"), sources=(UrlSource(mirror.on("/lips.pth", mirror.reply(toy_files.lips))),)
    )
    store = Store(tmp_path / "models", replace(toy_catalog, weights=(lips,)))
    assert fetch(lips, store, watcher).name == "lips.safetensors"
    assert store.state(lips) == "stored"
    assert ("lips", "converting") in watcher.stages
    assert leftovers(store) == []
