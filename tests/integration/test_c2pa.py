"""Signed manifests: made with a key that is made once, checked without a network."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from facefusion_cli import swap_faces, sync_lips
from facefusion_cli.cli import main
from facefusion_cli.core.media.atomic import AtomicFile
from facefusion_cli.core.media.encode import write_picture
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.marking import certificates, finish, identity, inspection, signing
from facefusion_cli.core.media.marking.carried import carried
from facefusion_cli.core.media.marking.finish import sign
from facefusion_cli.core.media.marking.inspection import inspect_file
from facefusion_cli.core.media.marking.mark import SCHEME, Mark
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(find_spec("c2pa") is None, reason="the extra c2pa is not installed")

NETWORK = Mark("inswapper", "inswapper_128")
PICTURES = ["jpg", "png", "webp", "tif", "avif"]
VIDEOS = ["mp4", "mov", "avi"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key is made."""
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def signed(path: Path, target: Path | None = None, *, keep: bool = False) -> tuple[str, ...]:
    """A small picture, written and signed as a swap does it; the notes."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    if target is None:
        Image.fromarray(pixels).save(path.with_name("target.png"))
        target = path.with_name("target.png")
    with AtomicFile(path) as file:
        write_picture(read_picture(target), file.temporary, mark=NETWORK, keep_metadata=keep)
        notes = sign(file, target, NETWORK.said(), wanted=True)
        file.commit()
    assert not [other for other in path.parent.iterdir() if other.name.startswith(".")]
    return notes


def manifests(path: Path) -> dict[str, Any]:
    """The whole store, as others read it."""
    import c2pa

    with c2pa.Context.from_dict(signing.context_settings()) as context, c2pa.Reader(path, context=context) as reader:
        store: dict[str, Any] = json.loads(reader.json())
    return store


def active(path: Path) -> dict[str, Any]:
    store = manifests(path)
    found: dict[str, Any] = store["manifests"][store["active_manifest"]]
    return found


@pytest.mark.parametrize("suffix", PICTURES)
def test_p03_p05_pictures_are_signed_and_trusted_here(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"o.{suffix}"
    unsigned = tmp_path / f"u.{suffix}"
    assert signed(path) == ()
    write_picture(read_picture(tmp_path / "target.png"), unsigned, mark=NETWORK)
    found = inspect_file(path)
    assert (found.state, found.marked, found.in_metadata, found.reason) == ("trusted", True, True, "")
    assert (found.said.engine, found.said.model, found.said.term) == (
        "inswapper",
        "inswapper_128",
        "compositeWithTrainedAlgorithmicMedia",
    )
    assert found.said.date[:2] == "20"
    assert carried(path).xmp == carried(unsigned).xmp
    assert np.array_equal(read_picture(path).pixels, read_picture(unsigned).pixels)
    assert path.stat().st_size - unsigned.stat().st_size < 4096


def test_p03_elsewhere_it_is_valid_but_nobody_vouches_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed(tmp_path / "o.jpg")
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "another"))
    assert inspect_file(tmp_path / "o.jpg").state == "valid"
    assert not (tmp_path / "another").exists()  # to look needs no key
    assert main(["inspect", str(tmp_path / "o.jpg")]) == 0


def test_what_the_manifest_says(tmp_path: Path) -> None:
    target = tmp_path / "a secret name.png"
    Image.new("RGB", (64, 64)).save(target)
    signed(tmp_path / "o.jpg", target)
    manifest = active(tmp_path / "o.jpg")
    (actions,) = [one["data"]["actions"] for one in manifest["assertions"] if one["label"].startswith("c2pa.actions")]
    assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == SCHEME + "compositeWithTrainedAlgorithmicMedia"
    assert actions[1]["softwareAgent"]["name"] == "facefusion-cli"
    assert [(one["relationship"], "thumbnail" in one) for one in manifest["ingredients"]] == [("parentOf", False)]
    assert "thumbnail" not in manifest
    assert "secret" not in json.dumps(manifests(tmp_path / "o.jpg"))
    assert b"secret" not in (tmp_path / "o.jpg").read_bytes()


@pytest.mark.parametrize("suffix", PICTURES)
def test_p04_one_byte_is_enough(tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"o.{suffix}"
    signed(path)
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.load()
    pixels_end = {"tif": 200, "png": data.rindex(b"IEND") - 30 if suffix == "png" else 0}.get(suffix, len(data) - 20)
    data[pixels_end] ^= 1
    path.write_bytes(data)
    found = inspect_file(path)
    assert (found.state, found.intact, found.marked) == ("tampered", False, True)
    assert found.reason.endswith(".mismatch")
    assert main(["inspect", str(path)]) == 1
    assert "tampered with" in capsys.readouterr().out


def test_p04_changes_of_the_manifest_are_seen_too(tmp_path: Path) -> None:
    path = tmp_path / "o.jpg"
    signed(path)
    data = path.read_bytes()
    assert data.count(b"compositeWithTrained") == 2  # XMP comes first
    forged = data.replace(b"inswapper_128", b"nothing_at_al").replace(b"compositeWithTrained", b"compositeFromNothing")
    path.write_bytes(forged)
    assert inspect_file(path).state == "tampered"
    middle = data.index(b"c2pa.edited")
    for place in range(middle - 100, middle + 200, 23):
        broken = bytearray(data)
        broken[place] ^= 0x41
        path.write_bytes(broken)
        assert inspect_file(path).state in ("tampered", "invalid"), place


def test_a_manifest_is_no_frame(
    hopper: Path, astronaut: Path, clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the first of these names there would be five in the AVI file."""
    names = ["3f1f8a6e-64a5-4a2a-81ad-e8bca0000fcf", "3f1f8a6e-64a5-4a2a-81ad-e8bcabcd0fcf"]
    numbers = iter(names)
    monkeypatch.setattr(signing, "uuid4", lambda: next(numbers))
    talk = clip([read_picture(astronaut).bgr[::2, ::2]] * 4, fps="10")
    path = tmp_path / "o.avi"
    swap_faces(hopper, talk, path, engine="mesh")
    assert probe(path).frames == 4
    assert manifests(path)["active_manifest"] == f"urn:c2pa:{names[1]}"


