"""The options of ``facefusion faceswap``: names, help, what they complete to, and how their texts are read."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from facefusion_cli.cli.video_options import complete_one_face, engine_option
from facefusion_cli.core.faceswap.engine import ENGINES, engine_names
from facefusion_cli.errors import UsageError

__all__ = [
    "BoostOption",
    "EngineOption",
    "ExtraSourceOption",
    "FaceOption",
    "ImageQualityOption",
    "KeepMouthOption",
    "MapOption",
    "OutputOption",
    "ReferenceOption",
    "SourceFaceOption",
    "StrengthOption",
    "boost_of",
    "idle_video_options",
    "is_one_of",
    "pair_of",
]

_VIDEO_OPTIONS = ("start", "duration", "preview", "crf", "preset", "codec", "strict", "no_resume")
_FACES, _PEOPLE, _LOOK = "Which faces", "Whose faces", "How it looks"


def boost_of(text: str) -> int:
    """What ``--boost`` means: 0 for auto.

    Raises:
        UsageError: it is none of auto, 1, 2, 3 and 4.
    """
    word = text.strip().lower()
    if word not in ("auto", "1", "2", "3", "4"):
        raise UsageError(f'"{text}" is no boost.', hint="--boost takes auto, 1, 2, 3 or 4.")
    return 0 if word == "auto" else int(word)


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


def idle_video_options(context: typer.Context) -> list[str]:
    """Options on the command line that only videos heed, as they are written."""
    given = {
        name
        for name in context.params
        if (origin := context.get_parameter_source(name)) and origin.name == "COMMANDLINE"
    }
    return [f"--{name.replace('_', '-')}" for name in _VIDEO_OPTIONS if name in given]


def is_one_of(given: str, paths: Sequence[Path]) -> bool:
    """Whether ``given`` names the same file as one of ``paths``."""
    with suppress(OSError):
        return any(path.samefile(given) for path in paths)
    return False


def _complete_face() -> list[tuple[str, str]]:
    return [*complete_one_face(), ("all", "every face that is large enough")]


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
ImageQualityOption = Annotated[
    int,
    typer.Option("--image-quality", metavar="1-100", help="Quality of picture formats that lose detail, such as JPEG."),
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
        autocompletion=complete_one_face,
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
EngineOption = Annotated[str, engine_option(engine_names(), [f"{entry.name}: {entry.summary}" for entry in ENGINES])]
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
