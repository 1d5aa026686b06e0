"""The store on disks that are full or read-only, and among processes that wait, work and die."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout

from facefusion_cli.core.sizes import in_words
from facefusion_cli.core.weights.catalog import catalog
from facefusion_cli.core.weights.checkpoint import saved_bytes
from facefusion_cli.core.weights.fetch import fetch
from facefusion_cli.core.weights.importing import import_file
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight
    from tests.conftest import ToyWeights
    from tests.integration.conftest import Recorder


@pytest.fixture
def alpha(toy_store: Store) -> Weight:
    return toy_store.catalog.weight("alpha")


@pytest.fixture
def lips(toy_store: Store) -> Weight:
    return toy_store.catalog.weight("lips")


def bring(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(WeightsError) as raised:
        action()
    assert "--models-dir" in raised.value.hint
    assert "FACEFUSION_HOME" in raised.value.hint
    return raised.value.message


def test_f31_read_only_folder_can_be_read(
    disk: Callable[[str], Path], toy_store: Store, alpha: Weight, lips: Weight, toy_files: ToyWeights, tmp_path: Path
) -> None:
    store = Store(disk("size=1m") / "models", toy_store.catalog)
    import_file(store, bring(tmp_path / "lips.pth", toy_files.lips))
    beta = store.catalog.weight("beta")
    bring(store.path(alpha), toy_files.alpha)
    bring(store.path(beta), toy_files.alpha)
    disk("ro")
    assert [store.state(weight) for weight in (alpha, beta, lips)] == ["stored", "damaged", "stored"]
    assert [store.verify(weight) for weight in (alpha, beta, lips)] == ["stored", "damaged", "stored"]
    assert store.require(alpha) == store.path(alpha)
    assert store.sha256(alpha) == alpha.sha256
    assert names(store.folder) == {"alpha.onnx", "beta.onnx", "lips.safetensors", "lips.json"}
    for action in (
        lambda: import_file(store, bring(tmp_path / "beta.onnx", toy_files.beta)),
        lambda: store.remove(alpha),
        lambda: store.set_aside(beta),
    ):
        assert refusal(action).endswith(": the file system is read-only.")
    assert store.state(alpha) == "stored"


def test_f31_folder_that_cannot_be_made(disk: Callable[[str], Path], toy_store: Store, alpha: Weight) -> None:
    disk("size=1m")
    store = Store(disk("ro") / "models", toy_store.catalog)
    assert store.state(alpha) == "missing"
    with pytest.raises(WeightsError) as raised, store.locked(alpha):
        pass
    assert raised.value.message == f'cannot write "{store.folder}": the file system is read-only.'


def test_full_disk(
    disk: Callable[[str], Path], toy_store: Store, alpha: Weight, lips: Weight, toy_files: ToyWeights
) -> None:
    """Neither a converted file nor a member of an archive gets half its bytes, and what was downloaded is kept."""
    store = Store(disk("size=40k") / "models", toy_store.catalog)
    (pack,) = store.catalog.archives
    with store.locked(lips), store.locked(pack):
        downloaded = bring(store.partial(lips), toy_files.lips)
        archive = bring(store.partial(pack), toy_files.pack)
        fill(store.folder / "filler")
        wanted = (alpha,)
        assert refusal(lambda: store.adopt(lips, downloaded)).endswith(": no space is left on the disk.")
        assert refusal(lambda: store.adopt_archive(pack, archive, wanted)).endswith(": no space is left on the disk.")
        assert names(store.folder) == {"filler", downloaded.name, archive.name}
        assert [store.state(lips), store.state(alpha)] == ["missing", "missing"]
        (store.folder / "filler").unlink()
        store.adopt(lips, downloaded)
        store.adopt_archive(pack, archive, wanted)
    assert [store.state(lips), store.state(alpha)] == ["stored", "stored"]


def fill(path: Path) -> None:
    """Until no block is free."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(512)):
            pass


def test_import_says_how_much_room_it_needs(
    disk: Callable[[str], Path], toy_store: Store, lips: Weight, toy_files: ToyWeights, tmp_path: Path
) -> None:
    store = Store(disk("size=40k") / "models", toy_store.catalog)
    with store.locked(lips):
        fill(store.folder / "filler")
    given = bring(tmp_path / "given.pth", toy_files.lips)
    needed = in_words(int(1.1 * (lips.bytes + saved_bytes())))
    assert refusal(lambda: import_file(store, given)) == (
        f'there is not enough room in "{store.folder}" for "given.pth": {needed} are needed, 0 B are free.'
    )
    assert names(store.folder) == {"filler"}


