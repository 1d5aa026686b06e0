"""The ways by which something from outside comes in, each as a function that takes a file with it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from _fuzz_seeds import LAYOUT

__all__ = [
    "check_command",
    "feed_accept",
    "feed_archive",
    "feed_checkpoint",
    "feed_command",
    "feed_fields",
    "feed_import",
    "feed_inspect",
    "feed_multipart",
    "feed_onnx",
    "feed_picture",
    "feed_sound",
    "feed_video",
    "refusals",
]

_FRAMES = 6
"""Of a video, to read at its beginning and at its end."""
_MOST_FRAMES = 2000
"""Of a video that says it has more, its end is not looked for."""
_MOST_BYTES = 2**20
"""Of a member, to unpack."""
_SUFFIXES = {
    "JPEG": ".jpg",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "BMP": ".bmp",
    "JPEG2000": ".jp2",
    "PPM": ".ppm",
}
"""Of formats that are written, too."""


def refusals() -> tuple[type[Exception], ...]:
    """What a case may end with besides a result."""
    from facefusion_cli.api.problems import Problem
    from facefusion_cli.errors import FaceFusionError

    return FaceFusionError, Problem


def feed_picture(path: Path) -> None:
    """Read, and written again in its own format and as PNG, with all that came with it."""
    from facefusion_cli.api.sniffing import sniff
    from facefusion_cli.core.media.encode import write_picture
    from facefusion_cli.core.media.images import read_picture
    from facefusion_cli.core.media.kinds import is_animated, is_sound, kind_of, read_head

    kind_of(path), is_sound(path), is_animated(read_head(path))
    with contextlib.suppress(*refusals()):
        sniff(read_head(path), "field", ("picture", "video"))
    picture = read_picture(path)
    assert picture.bgr.shape == (picture.height, picture.width, 3)
    assert picture.alpha is None or picture.alpha.shape == picture.bgr.shape[:2]
    for suffix in {_SUFFIXES.get(picture.format, ".jpg"), ".png"}:
        write_picture(picture, path.with_name(f"written{suffix}"), keep_metadata=True)


def feed_video(path: Path) -> None:
    """All about it, its first frames, and its last ones."""
    from facefusion_cli.core.media.video.encoders import encoder_for
    from facefusion_cli.core.media.video.layout import Bgr, layout_of
    from facefusion_cli.core.media.video.probe import probe
    from facefusion_cli.core.media.video.reader import FrameReader

    video = probe(path)
    assert video.frames >= 1
    assert video.fps > 0
    assert video.promised >= video.frames
    stretches = [(0, _FRAMES)]
    if _FRAMES < video.frames <= _MOST_FRAMES:
        stretches.append((video.frames - _FRAMES // 2, video.frames))
    for start, stop in stretches:
        for layout in (Bgr(video, quick=True), layout_of(video, encoder_for("h264"))):
            with FrameReader(video, start, stop, layout=layout) as reader:
                count = sum(frame.shape == layout.shape for frame in reader)
                assert count + reader.missing >= min(stop, video.frames) - start


def feed_sound(path: Path) -> None:
    """All of it."""
    import numpy as np

    from facefusion_cli.core.media.audio.reader import VoiceReader

    with VoiceReader(path) as reader:
        for block in reader:
            assert np.isfinite(block).all()


def feed_inspect(path: Path) -> None:
    """What it says about itself, and what goes from there into a result that is made of it."""
    from facefusion_cli.core.media.marking.carried import carried
    from facefusion_cli.core.media.marking.identity import extra_installed
    from facefusion_cli.core.media.marking.inspection import inspect_file
    from facefusion_cli.core.media.marking.mark import Mark
    from facefusion_cli.core.media.marking.xmp import packet_for, said_in

    found = inspect_file(path)
    said = Mark("mesh").said(found.said)
    packet, _ = packet_for(said, carried(path).xmp)
    assert said_in(packet).source_type == said.source_type
    if found.state != "none" and extra_installed():
        import c2pa

        from facefusion_cli.core.media.marking.signing import write_signed

        result = path.with_name(f"result{path.suffix}")
        shutil.copy(path, result)
        with contextlib.suppress(c2pa.C2paError):  # which becomes a sentence
            write_signed(result, result.with_stem("signed"), path, said)


def feed_checkpoint(path: Path) -> None:
    from facefusion_cli.core.weights import wav2lip_layout
    from facefusion_cli.core.weights.checkpoint import load_checkpoint

    wav2lip_layout.layout = lambda: LAYOUT
    load_checkpoint(path)


def feed_onnx(path: Path) -> None:
    from facefusion_cli.core.inference.onnx_file import check_onnx

    check_onnx(path, inputs=((0, 3, 0, 0),), outputs=1)


def feed_archive(path: Path) -> None:
    from facefusion_cli.core.weights.archive import extract_member
    from facefusion_cli.core.weights.kinds import kind_of

    kind_of(path)
    target = path.with_name("member.onnx")
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    try:
        with zipfile.ZipFile(path) as opened:
            size = min(opened.getinfo("net.onnx").file_size, _MOST_BYTES)
    except Exception:  # noqa: BLE001  (then that is what is looked at)
        size = _MOST_BYTES
    extract_member(path, "net.onnx", size, target, path.name)
    assert target.stat().st_size == size


def feed_import(path: Path) -> None:
    """Brought by hand: first on its own, then on the user's word."""
    from facefusion_cli.core.weights import catalog, wav2lip_layout
    from facefusion_cli.core.weights.importing import import_file
    from facefusion_cli.core.weights.store import Store
    from facefusion_cli.errors import FaceFusionError

    wav2lip_layout.layout = lambda: LAYOUT
    folder = path.with_name("store")
    try:
        store = Store(folder, catalog.catalog())
        with contextlib.suppress(FaceFusionError):
            import_file(store, path)
        form = "wav2lip" if path.suffix in {".pth", ".safetensors"} else "onnx"
        weight = next(one for one in store.catalog.weights if one.form == form)
        import_file(store, path, replace(weight, inputs=(), outputs=0))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def feed_multipart(path: Path) -> None:
    """The header, a line, the body; in pieces of several sizes, which must not matter."""
    from facefusion_cli.api.multipart import Parts

    header, _, body = path.read_bytes().partition(b"\n")
    heard = [_events(Parts(header.decode("latin-1")), body, size) for size in (1, 7, len(body) or 1)]
    assert heard[0] == heard[1] == heard[2]


