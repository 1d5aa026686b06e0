"""The options of ``facefusion faceswap``: names, help, what they complete to, and how their texts are read."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from facefusion_cli.cli.plain import PlainCommand
from facefusion_cli.core.faceswap.engine import ENGINES, engine_names
from facefusion_cli.errors import UsageError

__all__ = [
    "BoostOption",
    "CodecOption",
    "CrfOption",
    "DryRunOption",
    "DurationOption",
    "EngineOption",
    "ExtraSourceOption",
    "FaceOption",
    "ForceOption",
    "ImageQualityOption",
    "JobsOption",
    "KeepMetadataOption",
    "KeepMouthOption",
    "MapOption",
    "NoClobberOption",
    "NoResumeOption",
    "OutputOption",
    "PresetOption",
    "PreviewOption",
    "ReferenceOption",
    "SourceFaceOption",
    "StartOption",
    "StrengthOption",
    "StrictOption",
    "SwapCommand",
    "boost_of",
    "is_one_of",
    "pair_of",
    "seconds_of",
]

_FACES, _PEOPLE, _LOOK, _VIDEOS, _MANY = "Which faces", "Whose faces", "How it looks", "Videos", "Many files"
_ENGINES = "; ".join(f"{entry.name}: {entry.summary}" for entry in ENGINES)
_CLOCK = re.compile(r"(?:(\d+):)?(?:([0-5]?\d):)?(\d+(?:\.\d+)?)", re.ASCII)
_PREVIEW_SECONDS = "10"


class SwapCommand(PlainCommand):
    """The command, whose option ``--preview`` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line; ``ctx`` is Typer's context."""
        words, end = list(args), args.index("--") if "--" in args else len(args)
        for place in range(end):
            following = words[place + 1] if place + 1 < end else ""
            if words[place] == "--preview" and not _CLOCK.fullmatch(following):
                words[place] = f"--preview={_PREVIEW_SECONDS}"
        return super().parse_args(ctx, words)


def boost_of(text: str) -> int:
    """What ``--boost`` means: 0 for auto.

    Raises:
        UsageError: it is none of auto, 1, 2, 3 and 4.
    """
    word = text.strip().lower()
    if word not in ("auto", "1", "2", "3", "4"):
        raise UsageError(f'"{text}" is no boost.', hint="--boost takes auto, 1, 2, 3 or 4.")
    return 0 if word == "auto" else int(word)