HOLDER = """
import sys
from pathlib import Path
from facefusion_cli.core.weights.catalog import catalog
from facefusion_cli.core.weights.store import Store

store = Store(Path(sys.argv[1]), catalog())
weight = catalog().weight("det_10g")
with store.locked(weight):
    store.staging(weight, "converted").write_bytes(b"half")
    print("locked", flush=True)
    sys.stdin.read(1)
    print("worked", flush=True)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock of a weight of the real catalog, until it is spoken to."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "models")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def wait_for_the_lock(folder: Path, watcher: Recorder, release: Callable[[], object]) -> list[str]:
    """Take the lock that the other process has, which is released only once this one waits; what it left behind."""
    store = Store(folder, catalog())
    weight = catalog().weight("det_10g")
    waiting = threading.Event()
    note = watcher.stage

    def stage(name: str, stage: object) -> None:
        note(name, stage)  # type: ignore[arg-type]
        waiting.set()

    watcher.stage = stage  # type: ignore[method-assign]
    releaser = threading.Thread(target=lambda: waiting.wait(60) and release())
    releaser.start()
    with store.locked(weight, watcher):
        releaser.join()
        return [path.name for path in folder.rglob("*.staging")]


def test_the_others_wait_and_say_so(holder: subprocess.Popen[str], watcher: Recorder, tmp_path: Path) -> None:
    assert holder.stdin is not None
    assert holder.stdout is not None
    stdin = holder.stdin

    def release() -> None:
        stdin.write("x")
        stdin.flush()

    assert wait_for_the_lock(tmp_path / "models", watcher, release) == []
    assert watcher.stages == [("det_10g", "waiting")]
    assert holder.stdout.read() == "worked\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_f42_the_lock_of_a_killed_process_is_free_and_its_half_files_are_swept(
    holder: subprocess.Popen[str], watcher: Recorder, tmp_path: Path
) -> None:
    assert [path.name for path in (tmp_path / "models").rglob("*.staging")] == ["det_10g--converted.staging"]
    assert wait_for_the_lock(tmp_path / "models", watcher, holder.kill) == []
    assert watcher.stages == [("det_10g", "waiting")]


def holders(store: Store, held: set[str]) -> Callable[[str, object], None]:
    """A watcher's ``stage`` that notes what others could not lock while a member of an archive is stored."""

    def try_to_lock() -> None:
        for name in ("pack", "alpha", "beta"):
            try:
                with FileLock(store.folder / ".facefusion" / f"{name}.lock", blocking=False):
                    pass
            except Timeout:
                held.add(name)

    def stage(name: str, stage: object) -> None:
        if (name, stage) == ("alpha", "verifying"):
            other = threading.Thread(target=try_to_lock)
            other.start()
            other.join()

    return stage


@pytest.mark.parametrize("way", ["import", "fetch"])
def test_members_of_an_archive_are_locked_while_they_are_stored(
    toy_store: Store, toy_files: ToyWeights, watcher: Recorder, tmp_path: Path, way: str
) -> None:
    catalog = toy_store.catalog
    store = Store(toy_store.folder, replace(catalog, weights=tuple(replace(w, sources=()) for w in catalog.weights)))
    held: set[str] = set()
    watcher.stage = holders(store, held)  # type: ignore[method-assign, assignment]
    if way == "import":
        import_file(store, bring(tmp_path / "given", toy_files.pack), watcher=watcher)
    else:
        (pack,) = catalog.archives
        with store.locked(pack):
            bring(store.partial(pack), toy_files.pack)
        fetch(store.catalog.weights[0], store, watcher)
    assert store.state(store.catalog.weights[1]) == "stored"
    assert held == {"pack", "alpha", "beta"}


def test_verified_download_that_cannot_be_converted_is_not_fetched_again(
    toy_store: Store, lips: Weight, toy_files: ToyWeights, watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its source is nowhere: asking it would be another error."""
    monkeypatch.setattr("facefusion_cli.core.weights.wav2lip_layout.layout", dict)
    with toy_store.locked(lips):
        part = bring(toy_store.partial(lips), toy_files.lips)
    for _ in range(2):
        with pytest.raises(WeightsError, match="is verified, but cannot be used"):
            fetch(lips, toy_store, watcher)
        assert part.read_bytes() == toy_files.lips
    assert not any(stage == "connecting" for _, stage in watcher.stages)


def test_unreadable_file_is_not_fetched_again(toy_store: Store, alpha: Weight, watcher: Recorder) -> None:
    toy_store.folder.mkdir()
    toy_store.path(alpha).symlink_to(toy_store.path(alpha))
    with pytest.raises(WeightsError, match="cannot read"):
        fetch(alpha, toy_store, watcher)
    assert watcher.stages == []


def test_free_lock_is_taken_without_a_word(toy_store: Store, alpha: Weight, lips: Weight, watcher: Recorder) -> None:
    with toy_store.locked(alpha, watcher), toy_store.locked(lips, watcher):
        pass
    assert watcher.stages == []


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from facefusion_cli.core.weights import store
from facefusion_cli.core.weights.catalog import catalog

folder, given, size, sha256, moment = sys.argv[1:]

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

move = store.move_into_place
if moment == "before the marker":
    store.write_markers = die
elif moment == "before the move":
    store.move_into_place = die
else:
    store.move_into_place = lambda *arguments: die(move(*arguments))

weight = replace(catalog().weight("det_10g"), bytes=int(size), sha256=sha256)
place = store.Store(Path(folder), catalog())
with place.locked(weight):
    place.partial(weight).write_bytes(Path(given).read_bytes())
    place.adopt(weight, place.partial(weight))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("moment", ["before the marker", "before the move", "after the move"])
def test_killed_while_it_stores(alpha: Weight, toy_files: ToyWeights, tmp_path: Path, moment: str) -> None:
    """At any moment there is nothing or a whole file, and the next run needs no new download."""
    given = bring(tmp_path / "given.onnx", toy_files.alpha)
    weight = replace(catalog().weight("det_10g"), bytes=alpha.bytes, sha256=alpha.sha256)
    store = Store(tmp_path / "models", catalog())
    arguments = [str(store.folder), str(given), str(weight.bytes), weight.sha256, moment]
    run = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True)
    assert run.returncode == -9, run.stderr
    if moment == "after the move":
        assert store.state(weight) == "stored"
    else:
        assert store.state(weight) == "missing"
        with store.locked(weight):
            store.adopt(weight, store.partial(weight))
    assert store.verify(weight) == "stored"
