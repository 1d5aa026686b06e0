"""Files brought by hand: recognised by their content, or refused in words that help."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from facefusion_cli.core.weights.catalog import Catalog, Lookalike
from facefusion_cli.core.weights.importing import import_file
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DownloadError, InputError, WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ToyWeights


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """What the user brings."""
    return tmp_path / "given" / "download(1)"


def bring(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def visible(store: Store) -> set[str]:
    paths = [*store.folder.rglob("*")] if store.folder.exists() else []
    return {path.name for path in paths if path.is_file() and path.suffix not in {".lock", ".json"}}


@pytest.mark.parametrize(("name", "stored"), [("alpha", "alpha.onnx"), ("lips", "lips.safetensors")])
def test_known_file_under_any_name(
    toy_store: Store, toy_files: ToyWeights, given: Path, name: str, stored: str
) -> None:
    weight = toy_store.catalog.weight(name)
    bring(given, toy_files[name])
    before = given.stat()
    assert import_file(toy_store, given) == (weight,)
    assert toy_store.state(weight) == "stored"
    assert visible(toy_store) == {stored}
    assert given.read_bytes() == toy_files[name]
    assert (given.stat().st_ino, given.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert toy_store.path(weight).stat().st_ino != before.st_ino


def test_archive_gives_all_it_holds(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    bring(given, toy_files.pack)
    assert [weight.name for weight in import_file(toy_store, given)] == ["alpha", "beta"]
    assert visible(toy_store) == {"alpha.onnx", "beta.onnx"}
    assert toy_store.verify(toy_store.catalog.weight("beta")) == "stored"
    assert given.read_bytes() == toy_files.pack


def test_what_is_stored_stays(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    weight = toy_store.catalog.weight("alpha")
    import_file(toy_store, bring(given, toy_files.alpha))
    first = toy_store.path(weight).stat().st_ino
    import_file(toy_store, given)
    import_file(toy_store, bring(given, toy_files.pack))
    assert toy_store.path(weight).stat().st_ino == first


def test_damaged_one_is_replaced(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    weight = toy_store.catalog.weight("alpha")
    import_file(toy_store, bring(given, toy_files.alpha))
    toy_store.path(weight).write_bytes(b"")
    import_file(toy_store, given)
    assert toy_store.state(weight) == "stored"
    assert visible(toy_store) == {"alpha.onnx", "alpha.onnx.damaged"}


def test_file_of_the_store_itself(toy_store: Store, toy_files: ToyWeights) -> None:
    weight = toy_store.catalog.weight("lips")
    path = bring(toy_store.folder / "lips.pth", toy_files.lips)
    import_file(toy_store, path)
    assert toy_store.state(weight) == "stored"
    assert path.read_bytes() == toy_files.lips


def refusal(store: Store, path: Path, unverified: str | None = None) -> tuple[str, str]:
    weight = None if unverified is None else store.catalog.weight(unverified)
    before = visible(store)
    with pytest.raises(WeightsDamagedError) as raised:
        import_file(store, path, weight)
    assert visible(store) == before
    start = f'"{path}" is '
    assert raised.value.message.startswith(start)
    return raised.value.message.removeprefix(start), raised.value.hint


class Case(NamedTuple):
    file: str
    content: bytes
    why: str
    hint: str


ONNX_LIKE = b"\x08\t:N rest of a network"
LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
TRUSTED = "If you trust it and know for what it is"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return buffer.getvalue()


CASES = {
    "empty": Case("alpha.onnx", b"", "empty.", "Download it again."),
    "web page": Case("lips.pth", b"<!DOCTYPE html><p>Sign in", "a web page, not weights.", "/resolve/"),
    "portal": Case("x", b"\xef\xbb\xbf\r\n<HTML>", "a web page, not weights.", "/resolve/"),
    "TorchScript": Case(
        "lips.pth",
        zipped("lips/data.pkl", "lips/code/x.py", "lips/constants.pkl"),
        "a TorchScript archive, a program with its weights, which is not loaded here.",
        "wav2lip_gan.pth",
    ),
    "ONNX": Case(
        "x", ONNX_LIKE, "an ONNX network, but none of", f'{TRUSTED}, add "--unverified NAME" with one of: alpha'
    ),
    "old checkpoint": Case("x", LEGACY, "a checkpoint of torch, but none of", "--unverified NAME"),
    "new checkpoint": Case("x", zipped("a/data.pkl"), "a checkpoint of torch, but none of", "--unverified NAME"),
    "safetensors": Case("x", b"\x02" + bytes(7) + b"{}", "a safetensors file, but none of", "--unverified NAME"),
    "zip": Case("x", zipped("a.txt"), "a zip file, but none of", "--list"),
    "text": Case(
        "x", b"hello", "a file, but none of the weights known here (its SHA-256 begins with 2cf24dba).", "--list"
    ),
    "cut": Case("Alpha.ONNX", ONNX_LIKE, "cut short or another file: it has", '"--unverified alpha"'),
    "longer": Case("alpha.onnx", ONNX_LIKE * 9, "not the alpha.onnx that is known", '"--unverified alpha"'),
    "other kind": Case(
        "alpha.onnx", LEGACY, "cut short or another file: it has 15 bytes instead of", "with one of: lips"
    ),
    "cut archive": Case("pack.zip", b"PK\x03\x04", "cut short or another file: it has 4 bytes instead of", "--list"),
}


@pytest.mark.parametrize("case", CASES)
def test_unknown_files_are_refused_by_name(toy_store: Store, tmp_path: Path, case: str) -> None:
    file, content, why, hint = CASES[case]
    message, advice = refusal(toy_store, bring(tmp_path / "given" / file, content))
    assert message.startswith(why)
    assert hint in advice
    assert not toy_store.folder.exists()


def test_same_name_same_size(toy_store: Store, toy_files: ToyWeights, tmp_path: Path) -> None:
    weight = toy_store.catalog.weight("alpha")
    assert len(toy_files.alpha) == len(toy_files.beta)
    other = toy_files.beta[:-1] + b"\x00"
    message, _ = refusal(toy_store, bring(tmp_path / "given" / "alpha.onnx", other))
    digest = hashlib.sha256(other).hexdigest()
    assert message == (
        f"not the alpha.onnx that is known here: its SHA-256 begins with {digest[:8]} instead of {weight.sha256[:8]}."
    )


def test_known_lookalike(toy_catalog: Catalog, tmp_path: Path) -> None:
    digest = hashlib.sha256(ONNX_LIKE).hexdigest()
    lookalikes = (Lookalike(digest, of="alpha", title="somebody's re-export of alpha"),)
    store = Store(tmp_path / "models", replace(toy_catalog, lookalikes=lookalikes))
    message, hint = refusal(store, bring(tmp_path / "given" / "alpha.onnx", ONNX_LIKE))
    assert message == "somebody's re-export of alpha, not the alpha that is known here."
    assert hint == 'Fetch that with "facefusion download-models alpha".'


def test_unverified_network(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    alpha, beta = (toy_store.catalog.weight(name) for name in ("alpha", "beta"))
    other = toy_files.alpha.replace(b"toy", b"hey")
    bring(given, other)
    assert import_file(toy_store, given, alpha) == (alpha,)
    assert toy_store.state(alpha) == toy_store.verify(alpha) == "unverified"
    assert toy_store.require(alpha).read_bytes() == other
    assert toy_store.sha256(alpha) == hashlib.sha256(other).hexdigest()
    assert toy_store.state(beta) == "missing"
    # It is watched over as any other file.
    toy_store.path(alpha).write_bytes(bytes(len(other)))
    os.utime(toy_store.path(alpha), ns=(0, 0))
    assert toy_store.state(alpha) == "damaged"
    # And gives way to the real one.
    import_file(toy_store, given, alpha)
    import_file(toy_store, bring(given, toy_files.alpha))
    assert toy_store.state(alpha) == "stored"


def test_unverified_checkpoint(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    lips = toy_store.catalog.weight("lips")
    other = toy_files.lips.replace(b"global_step", b"another_one")
    assert other != toy_files.lips
    assert import_file(toy_store, bring(given, other), lips) == (lips,)
    assert toy_store.state(lips) == "unverified"
    stored = toy_store.path(lips).read_bytes()
    os.utime(toy_store.path(lips), ns=(0, 0))
    assert toy_store.state(lips) == "unverified"
    # What was converted elsewhere can be brought as well, though not unasked.
    copied = bring(given.parent / "Lips.safetensors", stored)
    with pytest.raises(WeightsDamagedError) as raised:
        import_file(toy_store, copied)
    assert raised.value.message.startswith(f'"{copied}" cannot be verified: ')
    assert raised.value.hint == 'Import lips.pth itself, or, if you trust this file, add "--unverified lips".'
    toy_store.remove(lips)
    import_file(toy_store, bring(given, stored), lips)
    assert toy_store.path(lips).read_bytes() == stored


def test_unverified_file_replaces_a_stored_one(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    alpha = toy_store.catalog.weight("alpha")
    import_file(toy_store, bring(given, toy_files.alpha))
    import_file(toy_store, bring(given, toy_files.alpha.replace(b"toy", b"hey")), alpha)
    assert toy_store.state(alpha) == "unverified"


def test_unverified_is_not_unchecked(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    assert refusal(toy_store, bring(given, b"<html>"), "lips")[0] == "a web page, not weights."
    assert refusal(toy_store, bring(given, b"<html>"), "alpha")[0] == "not an ONNX network, or it is damaged."
    assert refusal(toy_store, bring(given, ONNX_LIKE), "lips")[0].startswith("not a Wav2Lip checkpoint")


def test_unverified_network_of_another_form(toy_catalog: Catalog, toy_files: ToyWeights, given: Path) -> None:
    """Only a file whose hash is not known is compared with what the weight is said to take and give."""
    alpha, *others = toy_catalog.weights
    alpha = replace(alpha, inputs=((1, 3, 0, 0),), outputs=9)
    store = Store(given.parent.parent / "models", replace(toy_catalog, weights=(alpha, *others)))
    other = toy_files.alpha.replace(b"toy", b"hey")
    message, _ = refusal(store, bring(given, other), "alpha")
    assert message == "not used: it has 1 input (2) and 1 output, where 1 input (1x3x?x?) and 9 outputs are needed."
    assert import_file(store, bring(given, toy_files.alpha), alpha) == (alpha,)
    assert store.state(alpha) == "stored"


def test_unverified_network_with_its_weights_elsewhere(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    import onnx

    model = onnx.load_from_string(toy_files.alpha)
    number = model.graph.initializer[0]
    number.ClearField("float_data")
    number.data_location = onnx.TensorProto.EXTERNAL
    number.external_data.add(key="location", value="../secret")
    assert refusal(toy_store, bring(given, model.SerializeToString()), "alpha")[0] == (
        "not used: parts of it are in other files."
    )


def test_known_file_for_another_weight(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    message, hint = refusal(toy_store, bring(given, toy_files.alpha), "beta")
    assert message == "alpha, not beta."
    assert hint == "Leave --unverified away."
    assert refusal(toy_store, bring(given, toy_files.pack), "alpha")[0] == "pack, not alpha."


def test_known_file_is_verified_all_the_same(toy_store: Store, toy_files: ToyWeights, given: Path) -> None:
    alpha = toy_store.catalog.weight("alpha")
    import_file(toy_store, bring(given, toy_files.alpha), alpha)
    assert toy_store.state(alpha) == "stored"


def test_things_that_are_no_files(toy_store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'none\.onnx" does not exist\.'):
        import_file(toy_store, tmp_path / "none.onnx")
    with pytest.raises(InputError, match="is a folder"):
        import_file(toy_store, tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        import_file(toy_store, tmp_path / ("x" * 300))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="is not an ordinary file"):
            import_file(toy_store, tmp_path / "pipe")
    assert not toy_store.folder.exists()


def test_no_room(toy_store: Store, toy_files: ToyWeights, given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int = 80

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage())
    for name, needed in (("alpha", "96 B"), ("pack", "193 B")):
        with pytest.raises(DownloadError) as raised:
            import_file(toy_store, bring(given, toy_files[name]))
        assert raised.value.message == (
            f'there is not enough room in "{toy_store.folder}" for "download(1)": {needed} are needed, 80 B are free.'
        )
        assert raised.value.code == "download-disk-full"
        assert "--models-dir" in raised.value.hint
    assert visible(toy_store) == set()
