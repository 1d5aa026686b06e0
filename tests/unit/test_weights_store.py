"""The store: what counts as stored, and what becomes of everything else."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.weights import inspection
from facefusion_cli.core.weights.catalog import Catalog
from facefusion_cli.core.weights.command import download_command
from facefusion_cli.core.weights.importing import import_file
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import WeightsDamagedError, WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Weight
    from facefusion_cli.core.weights.watcher import Stage
    from tests.conftest import ToyWeights


class Recorder:
    def __init__(self) -> None:
        self.stages: list[tuple[str, Stage]] = []
        self.notes: list[str] = []

    def stage(self, name: str, stage: Stage) -> None:
        self.stages.append((name, stage))

    def progress(self, name: str, done: int, total: int) -> None: ...

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture
def alpha(toy_catalog: Catalog) -> Weight:
    return toy_catalog.weight("alpha")


@pytest.fixture
def lips(toy_catalog: Catalog) -> Weight:
    return toy_catalog.weight("lips")


@pytest.fixture
def pack(toy_catalog: Catalog) -> Archive:
    return toy_catalog.archives[0]


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the stored files that were read as a whole."""
    names: list[str] = []

    def note(path: Path) -> str:
        names.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(inspection, "sha256_of", note)
    return names


def adopt(store: Store, weight: Weight, content: bytes, watcher: Recorder | None = None) -> Path:
    with store.locked(weight):
        partial = store.partial(weight)
        partial.write_bytes(content)
        return store.adopt(weight, partial, watcher or Recorder())


def files(store: Store) -> set[str]:
    """Everything in the folder but locks."""
    paths = (path for path in store.folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(store.folder).as_posix() for path in paths}


def damage(path: Path) -> None:
    """Change one byte, as a failing disk does: size and time stay."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_nothing_is_there_and_nothing_is_made(toy_store: Store, alpha: Weight) -> None:
    assert toy_store.state(alpha) == toy_store.verify(alpha) == "missing"
    with pytest.raises(WeightsMissingError) as raised:
        toy_store.require(alpha)
    assert raised.value.message == f'the weights "alpha" are not in "{toy_store.folder}".'
    assert raised.value.hint == f"Fetch it with {download_command(toy_store.folder, 'alpha')}."
    assert not toy_store.remove(alpha)
    assert not toy_store.folder.exists()


def test_network_is_moved_to_its_place(toy_store: Store, alpha: Weight, toy_files: ToyWeights) -> None:
    watcher = Recorder()
    path = adopt(toy_store, alpha, toy_files.alpha, watcher)
    assert path == toy_store.require(alpha) == toy_store.path(alpha) == toy_store.folder / "alpha.onnx"
    assert path.read_bytes() == toy_files.alpha
    assert toy_store.state(alpha) == "stored"
    assert toy_store.sha256(alpha) == alpha.sha256
    assert files(toy_store) == {"alpha.onnx", ".facefusion/alpha.json"}
    assert watcher.stages == [("alpha", "verifying"), ("alpha", "stored")]
    assert watcher.notes == []


def test_checkpoint_is_kept_without_pickle_and_optimizer(toy_store: Store, lips: Weight, toy_files: ToyWeights) -> None:
    from safetensors.torch import load_file

    watcher = Recorder()
    path = adopt(toy_store, lips, toy_files.lips, watcher)
    assert path.name == "lips.safetensors"
    assert load_file(path).keys() == {"encoder.weight", "encoder.bias", "norm.num_batches_tracked"}
    assert files(toy_store) == {"lips.safetensors", ".facefusion/lips.json"}
    assert watcher.stages == [("lips", "verifying"), ("lips", "converting"), ("lips", "stored")]
    assert toy_store.sha256(lips) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert toy_store.state(lips) == toy_store.verify(lips) == "stored"


def test_marker_comes_before_the_file(
    toy_store: Store, lips: Weight, toy_files: ToyWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dies in between leaves nothing that would have to be fetched again."""

    def die(file: Path, place: Path) -> None:
        file.replace(place)
        raise KeyboardInterrupt

    monkeypatch.setattr("facefusion_cli.core.weights.store.move_into_place", die)
    with pytest.raises(KeyboardInterrupt):
        adopt(toy_store, lips, toy_files.lips)
    assert toy_store.verify(lips) == "stored"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"short", "it has 5 bytes instead of {bytes}."),
        (None, "its SHA-256 begins with {false} instead of {sha256}."),
    ],
)
def test_f29_what_is_wrong_is_removed(
    toy_store: Store, alpha: Weight, toy_files: ToyWeights, content: bytes | None, why: str
) -> None:
    content = content or bytes(len(toy_files.alpha))
    with pytest.raises(WeightsDamagedError) as raised:
        adopt(toy_store, alpha, content)
    why = why.format(bytes=alpha.bytes, sha256=alpha.sha256[:8], false=hashlib.sha256(content).hexdigest()[:8])
    assert raised.value.message == f'"alpha.onnx" is not what it should be: {why}'
    assert files(toy_store) == set()
    assert toy_store.state(alpha) == "missing"