def seconds_of(text: str | None, option: str) -> Fraction | None:
    """A time such as "90", "1:30", "0:01:30.5" in seconds, exactly; None for None.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f'"{text}" is no time.', hint=f"{option} takes seconds such as 12.5, or a time such as 1:02:03."
        )
    parts = [part for part in (match[1], match[2], match[3]) if part is not None]
    total = Fraction(0)
    for part in parts:
        total = 60 * total + Fraction(part)
    return total


def pair_of(text: str) -> tuple[Path, Path]:
    """The two files of ``--map PERSON=SOURCE``; names may hold "=" too, so the split that leaves two files is taken.

    Raises:
        UsageError: there is no such split.
    """
    places = [place for place, letter in enumerate(text) if letter == "="]
    pairs = [(text[:place], text[place + 1 :]) for place in places]
    for person, source in pairs:
        if os.path.isfile(person) and os.path.isfile(source):  # noqa: PTH113  (Path.is_file may raise)
            return Path(person), Path(source)
    if not pairs or not all(pairs[0]):
        raise UsageError(f'"{text}" maps nothing.', hint="--map takes two pictures, as in --map ada.jpg=bob.jpg.")
    if len(pairs) == 1:
        gone = next(name for name in pairs[0] if not os.path.isfile(name))  # noqa: PTH113
        raise UsageError(f'"{gone}" in --map {text} is no file.')
    raise UsageError(f'no "=" in --map {text} stands between the names of two files.')


def is_one_of(given: str, paths: Sequence[Path]) -> bool:
    """Whether ``given`` names the same file as one of ``paths``."""
    with suppress(OSError):
        return any(path.samefile(given) for path in paths)
    return False


def _complete_codec() -> list[str]:
    from facefusion_cli.core.media.video.encoders import codec_names

    return ["auto", *codec_names()]


def _complete_preset() -> list[str]:
    from facefusion_cli.core.media.video.encoders import PRESETS

    return list(PRESETS)


def _complete_face() -> list[tuple[str, str]]:
    return [*_complete_source_face(), ("all", "every face that is large enough")]


def _complete_source_face() -> list[tuple[str, str]]:
    return [
        ("largest", "the widest one"),
        ("left", "the first from the left"),
        ("right", "the first from the right"),
    ]


def _complete_engine() -> list[str]:
    return list(engine_names())


def _complete_boost() -> list[str]:
    return ["auto", "1", "2", "3", "4"]


OutputOption = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="File to write; for several targets or a folder a folder, or a template such as "
        "'new/{stem}_ada{suffix}'. Without it the result of one target goes beside it as {stem}_swapped{suffix} and "
        "replaces nothing.",
        show_default=False,
    ),
]
NoClobberOption = Annotated[
    bool,
    typer.Option(
        "--no-clobber", help="Refuse to replace a file that exists; of several targets the others are still made."
    ),
]
ImageQualityOption = Annotated[
    int,
    typer.Option("--image-quality", metavar="1-100", help="Quality of picture formats that lose detail, such as JPEG."),
]
KeepMetadataOption = Annotated[
    bool,
    typer.Option(
        "--keep-metadata",
        help="Keep in TARGET's metadata also the place (GPS), author, owner, serial numbers and the like.",
    ),
]
FaceOption = Annotated[
    str | None,
    typer.Option(
        "--face",
        metavar="WHICH",
        help="Face to replace in TARGET: largest, left, right, all, or indices such as 0 or 0,2, "
        "as 'facefusion faces TARGET' lists them.",
        show_default="largest",
        autocompletion=_complete_face,
        rich_help_panel=_FACES,
    ),
]
SourceFaceOption = Annotated[
    str,
    typer.Option(
        "--source-face",
        metavar="WHICH",
        help="Face to take from SOURCE: largest, left, right or an index.",
        autocompletion=_complete_source_face,
        rich_help_panel=_FACES,
    ),
]
ReferenceOption = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        metavar="PERSON",
        help="Replace only faces of the person in this picture.",
        show_default=False,
        readable=False,
        rich_help_panel=_FACES,
    ),
]
ExtraSourceOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--extra-source",
        metavar="FILE",
        help="Another picture of the person in SOURCE, for a better likeness; may be given several times.",
        show_default=False,
        readable=False,
        rich_help_panel=_PEOPLE,
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="PERSON=SOURCE",
        help="The person in the first picture gets the face in the second; may be given several times, "
        "and there is no SOURCE argument then.",
        show_default=False,
        rich_help_panel=_PEOPLE,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="|".join(engine_names()),
        help=f"auto: the best that is ready; {_ENGINES}.",
        autocompletion=_complete_engine,
    ),
]
BoostOption = Annotated[
    str,
    typer.Option(
        "--boost",
        metavar="auto|1|2|3|4",
        help="Sharpness of the new face: 128 pixels times this, at the square of the cost. "
        "auto: what the face has on screen.",
        autocompletion=_complete_boost,
        rich_help_panel=_LOOK,
    ),
]
StrengthOption = Annotated[
    float,
    typer.Option(
        "--strength",
        metavar="0-1",
        help="How much of the source's identity the new face has.",
        rich_help_panel=_LOOK,
    ),
]
KeepMouthOption = Annotated[bool, typer.Option("--keep-mouth", help="Leave TARGET's own mouth.", rich_help_panel=_LOOK)]
CrfOption = Annotated[
    int,
    typer.Option(
        "--crf", metavar="0-51", help="Quality of the video: smaller is better and larger.", rich_help_panel=_VIDEOS
    ),
]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Speed of the encoder, as x264 names it.",
        autocompletion=_complete_preset,
        rich_help_panel=_VIDEOS,
    ),
]
CodecOption = Annotated[
    str,
    typer.Option(
        "--codec",
        metavar="NAME",
        help="Codec of the video. auto: h264, in WebM vp9; else hevc, av1, vp9, prores, or a hardware encoder such as "
        "h264_nvenc.",
        autocompletion=_complete_codec,
        rich_help_panel=_VIDEOS,
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Begin here: seconds, or a time such as 1:02:03.",
        show_default="the beginning",
        rich_help_panel=_VIDEOS,
    ),
]
DurationOption = Annotated[
    str | None,
    typer.Option("--duration", metavar="TIME", help="Do so much.", show_default="to the end", rich_help_panel=_VIDEOS),
]
PreviewOption = Annotated[
    str | None,
    typer.Option(
        "--preview",
        metavar="[SECONDS]",
        help="Do only so much from the middle (10 s), and say what the whole would take.",
        show_default=False,
        rich_help_panel=_VIDEOS,
    ),
]
NoResumeOption = Annotated[
    bool,
    typer.Option(
        "--no-resume", help="Begin anew, instead of going on where a run was interrupted.", rich_help_panel=_VIDEOS
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse a damaged video, instead of keeping the frames that can be decoded.",
        rich_help_panel=_VIDEOS,
    ),
]
JobsOption = Annotated[
    int,
    typer.Option("--jobs", metavar="N", help="Files to work on at the same time.", rich_help_panel=_MANY),
]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Make again what is finished.", rich_help_panel=_MANY),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Only list what would be done.", rich_help_panel=_MANY),
]