def _events(parts: object, body: bytes, size: int) -> list[object]:
    from facefusion_cli.api.multipart import Data, Parts

    assert isinstance(parts, Parts)
    events: list[object] = []
    try:
        for start in range(0, len(body), size):
            for event in parts.feed(body[start : start + size]):
                if isinstance(event, Data) and events and isinstance(events[-1], bytes):
                    events[-1] += event.data
                else:
                    events.append(event.data if isinstance(event, Data) else event)
        parts.close()
    except refusals() as problem:
        events = [str(problem)]
    return events


def feed_accept(path: Path) -> None:
    from facefusion_cli.api.negotiation import PICTURES, VIDEOS, acceptable, choose_suffix

    accept = path.read_bytes().decode("latin-1")
    for target, kind, known in (("a.png", "picture", PICTURES), ("b.webm", "video", VIDEOS)):
        chosen = choose_suffix(accept, Path(target), kind)  # type: ignore[arg-type]
        assert (chosen is not None) == acceptable(accept, kind)  # type: ignore[arg-type]
        assert chosen is None or chosen in known


def feed_fields(path: Path) -> None:
    """Texts of the forms, a line each."""
    from facefusion_cli.api.forms import LipSyncForm, SwapForm, read_fields

    lines = (line.partition("=") for line in path.read_bytes().decode("utf-8", "replace").split("\n"))
    texts = {name: value for name, _, value in lines if name}
    try:
        read_fields(SwapForm, texts).options()
    except refusals():
        read_fields(LipSyncForm, texts).options()


def feed_command(path: Path) -> None:
    check_command(json.loads(path.read_bytes()), path.with_name("files"))


def check_command(words: list[str], folder: Path) -> None:
    """Run a command line in a folder: it must end with an exit code and, unless all went well, a sentence."""
    from facefusion_cli.cli.app import run
    from facefusion_cli.cli.signals import Received

    said, before = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = run(words, Received())
    finally:
        os.chdir(before)
    assert "bug in facefusion" not in said.getvalue(), said.getvalue()
    assert "Traceback" not in said.getvalue(), said.getvalue()
    assert code in range(6), code
    assert code == 0 or said.getvalue() or "--help" in words, f"exit code {code} without a word"