@pytest.mark.parametrize("suffix", VIDEOS)
def test_p03_videos_are_signed(
    hopper: Path, astronaut: Path, clip: Callable[..., Path], tmp_path: Path, suffix: str
) -> None:
    talk = clip([read_picture(astronaut).bgr[::2, ::2]] * 4, fps="10")
    path = tmp_path / f"o.{suffix}"
    result = swap_faces(hopper, talk, path, engine="mesh")
    assert not any("signed" in note for note in result.notes)
    found = inspect_file(path)
    assert (found.state, found.in_metadata, found.said.term) == ("trusted", True, "composite")
    assert probe(path).frames == 4
    data = bytearray(path.read_bytes())
    data[data.index(b"mdat" if suffix != "avi" else b"movi") + 1000] ^= 1
    path.write_bytes(data)
    assert inspect_file(path).state == "tampered"


SIGNER = """
import json, sys
from pathlib import Path
from facefusion_cli.core.media.atomic import AtomicFile
from facefusion_cli.core.media.marking.finish import sign
from facefusion_cli.core.media.marking.inspection import inspect_file
from facefusion_cli.core.media.marking.mark import Mark
from facefusion_cli.core.memory import peak_memory
plain, path = map(Path, sys.argv[1:])
with AtomicFile(path) as file:
    file.temporary.write_bytes(b"")
    plain.rename(file.temporary)
    before = peak_memory()
    notes = sign(file, None, Mark("inswapper", "inswapper_128").said(), wanted=True)
    file.commit()
found = inspect_file(path)
print(json.dumps([peak_memory() - before, notes, found.state]))
"""


@pytest.fixture
def large(ffmpeg: str, tmp_path: Path) -> Callable[..., Path]:
    """Makes a video of 98 MB, or of ``frames`` frames of 0.6 MB, that is not signed."""

    def make(suffix: str, frames: int = 160, *options: str) -> Path:
        path = tmp_path / f"plain.{suffix}"
        source = f"testsrc=size=640x480:rate=25:duration={frames / 25}"
        arguments = ["-f", "lavfi", "-i", source, "-c:v", "rawvideo", "-pix_fmt", "uyvy422", *options, str(path)]
        subprocess.run([ffmpeg, "-loglevel", "error", "-y", *arguments], check=True)
        return path

    return make


