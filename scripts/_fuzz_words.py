"""Command lines: options with values that are right, nearly right, and absurd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["COMMANDS", "VALUES", "command_line", "command_of"]

_NUMBERS = (
    *("0", "1", "2", "-1", "+1", "0.5", "1.5", "-0.0", "1e3", "1e400", "nan", "inf", "-inf", "0x10", "1_000", "\u0663"),
    *("00", "1.", ".5", "9" * 25, "9" * 400, "9" * 5000, "0." + "0" * 400 + "1", "1/3", "1/0", "0/1", " 7 ", "", "-"),
)
_TIMES = (
    *_NUMBERS,
    "1:30",
    "0:00:00",
    "1:02:03.5",
    "99:99",
    "1:60",
    ":",
    "1:",
    "-1:00",
    "12.3456789012345678901",
    "1h",
)
_WORDS = (
    "",
    " ",
    "-",
    "--",
    "\u00e9",
    "\U0001f600",
    "a b",
    "'",
    '"',
    "%s",
    "{x}",
    "\n",
    "../..",
    "x" * 300,
    "auto",
    "AUTO",
)
_FACES = (*_WORDS, *_NUMBERS, "largest", " Left ", "right", "all", "0,2", "0,0", ",", "0,", "999999", "1000000", "1 2")
_FILES = (
    "a.png",
    "a.jpg",
    "talk.mp4",
    "voice.wav",
    "missing.png",
    "empty.png",
    "text.txt",
    ".",
    "folder",
    "*.png",
    *_WORDS,
)
_OUTPUTS = (
    *(
        "out.png",
        "out.mp4",
        "out/",
        "{stem}_x{suffix}",
        "{audio}{stem}.mp4",
        "{stem",
        "{}",
        "{0}",
        "{stem!r}",
        "out.xyz",
    ),
    *(
        "{stem.__class__}",
        "{suffix:>99999999999}",
        "a.png",
        "folder",
        "no/such/folder/x.png",
        "/dev/null",
        "-",
        *_WORDS,
    ),
)
_FLAG = ("",)

_SHARED = {
    "--output": _OUTPUTS,
    "-o": _OUTPUTS,
    "--no-clobber": _FLAG,
    "--keep-metadata": _FLAG,
    "--engine": ("auto", "mesh", "mouth", "inswapper", "wav2lip", "none", *_WORDS),
    "--face": _FACES,
    "--reference": _FILES,
    "--start": _TIMES,
    "--duration": _TIMES,
    "--preview": (*_TIMES, None),
    "--crf": _NUMBERS,
    "--preset": ("fast", "veryslow", "placebo", *_WORDS),
    "--codec": ("auto", "h264", "hevc", "av1", "vp9", "prores", "h264_nvenc", "libx264", *_WORDS),
    "--strict": _FLAG,
    "--no-resume": _FLAG,
    "--jobs": _NUMBERS,
    "--force": _FLAG,
    "--device": ("auto", "cpu", "cuda", "cuda:0", "cuda:99999999999", "cuda:-1", "cuda:", "CPU", *_WORDS),
    "--precision": ("auto", "fp32", "bf16", "fp16", "FP16", *_WORDS),
    "--threads": _NUMBERS,
    "--models-dir": _FILES,
    "--json": _FLAG,
    "--quiet": _FLAG,
    "-q": _FLAG,
    "--verbose": _FLAG,
    "-v": _FLAG,
    "--help": _FLAG,
    "--unknown": _FLAG,
}
VALUES: dict[str, dict[str, Sequence[str | None]]] = {
    "faceswap": {
        **_SHARED,
        "--image-quality": _NUMBERS,
        "--source-face": _FACES,
        "--extra-source": _FILES,
        "--map": ("a.png=a.jpg", "=", "a=b=c", "a.png=", "=a.png", "a.png=a.jpg=", *_WORDS),
        "--boost": ("auto", "1", "4", "5", *_WORDS),
        "--strength": _NUMBERS,
        "--keep-mouth": _FLAG,
    },
    "lipsync": {
        **_SHARED,
        "--require-face": _FLAG,
        "--soundtrack": _FILES,
        "--mix-original": _NUMBERS,
        "--fit": ("audio", "video", "longest", "shortest", "Audio ", *_WORDS),
        "--extend": ("pingpong", "loop", "freeze", *_WORDS),
        "--sync-offset": _NUMBERS,
        "--mouth-strength": _NUMBERS,
        "--no-close-mouth": _FLAG,
        "--pads": ("0,5,0,0", "-10,10,-10,10", "1e9,0,0,0", "0,0,0", "999,999,999,999", "-50,0,0,0", ",,,", *_NUMBERS),
        "--fps": (*_NUMBERS, "30000/1001", "240", "240.1", "999999999/1", "1/999999999"),
        "--chunk-seconds": _TIMES,
    },
}
"""By command, what may stand behind each option: "" for nothing, None for nothing where something might."""

COMMANDS = {
    "faceswap": (
        ["a.png", "a.jpg"],
        ["a.png", "talk.mp4"],
        ["a.png", "a.jpg", "talk.mp4"],
        ["a.png"],
        ["a.png", "folder"],
    ),
    "lipsync": (
        ["talk.mp4", "voice.wav"],
        ["a.png", "voice.wav"],
        ["talk.mp4", "talk.mp4"],
        ["voice.wav"],
        ["a.png", "."],
    ),
}
"""Files that a command may be given."""


def command_of(command: str, files: Sequence[str], options: Sequence[tuple[str, str | None]]) -> list[str]:
    """All words; nothing but a plan is asked for, so that nothing is done."""
    words = [command, "--dry-run", *files]
    for name, value in options:
        if value is None or VALUES[command][name] is _FLAG:
            words.append(name)
        else:
            words += [f"{name}={value}"] if value.startswith("-") and name.startswith("--") else [name, value]
    return words


def command_line(generator: random.Random) -> bytes:
    """A command line, as JSON."""
    command = generator.choice([*COMMANDS])
    names = generator.choices([*VALUES[command]], k=generator.randint(0, 5))
    options = [(name, generator.choice(VALUES[command][name])) for name in names]
    files = generator.choice(COMMANDS[command])
    if generator.random() < 1 / 4:
        files = generator.choices(_FILES, k=generator.randint(0, 4))
    return json.dumps(command_of(command, files, options)).encode()