def test_wrong_file_leaves_the_right_one(toy_store: Store, alpha: Weight, toy_files: ToyWeights) -> None:
    adopt(toy_store, alpha, toy_files.alpha)
    with pytest.raises(WeightsDamagedError):
        adopt(toy_store, alpha, b"wrong")
    assert toy_store.verify(alpha) == "stored"


def test_verified_checkpoint_of_another_layout_is_not_stored(
    toy_store: Store, lips: Weight, toy_files: ToyWeights
) -> None:
    """It is what was published, so that another download would not help, and a newer version of the code may."""
    other = replace(lips, bytes=len(toy_files.alpha), sha256=hashlib.sha256(toy_files.alpha).hexdigest())
    with pytest.raises(WeightsError) as raised:
        adopt(toy_store, other, toy_files.alpha)
    assert not isinstance(raised.value, WeightsDamagedError)
    assert raised.value.message.startswith('"lips.pth" is verified, but cannot be used: "lips.pth" is not a Wav2Lip ')
    assert toy_store.partial(other).read_bytes() == toy_files.alpha
    assert files(toy_store) == {f".facefusion/{toy_store.partial(other).name}"}


def test_too_little_memory_for_converting(
    toy_store: Store, lips: Weight, toy_files: ToyWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 48 bytes. Error code 12")

    for name in ("isfinite", "load"):
        with monkeypatch.context() as patch:
            patch.setattr(torch, name, fail)
            with pytest.raises(WeightsError) as raised:
                adopt(toy_store, lips, toy_files.lips)
        assert not isinstance(raised.value, WeightsDamagedError)
        assert raised.value.message == 'there is not enough memory to convert "lips.pth": about 1 GB is needed.'
        assert toy_store.partial(lips).read_bytes() == toy_files.lips
    with toy_store.locked(lips):
        toy_store.adopt(lips, toy_store.partial(lips))
    assert toy_store.state(lips) == "stored"


def test_what_was_downloaded_is_removed_when_the_weight_comes_another_way(
    toy_store: Store, alpha: Weight, lips: Weight, pack: Archive, toy_files: ToyWeights, tmp_path: Path
) -> None:
    with toy_store.locked(pack), toy_store.locked(lips):
        for file in (alpha, lips, pack):
            toy_store.partial(file).write_bytes(b"so far")
    for name in ("lips", "pack"):
        (tmp_path / name).write_bytes(toy_files[name])
        import_file(toy_store, tmp_path / name)
    assert [name for name in files(toy_store) if ".part" in name] == []
    assert [toy_store.state(weight) for weight in toy_store.catalog.weights] == ["stored"] * 3


def test_later_looks_are_cheap(
    toy_store: Store, alpha: Weight, lips: Weight, toy_files: ToyWeights, hashed: list[str]
) -> None:
    adopt(toy_store, alpha, toy_files.alpha)
    adopt(toy_store, lips, toy_files.lips)
    again = Store(toy_store.folder, toy_store.catalog)
    assert [again.state(alpha), again.state(lips)] == ["stored", "stored"]
    again.require(alpha)
    again.sha256(lips)
    assert hashed == []
    assert again.verify(alpha) == "stored"
    assert hashed == ["alpha.onnx"]


@pytest.mark.parametrize("name", ["alpha", "lips"])
def test_touched_file_is_hashed_once(
    toy_store: Store, toy_catalog: Catalog, toy_files: ToyWeights, hashed: list[str], name: str
) -> None:
    weight = toy_catalog.weight(name)
    path = adopt(toy_store, weight, toy_files[name])
    os.utime(path, ns=(0, 0))
    assert toy_store.state(weight) == toy_store.state(weight) == "stored"
    assert hashed == [path.name]


def test_right_network_put_there_by_hand(
    toy_store: Store, alpha: Weight, toy_files: ToyWeights, hashed: list[str]
) -> None:
    toy_store.folder.mkdir()
    toy_store.path(alpha).write_bytes(toy_files.alpha)
    assert toy_store.state(alpha) == toy_store.state(alpha) == "stored"
    assert hashed == ["alpha.onnx"]
    assert files(toy_store) == {"alpha.onnx", ".facefusion/alpha.json"}


def test_wrong_network_put_there_by_hand(toy_store: Store, alpha: Weight, toy_files: ToyWeights) -> None:
    toy_store.folder.mkdir()
    toy_store.path(alpha).write_bytes(toy_files.beta)
    assert toy_store.state(alpha) == "damaged"
    digest = hashlib.sha256(toy_files.beta).hexdigest()
    with pytest.raises(WeightsDamagedError) as raised:
        toy_store.require(alpha)
    assert raised.value.message == (
        f'"{toy_store.path(alpha)}" is damaged: its SHA-256 begins with {digest[:8]} instead of {alpha.sha256[:8]}.'
    )
    assert files(toy_store) == {"alpha.onnx"}


def test_converted_file_without_a_marker_is_not_trusted(toy_store: Store, lips: Weight, toy_files: ToyWeights) -> None:
    """Nor called damaged: somebody may have copied it without the hidden folder."""
    path = adopt(toy_store, lips, toy_files.lips)
    hidden, away = toy_store.folder / ".facefusion", toy_store.folder / "away"
    hidden.rename(away)
    assert toy_store.state(lips) == toy_store.verify(lips) == "unrecorded"
    with pytest.raises(WeightsDamagedError) as raised:
        toy_store.sha256(lips)
    assert raised.value.message == (
        f'"{path}" cannot be verified: the record of what it was converted from is missing.'
    )
    assert 'copy the hidden folder ".facefusion"' in raised.value.hint
    assert "lips.pth" in raised.value.hint
    away.rename(hidden)
    assert toy_store.state(lips) == "stored"


@pytest.mark.parametrize("died", [True, False])
def test_converted_file_that_is_being_replaced_stays_usable(
    toy_store: Store, lips: Weight, toy_files: ToyWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, died: bool
) -> None:
    """Whoever is killed before or after the move leaves one of two good files."""
    path = adopt(toy_store, lips, toy_files.lips)
    before = path.read_bytes()
    given = tmp_path / "other.pth"
    given.write_bytes(toy_files.lips.replace(struct.pack("<f", 11), struct.pack("<f", 12)))

    def die(file: Path, place: Path) -> None:
        if not died:
            file.replace(place)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("facefusion_cli.core.weights.store.move_into_place", die)
        with pytest.raises(KeyboardInterrupt):
            import_file(toy_store, given, lips)
    expected = "stored" if died else "unverified"
    assert toy_store.state(lips) == toy_store.verify(lips) == expected
    assert (path.read_bytes() == before) == died
    import_file(toy_store, given, lips)
    assert toy_store.state(lips) == "unverified"


def test_file_that_cannot_be_read(toy_store: Store, alpha: Weight, toy_files: ToyWeights, tmp_path: Path) -> None:
    path = toy_store.path(alpha)
    path.parent.mkdir()
    path.symlink_to(path)
    assert toy_store.state(alpha) == toy_store.verify(alpha) == "unreadable"
    with pytest.raises(WeightsError, match=f'^cannot read "{path}": '):
        toy_store.require(alpha)
    problem = toy_store.problem(alpha)
    assert problem is not None
    assert problem.message.startswith(f'cannot read "{path}": ')
    given = tmp_path / "given"
    given.write_bytes(toy_files.alpha)
    with pytest.raises(WeightsError, match="cannot read"):
        import_file(toy_store, given)
    assert path.is_symlink(), "what cannot be read may be whole"


@pytest.mark.parametrize("name", ["alpha", "lips"])
def test_f30_truncated_file(
    toy_store: Store, toy_catalog: Catalog, toy_files: ToyWeights, hashed: list[str], name: str
) -> None:
    weight = toy_catalog.weight(name)
    path = adopt(toy_store, weight, toy_files[name])
    whole = path.stat()
    os.truncate(path, 50)
    os.utime(path, ns=(whole.st_atime_ns, whole.st_mtime_ns))
    with pytest.raises(WeightsDamagedError, match=f"it has 50 bytes instead of {whole.st_size}"):
        toy_store.require(weight)
    assert hashed == []


@pytest.mark.parametrize("name", ["alpha", "lips"])
def test_f29_changed_file(toy_store: Store, toy_catalog: Catalog, toy_files: ToyWeights, name: str) -> None:
    weight = toy_catalog.weight(name)
    path = adopt(toy_store, weight, toy_files[name])
    path.write_bytes(bytes(path.stat().st_size))
    os.utime(path, ns=(0, 0))
    with pytest.raises(WeightsDamagedError, match=r"its SHA-256 begins with [0-9a-f]{8} instead of [0-9a-f]{8}"):
        toy_store.require(weight)


@pytest.mark.parametrize("name", ["alpha", "lips"])
def test_f29_silent_damage_is_found_by_verifying(
    toy_store: Store, toy_catalog: Catalog, toy_files: ToyWeights, name: str
) -> None:
    weight = toy_catalog.weight(name)
    path = adopt(toy_store, weight, toy_files[name])
    damage(path)
    assert toy_store.state(weight) == "stored"
    watcher = Recorder()
    assert toy_store.verify(weight, watcher) == "damaged"
    assert watcher.stages == [(name, "verifying")]
    # And the marker does not vouch for it any longer.
    assert toy_store.state(weight) == "damaged"


@pytest.mark.parametrize("name", ["alpha", "lips"])
def test_damaged_file_is_set_aside_for_a_new_one(
    toy_store: Store, toy_catalog: Catalog, toy_files: ToyWeights, name: str
) -> None:
    weight = toy_catalog.weight(name)
    path = adopt(toy_store, weight, toy_files[name])
    aside = path.with_name(f"{path.name}.damaged")
    for content in (b"first", b"second"):
        path.write_bytes(content)
        watcher = Recorder()
        adopt(toy_store, weight, toy_files[name], watcher)
        assert toy_store.state(weight) == "stored"
        assert aside.read_bytes() == content
        (note,) = watcher.notes
        assert note.startswith(f'"{path}" is damaged: it has {len(content)} bytes instead of ')
        assert note.endswith(f' It is kept as "{aside.name}".')


def test_setting_aside(toy_store: Store, alpha: Weight, toy_files: ToyWeights) -> None:
    path = adopt(toy_store, alpha, toy_files.alpha)
    with toy_store.locked(alpha):
        assert toy_store.set_aside(alpha) is None
        assert toy_store.state(alpha) == "stored"
        path.write_bytes(b"damaged")
        assert toy_store.set_aside(alpha) == path.with_name("alpha.onnx.damaged")
        assert toy_store.set_aside(alpha) is None
    assert files(toy_store) == {"alpha.onnx.damaged"}
    assert toy_store.state(alpha) == "missing"


@pytest.mark.parametrize(
    "marker",
    ["", "{", "[]", "[[]]", "null", "{}", '[{"sha256": 1}]', "[" * 100_000, '[{"published_sha256": "%s"}]', b"\xff"],
)
def test_markers_that_make_no_sense_count_for_nothing(
    toy_store: Store, alpha: Weight, lips: Weight, toy_files: ToyWeights, marker: str | bytes
) -> None:
    adopt(toy_store, alpha, toy_files.alpha)
    adopt(toy_store, lips, toy_files.lips)
    for weight in (alpha, lips):
        content = marker if isinstance(marker, bytes) else marker.replace("%s", weight.sha256).encode()
        (toy_store.folder / ".facefusion" / f"{weight.name}.json").write_bytes(content)
    assert toy_store.state(alpha) == "stored"
    assert toy_store.state(lips) == "unrecorded"


@pytest.mark.parametrize("change", [{"bytes": "88"}, {"mtime_ns": 1.5}, {"unverified": 0}, {"more": 1}])
def test_marker_of_wrong_types(
    toy_store: Store, lips: Weight, toy_files: ToyWeights, change: dict[str, object]
) -> None:
    adopt(toy_store, lips, toy_files.lips)
    marker = toy_store.folder / ".facefusion" / "lips.json"
    (facts,) = json.loads(marker.read_text())
    marker.write_text(json.dumps([facts | change]))
    assert toy_store.state(lips) == "unrecorded"


def test_catalog_that_means_another_file_now(
    toy_store: Store, alpha: Weight, lips: Weight, toy_files: ToyWeights
) -> None:
    adopt(toy_store, alpha, toy_files.alpha)
    adopt(toy_store, lips, toy_files.lips)
    newer = Store(toy_store.folder, Catalog((replace(alpha, sha256="0" * 64), replace(lips, sha256="1" * 64)), ()))
    assert [newer.state(weight) for weight in newer.catalog.weights] == ["damaged", "damaged"]
    with pytest.raises(WeightsDamagedError, match=r"it was made from another lips\.pth than the one that is known now"):
        newer.require(newer.catalog.weight("lips"))


def test_folder_where_the_file_should_be(toy_store: Store, alpha: Weight, toy_files: ToyWeights) -> None:
    toy_store.path(alpha).mkdir(parents=True)
    assert toy_store.state(alpha) == "damaged"
    with pytest.raises(WeightsDamagedError, match="it is not an ordinary file"):
        toy_store.require(alpha)
    adopt(toy_store, alpha, toy_files.alpha)
    assert toy_store.state(alpha) == "stored"
    assert (toy_store.folder / "alpha.onnx.damaged").is_dir()


@pytest.mark.parametrize("taken", ["alpha.onnx.damaged/a", "alpha.onnx.damaged"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_what_was_set_aside_is_not_in_the_way(
    toy_store: Store, alpha: Weight, toy_files: ToyWeights, taken: str, is_folder: bool
) -> None:
    """A folder is neither replaced nor put in the place of a file."""
    path = toy_store.path(alpha)
    aside = path.with_name("alpha.onnx.damaged")
    aside.parent.mkdir()
    if "/" in taken:
        aside.mkdir()
    (path.parent / taken).write_bytes(b"earlier")
    if is_folder:
        path.mkdir()
    else:
        path.write_bytes(b"damaged")
    adopt(toy_store, alpha, toy_files.alpha)
    assert toy_store.state(alpha) == "stored"
    second = path.with_name("alpha.onnx.damaged-2")
    if is_folder:
        assert second.is_dir()
    elif aside.is_dir():
        assert second.read_bytes() == b"damaged"
    else:
        assert aside.read_bytes() == b"damaged"
        assert not second.exists()
    if aside.is_file() and second.exists():
        second.rmdir()
    if aside.is_file():
        assert toy_store.remove(alpha)
        assert files(toy_store) == set()
        return
    with pytest.raises(WeightsError) as raised:
        toy_store.remove(alpha)
    assert raised.value.message == f'"{aside}" is a folder, not a file.'
    assert (path.parent / taken).read_bytes() == b"earlier"


@pytest.mark.parametrize("name", ["alpha.lock", "alpha.json", "{sha256}.part", "alpha--import.staging"])
def test_a_folder_in_place_of_a_file_of_the_store_is_named(
    toy_store: Store, alpha: Weight, toy_files: ToyWeights, tmp_path: Path, name: str
) -> None:
    folder = toy_store.folder / ".facefusion" / name.format(sha256=alpha.sha256)
    folder.mkdir(parents=True)
    given = tmp_path / "given"
    given.write_bytes(toy_files.alpha)
    for work in (lambda: import_file(toy_store, given), lambda: toy_store.remove(alpha)):
        with pytest.raises(WeightsError) as raised:
            work()
        assert raised.value.message == f'"{folder}" is a folder, not a file.'
        assert raised.value.hint == "Move it away, or delete it yourself."
    folder.rmdir()
    assert import_file(toy_store, given) == (alpha,)


def test_file_that_may_not_be_read(
    toy_store: Store, alpha: Weight, toy_files: ToyWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its marker fits; the tests may run as root, who may read everything."""
    path = adopt(toy_store, alpha, toy_files.alpha)
    monkeypatch.setattr(os, "access", lambda place, mode: (place, mode) != (path, os.R_OK))
    assert toy_store.state(alpha) == "unreadable"
    with pytest.raises(WeightsError) as raised:
        toy_store.require(alpha)
    assert raised.value.message == f'cannot read "{path}": there is no permission to read it.'


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_where_the_file_should_be(toy_store: Store, alpha: Weight) -> None:
    toy_store.folder.mkdir()
    os.mkfifo(toy_store.path(alpha))
    assert toy_store.state(alpha) == "damaged"


def test_file_where_the_folder_should_be(toy_store: Store, alpha: Weight) -> None:
    toy_store.folder.write_bytes(b"")
    assert toy_store.state(alpha) == "missing"
    with pytest.raises(WeightsError) as raised, toy_store.locked(alpha):
        pass
    assert raised.value.message.startswith(f'cannot write "{toy_store.folder}": ')
    assert "--models-dir" in raised.value.hint
    assert "FACEFUSION_HOME" in raised.value.hint


def test_removing(toy_store: Store, alpha: Weight, pack: Archive, toy_files: ToyWeights) -> None:
    beta = toy_store.catalog.weight("beta")
    adopt(toy_store, beta, toy_files.beta)
    adopt(toy_store, alpha, toy_files.alpha)
    toy_store.path(alpha).with_name("alpha.onnx.damaged").write_bytes(b"")
    for file in (alpha, pack):
        toy_store.partial(file).write_bytes(b"so far")
        toy_store.partial(file).with_suffix(".part.json").write_bytes(b"{}")
    assert toy_store.remove(alpha)
    assert files(toy_store) == {"beta.onnx", ".facefusion/beta.json"}
    assert toy_store.state(beta) == "stored"
    assert not toy_store.remove(alpha)


def test_left_overs_of_killed_runs_are_swept(toy_store: Store, lips: Weight, alpha: Weight) -> None:
    with toy_store.locked(lips):
        stale = toy_store.staging(lips, "converted")
        stale.write_bytes(b"half")
        other = toy_store.staging(alpha, "import")
        other.write_bytes(b"half")
        marker = toy_store.folder / ".facefusion" / "lips.json.0123abcd"
        marker.write_bytes(b"{")
        toy_store.partial(lips).write_bytes(b"so far")
    with toy_store.locked(lips):
        assert not stale.exists()
        assert not marker.exists()
        assert other.exists()
        assert toy_store.partial(lips).exists()


def adopt_archive(
    store: Store, archive: Archive, content: bytes, wanted: Weight, watcher: Recorder | None = None
) -> None:
    with store.locked(archive):
        partial = store.partial(archive)
        partial.write_bytes(content)
        store.adopt_archive(archive, partial, (wanted,), watcher or Recorder())


def test_archive_gives_what_is_wanted(toy_store: Store, alpha: Weight, pack: Archive, toy_files: ToyWeights) -> None:
    watcher = Recorder()
    adopt_archive(toy_store, pack, toy_files.pack, alpha, watcher)
    assert files(toy_store) == {"alpha.onnx", ".facefusion/alpha.json"}
    assert toy_store.state(alpha) == "stored"
    assert watcher.stages == [
        ("pack", "verifying"),
        ("alpha", "verifying"),
        ("alpha", "stored"),
        ("pack", "stored"),
    ]


def test_removing_leaves_what_is_not_ours(toy_store: Store, alpha: Weight, toy_files: ToyWeights) -> None:
    toy_store.folder.mkdir()
    place = toy_store.path(alpha)
    for name in ("", ".damaged", ".damaged-2", ".damaged-notes.txt", ".damaged-2.bak"):
        place.with_name(place.name + name).write_bytes(b"x")
    assert toy_store.remove(alpha)
    left = {path.name for path in toy_store.folder.iterdir() if path.is_file()}
    assert left == {"alpha.onnx.damaged-notes.txt", "alpha.onnx.damaged-2.bak"}


def test_wrong_archive_is_removed(toy_store: Store, alpha: Weight, pack: Archive, toy_files: ToyWeights) -> None:
    with pytest.raises(WeightsDamagedError, match=r'"pack\.zip" is not what it should be: it has'):
        adopt_archive(toy_store, pack, toy_files.pack[:-1], alpha)
    assert files(toy_store) == set()


def test_archive_without_what_it_should_hold(
    toy_store: Store, alpha: Weight, pack: Archive, toy_files: ToyWeights
) -> None:
    for members, why in (
        ({"none.onnx": "alpha"}, 'it has no "none.onnx"'),
        ({"readme.txt": "alpha"}, 'its "readme.txt" has 10 bytes instead of'),
    ):
        with pytest.raises(
            WeightsError, match=f'"pack.zip" is verified, but .* "pack.zip" is damaged: {why}'
        ) as raised:
            adopt_archive(toy_store, replace(pack, members=members), toy_files.pack, alpha)
        assert not isinstance(raised.value, WeightsDamagedError)
        assert files(toy_store) == {f".facefusion/{toy_store.partial(pack).name}"}


def test_member_with_other_bytes(toy_store: Store, alpha: Weight, pack: Archive, toy_files: ToyWeights) -> None:
    """The archive's hash does not make up for the weight's."""
    with pytest.raises(WeightsError, match=r'"alpha\.onnx" is not what it should be'):
        adopt_archive(toy_store, pack, toy_files.pack, replace(alpha, sha256="0" * 64))
    assert files(toy_store) == {f".facefusion/{toy_store.partial(pack).name}"}