def signed_elsewhere(plain: Path, path: Path, **environment: str) -> tuple[int, list[str], str]:
    """Bytes of memory that another process takes to sign ``plain`` and to look at it, its notes, what it sees."""
    command = [sys.executable, "-c", SIGNER, str(plain), str(path)]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert run.returncode == 0, run.stderr
    taken, notes, state = json.loads(run.stdout)
    return taken, notes, state


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
def test_p03_large_videos_are_signed_in_little_memory(large: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "o.mov"
    taken, notes, state = signed_elsewhere(large("mov"), path)
    assert (notes, state) == ([], "trusted")
    assert taken < path.stat().st_size / 2
    assert probe(path).frames == 160
    for place in (2**20, 50 * 2**20, 90 * 2**20):  # in pictures, each of which lies in another piece
        with path.open("r+b") as file:
            file.seek(place)
            byte = file.read(1)
            file.seek(place)
            file.write(bytes([byte[0] ^ 1]))
            file.flush()
            assert inspect_file(path).state == "tampered"
            file.seek(place)
            file.write(byte)
    assert inspect_file(path).state == "trusted"


def test_p03_large_videos_are_signed_without_room_for_another_copy(
    large: Callable[..., Path], disk: Callable[[str], Path], tmp_path: Path
) -> None:
    _, notes, state = signed_elsewhere(large("mov"), tmp_path / "o.mov", TMPDIR=str(disk("size=8m")))
    assert (notes, state) == ([], "trusted")
    # One that has room for one more, where the result goes.
    folder = disk("size=230m")
    plain = Path(shutil.copy(large("mov"), folder / "plain.mov"))
    _, notes, state = signed_elsewhere(plain, folder / "o.mov", TMPDIR=str(folder))
    assert (notes, state) == ([], "trusted")


def test_p03_large_videos_are_signed_without_a_folder_for_temporary_files(
    large: Callable[..., Path], tmp_path: Path
) -> None:
    _, notes, state = signed_elsewhere(large("mov", 40), tmp_path / "o.mov", TMPDIR=str(tmp_path / "none"))
    assert (notes, state) == ([], "trusted")


def test_p07_videos_too_large_for_the_memory_need_room(
    large: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "_IN_MEMORY", 20_000_000)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    with AtomicFile(tmp_path / "o.mov") as file:
        file.temporary.write_bytes(large("mov", 40).read_bytes())
        (note,) = sign(file, None, NETWORK.said(), wanted=True)
        file.commit()
    assert note == (
        "the result is not signed (C2PA): there is no room for a copy of 24.6 MB in the folder for temporary files, "
        f'"{tmp_path / "none"}".'
    )
    assert inspect_file(tmp_path / "o.mov").state == "none"
    assert probe(tmp_path / "o.mov").frames == 40


@pytest.mark.parametrize("how", ["in fragments", "with other data"])
def test_p03_large_videos_of_an_unusual_make_are_signed(large: Callable[..., Path], tmp_path: Path, how: str) -> None:
    """The library's hashes of pieces would not be true of them."""
    if how == "in fragments":
        plain = large("mov", 40, "-movflags", "+empty_moov+default_base_moof", "-frag_duration", "999999999")
    else:
        plain = large("mov", 40)
        with plain.open("ab") as file:
            file.write(struct.pack(">I", 8) + b"mdat" + struct.pack(">I", 108) + b"mdat" + bytes(100))
    again = Path(shutil.copy(plain, tmp_path / "again.mov"))
    _, notes, state = signed_elsewhere(plain, tmp_path / "o.mov")
    assert (notes, state) == ([], "trusted")
    _, notes, state = signed_elsewhere(again, tmp_path / "p.mov", TMPDIR=str(tmp_path / "none"))
    assert (notes, state) == ([], "trusted")


def test_p07_an_avi_file_that_takes_too_much_memory_is_not_signed(large: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "o.avi"
    taken, notes, state = signed_elsewhere(large("avi", 230), path)
    size = path.stat().st_size
    assert notes == [
        "the result is not signed (C2PA): that would take too much memory for an AVI file of "
        f"{size / 1e6:.1f} MB; MP4 can be signed."
    ]
    assert state == "none"
    assert taken < size / 2
    assert probe(path).frames == 230


def test_p03_a_still_that_speaks_is_signed(astronaut: Path, tmp_path: Path) -> None:
    from scipy.io import wavfile

    wavfile.write(tmp_path / "v.wav", 16000, np.full(3200, 8000, np.int16))
    with Image.open(astronaut) as image:
        image.resize((256, 256)).save(tmp_path / "still.png")
    sync_lips(tmp_path / "still.png", tmp_path / "v.wav", tmp_path / "o.mp4", engine="mouth")
    found = inspect_file(tmp_path / "o.mp4")
    assert (found.state, found.said.engine) == ("trusted", "mouth")


def test_a_manifest_of_the_target_is_kept(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jpg", tmp_path / "second.png"
    signed(first)
    label = manifests(first)["active_manifest"]
    assert signed(second, first) == ()
    store = manifests(second)
    assert set(store["manifests"]) == {label, store["active_manifest"]}
    assert active(second)["ingredients"][0]["active_manifest"] == label
    assert inspect_file(second).state == "trusted"


def test_a_manifest_of_the_target_is_never_lost_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "first.jpg"
    signed(target)
    (note,) = signed(tmp_path / "o.bmp", target)[-1:]
    assert "is not kept: files of the kind BMP hold none." in note
    with AtomicFile(tmp_path / "o.jpg") as file:
        write_picture(read_picture(target), file.temporary)
        (note,) = sign(file, target, NETWORK.said(), wanted=False)
        assert "is not kept, since the result is not marked." in note
    monkeypatch.setattr(finish, "extra_installed", lambda: False)
    (note,) = signed(tmp_path / "o.jpg", target)
    assert 'the target is not kept: install "facefusion-cli[c2pa]" for that.' in note
    assert signed(tmp_path / "p.jpg") == ()


def test_a_target_whose_manifest_cannot_be_read(tmp_path: Path) -> None:
    target = tmp_path / "first.jpg"
    signed(target)
    data = target.read_bytes()
    target.write_bytes(data.replace(b"c2cl", b"c2xx").replace(b"cbor", b"cbox"))
    signed(tmp_path / "o.jpg", target)
    assert inspect_file(tmp_path / "o.jpg").state == "trusted"


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights there")
def test_p06_the_key_is_private_and_made_once(tmp_path: Path, home: Path) -> None:
    signed(tmp_path / "a.jpg")
    path = home / "c2pa" / "signing.pem"
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    signed(tmp_path / "b.jpg")
    assert path.read_bytes() == before
    assert [*path.parent.iterdir()] == [path]
    # Renewing it is deleting it.
    path.unlink()
    signed(tmp_path / "c.jpg")
    assert path.read_bytes() != before
    assert [inspect_file(tmp_path / f"{name}.jpg").state for name in "abc"] == ["valid", "valid", "trusted"]


def test_p06_many_at_once_get_the_same_key(tmp_path: Path, home: Path) -> None:
    code = "from facefusion_cli.core.media.marking.identity import identity; print(hash(identity().key))"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    (home / "c2pa").mkdir(parents=True)
    (home / "c2pa" / ".signing-0badcafe").write_text("of one that was killed")
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({run.communicate()[0] for run in runs}) == 1
    assert {run.returncode for run in runs} == {0}
    with ThreadPoolExecutor(8) as pool:
        assert len({*pool.map(lambda _: identity.identity().key, range(16))}) == 1
    assert [path.name for path in (home / "c2pa").iterdir()] == ["signing.pem"]


def test_many_are_signed_at_once(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(6) as pool:
        assert {*pool.map(lambda folder: signed(folder / "o.jpg"), folders)} == {()}
    assert {inspect_file(folder / "o.jpg").state for folder in folders} == {"trusted"}


def test_the_certificate_says_nothing_of_the_user(home: Path) -> None:
    from cryptography import x509

    identity.identity()
    roots = x509.load_pem_x509_certificates(identity.own_roots().encode())
    leaf = x509.load_pem_x509_certificate(identity.identity().chain.encode())
    assert [one.subject for one in roots] == [leaf.issuer]
    names = {attribute.value for one in (*roots, leaf) for attribute in one.subject}
    assert names == {"self-made", "facefusion-cli root", "facefusion-cli"}
    leaf.verify_directly_issued_by(roots[0])


def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A user's own certificate, by the environment."""
    made = certificates.new_key()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    key.write_text("".join(certificates.blocks(made, "PRIVATE KEY")))
    certificate.write_text("".join(certificates.blocks(made, "CERTIFICATE")))
    monkeypatch.setenv(identity.CERTIFICATE_VARIABLE, str(certificate))
    monkeypatch.setenv(identity.KEY_VARIABLE, str(key))
    return certificate, key


def test_a_certificate_of_the_users_own(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, monkeypatch)
    assert signed(tmp_path / "o.jpg") == ()
    assert not (home / "c2pa").exists()
    assert inspect_file(tmp_path / "o.jpg").state == "trusted"
    monkeypatch.delenv(identity.CERTIFICATE_VARIABLE)
    monkeypatch.delenv(identity.KEY_VARIABLE)
    assert inspect_file(tmp_path / "o.jpg").state == "valid"


def only_one(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(identity.KEY_VARIABLE)


def missing(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key.unlink()


def swapped(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key.write_text(certificate.read_text())


def damaged(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate.write_text(certificate.read_text().replace("M", "N", 40))


def key_of_another(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key.write_text("".join(certificates.blocks(certificates.new_key(), "PRIVATE KEY")))


def key_damaged(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key.write_text(key.read_text().replace("M", "N"))


def expired(certificate: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "now", lambda: datetime.now(UTC) + timedelta(days=3651))


@pytest.mark.parametrize("fault", [only_one, missing, swapped, damaged, key_of_another, key_damaged, expired])
def test_p07_a_signing_failure_keeps_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Path, Path, pytest.MonkeyPatch], None]
) -> None:
    fault(*own(tmp_path, monkeypatch), monkeypatch)
    (note,) = signed(tmp_path / "o.jpg")
    assert note.startswith("the result is not signed (C2PA): ")
    found = carried(tmp_path / "o.jpg")
    assert found.xmp
    assert not found.manifest
    assert read_picture(tmp_path / "o.jpg").width == 40


def test_p07_a_full_disk_keeps_the_output(
    tmp_path: Path, hopper: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_unsigned: Path, result: Path, *_: object) -> bool:
        result.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(signing, "write_signed", full)
    out = tmp_path / "o.png"
    assert main(["faceswap", str(hopper), str(astronaut), "-o", str(out), "--engine", "mesh"]) == 0
    assert "warning: the result is not signed (C2PA): no space is left on the disk." in capsys.readouterr().err
    assert inspect_file(out).said.engine == "mesh"
    assert {path.name for path in tmp_path.iterdir()} <= {"o.png", "home"}


def test_p07_a_disk_that_is_full_in_earnest_is_named(disk: Callable[[str], Path], tmp_path: Path) -> None:
    """One of a size at which the writing breaks off in the midst of the signed file, which the library does itself."""
    target, first = tmp_path / "target.png", tmp_path / "o.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (600, 1000, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(target)
    assert signed(first, target) == ()
    path = disk(f"size={first.stat().st_size * 3 // 2 // 1024}k") / "o.jpg"
    assert signed(path, target) == ("the result is not signed (C2PA): no space is left on the disk.",)
    assert read_picture(path).width == 1000
    assert not carried(path).manifest


def test_p07_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(signing, "write_signed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        signed(tmp_path / "o.jpg")
    assert {path.name for path in tmp_path.iterdir()} == {"target.png"}


def test_p08_the_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "o.jpg"
    signed(path)
    monkeypatch.setattr(inspection, "extra_installed", lambda: False)
    assert main(["inspect", str(path)]) == 2
    assert 'pip install "facefusion-cli[c2pa]"' in capsys.readouterr().out
    assert main(["inspect", "--json", str(path)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["c2pa"]["state"], found["marked"], found["ok"], found["exit_code"]) == ("unchecked", True, False, 2)
    assert "facefusion-cli[c2pa]" in found["hint"]


def test_p08_a_certificate_without_the_extra_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, monkeypatch)
    monkeypatch.setattr(finish, "extra_installed", lambda: False)
    (note,) = signed(tmp_path / "o.jpg")
    assert "not signed, though FACEFUSION_C2PA_CERT is set" in note


def test_kinds_of_keys() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    keys: list[Any] = [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ]
    assert [certificates.algorithm_of(key) for key in keys] == ["es256", "es384", "ed25519", "ps256"]
    for unknown in (ed448.Ed448PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())):
        with pytest.raises(UsageError, match="has no use"):
            certificates.algorithm_of(unknown)
