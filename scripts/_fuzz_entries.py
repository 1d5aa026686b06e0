"""What is fuzzed: each way in, with what its cases are made from."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from _fuzz_feeds import (
    feed_accept,
    feed_archive,
    feed_checkpoint,
    feed_command,
    feed_fields,
    feed_import,
    feed_inspect,
    feed_multipart,
    feed_onnx,
    feed_picture,
    feed_sound,
    feed_video,
)
from _fuzz_mutate import mutated
from _fuzz_seeds import make_heic, make_marked, make_pictures, make_sounds, make_videos, make_weights
from _fuzz_words import command_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ENTRIES", "Entry", "make_seeds"]

_ACCEPTS = (
    "text/html,application/xhtml+xml,image/avif,image/webp,image/png,*/*;q=0.8",
    "image/*;q=0.5, video/mp4;q=1.000, video/webm; q=0.3;level=1",
    "*/*",
)
_FIELDS = (
    {
        "face": "0,2",
        "source_face": "largest",
        "engine": "auto",
        "boost": "2",
        "strength": "0.5",
        "crf": "20",
        "keep_mouth": "true",
        "image_quality": "90",
        "start": "1:30",
        "duration": "2.5",
        "preset": "fast",
    },
    {
        "face": "left",
        "mix_original": "0.3",
        "fit": "longest",
        "extend": "loop",
        "fps": "30000/1001",
        "crf": "20",
        "sync_offset": "-40",
        "mouth_strength": "1.2",
        "pads": "0,5,0,0",
        "strict": "1",
        "codec": "vp9",
    },
)


def _multiparts() -> tuple[bytes, bytes]:
    """Forms as browsers and other clients send them."""
    parts = (
        b'Content-Disposition: form-data; name="face"\r\n\r\nlargest',
        b'Content-Disposition: form-data; name="source_image"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"content-disposition: form-data; name=x; filename*=UTF-8''%e2%82%ac.jpg\r\n\r\n--x",
    )
    quoted = b'multipart/form-data; boundary="a b"\n'
    return (
        b"multipart/form-data; boundary=xyz\n" + b"".join(b"--xyz\r\n%b\r\n" % part for part in parts) + b"--xyz--\r\n",
        quoted + b"preamble\r\n" + b"".join(b"--a b\r\n%b\r\n" % part for part in parts[:2]) + b"--a b--",
    )


@dataclass(frozen=True)
class Entry:
    """One way in."""

    feed: Callable[[Path], None]
    seeds: str
    """Folder of its seeds."""
    make: Callable[[random.Random], bytes] | None = None
    """Makes a case, where none is mutated from a file."""
    patterns: tuple[str, ...] = ("*",)
    share: int = 1
    """Of the time, beside the others."""

    def files(self, seeds: Path) -> list[Path]:
        """Its seeds, in order."""
        return sorted(path for pattern in self.patterns for path in (seeds / self.seeds).glob(pattern))

    def case(self, seeds: Path, key: str) -> tuple[bytes, str]:
        """Content and suffix of the case with that key."""
        generator = random.Random(key)  # noqa: S311
        if self.make is not None:
            return self.make(generator), ""
        files = self.files(seeds)
        chosen, other = generator.choice(files), generator.choice(files)
        return mutated(chosen.read_bytes(), [other.read_bytes()], generator), chosen.suffix


ENTRIES = {
    "picture": Entry(feed_picture, "pictures", share=4),
    "video": Entry(feed_video, "videos", share=6),
    "sound": Entry(feed_sound, "sounds", share=4),
    "inspect": Entry(feed_inspect, "marked", share=2),
    "checkpoint": Entry(feed_checkpoint, "weights", patterns=("*.pth", "*.safetensors"), share=2),
    "onnx": Entry(feed_onnx, "weights", patterns=("*.onnx",)),
    "archive": Entry(feed_archive, "weights", patterns=("*.zip",)),
    "import": Entry(feed_import, "weights"),
    "multipart": Entry(feed_multipart, "multipart"),
    "accept": Entry(feed_accept, "accept"),
    "fields": Entry(feed_fields, "fields"),
    "command": Entry(feed_command, "", make=command_line, share=4),
}


def make_seeds(folder: Path) -> None:
    """Make all seeds, each kind in its folder, and ``files`` for command lines."""
    import imageio_ffmpeg

    program = str(imageio_ffmpeg.get_ffmpeg_exe())
    for name in ("pictures", "videos", "sounds", "marked", "weights", "multipart", "accept", "fields", "files"):
        (folder / name).mkdir(parents=True)
    make_pictures(folder / "pictures")
    make_heic(folder / "pictures", program)
    make_videos(folder / "videos", program)
    make_sounds(folder / "sounds", program)
    make_marked(folder / "marked", folder / "pictures", folder / "videos")
    make_weights(folder / "weights")
    for number, form in enumerate(_multiparts()):
        (folder / "multipart" / str(number)).write_bytes(form)
    for number, text in enumerate(_ACCEPTS):
        (folder / "accept" / str(number)).write_text(text)
    for number, fields in enumerate(_FIELDS):
        (folder / "fields" / str(number)).write_text("\n".join(f"{name}={value}" for name, value in fields.items()))
    files = folder / "files"
    for source, name in (
        ("pictures/plain.png", "a.png"),
        ("pictures/plain.jpg", "a.jpg"),
        ("videos/h264.mp4", "talk.mp4"),
        ("sounds/s16.wav", "voice.wav"),
    ):
        shutil.copy(folder / source, files / name)
    (files / "empty.png").touch()
    (files / "text.txt").write_text("text")
    (files / "folder").mkdir()
    shutil.copy(files / "a.png", files / "folder" / "b.png")
