"""The options of ``facefusion lipsync``: names, help, what they complete to, and how their texts are read."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from facefusion_cli.cli.video_options import VIDEOS, complete_one_face, engine_option
from facefusion_cli.core.lipsync.engine import ENGINES, engine_names
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from facefusion_cli.core.lipsync.options import Extend, Fit, Pads

__all__ = [
    "ChunkSecondsOption",
    "EngineOption",
    "ExtendOption",
    "FaceOption",
    "FitOption",
    "FpsOption",
    "MixOriginalOption",
    "MouthStrengthOption",
    "NoCloseMouthOption",
    "OutputOption",
    "PadsOption",
    "ReferenceOption",
    "RequireFaceOption",
    "SoundtrackOption",
    "SyncOffsetOption",
    "extend_of",
    "fit_of",
    "pads_of",
    "rate_of",
]

_FACE, _SOUND, _MOUTH = "Whose lips", "Sound and length", "How the mouth moves"

_FITS = {
    "audio": "as long as the sound",
    "video": "as long as the video",
    "longest": "as long as the longer of the two",
    "shortest": "as long as the shorter of the two",
}
_EXTENSIONS = {
    "pingpong": "backwards, forwards and so on",
    "loop": "again from the beginning",
    "freeze": "the last picture stays",
}


def fit_of(text: str) -> "Fit":
    """What ``--fit`` means.

    Raises:
        UsageError: it is none of its words.
    """
    from facefusion_cli.core.lipsync.options import Fit

    return cast("Fit", _one_of(text, get_args(Fit), "--fit"))


def extend_of(text: str) -> "Extend":
    """What ``--extend`` means.

    Raises:
        UsageError: it is none of its words.
    """
    from facefusion_cli.core.lipsync.options import Extend

    return cast("Extend", _one_of(text, get_args(Extend), "--extend"))


def rate_of(text: str) -> Fraction:
    """Frames a second as ``--fps`` takes them.

    Raises:
        UsageError: it is no rate.
    """
    from facefusion_cli.core.lipsync import wishes

    return wishes.rate_of(text, "--fps")


def pads_of(text: str) -> "Pads":
    """What ``--pads`` means: four numbers of percent.

    Raises:
        UsageError: it is not that.
    """
    from facefusion_cli.core.lipsync import wishes

    return wishes.pads_of(text, "--pads")


def _one_of(text: str, words: tuple[str, ...], option: str) -> str:
    word = text.strip().lower()
    if word not in words:
        raise UsageError(f'{option} "{text}" cannot be.', hint=f"Choose {', '.join(words[:-1])} or {words[-1]}.")
    return word


OutputOption = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="File to write; for several a folder, or a template such as 'new/{stem}_{audio}{suffix}'. Without it the "
        "result of one VIDEO goes beside it as {stem}_lipsync{suffix} and replaces nothing.",
        show_default=False,
    ),
]
EngineOption = Annotated[str, engine_option(engine_names(), [f"{entry.name}: {entry.summary}" for entry in ENGINES])]
FaceOption = Annotated[
    str | None,
    typer.Option(
        "--face",
        metavar="WHICH",
        help="Face that speaks: largest, left, right or an index, meant in the first frame that has a face, and then "
        "followed.",
        show_default="largest",
        autocompletion=complete_one_face,
        rich_help_panel=_FACE,
    ),
]
ReferenceOption = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        metavar="PERSON",
        help="The person in this picture speaks, and nobody else; needs recognition weights.",
        show_default=False,
        readable=False,
        rich_help_panel=_FACE,
    ),
]
RequireFaceOption = Annotated[
    bool,
    typer.Option(
        "--require-face",
        help="Fail where a frame does not show the face, instead of leaving it as it is.",
        rich_help_panel=_FACE,
    ),
]
SoundtrackOption = Annotated[
    Path | None,
    typer.Option(
        "--soundtrack",
        metavar="MIX",
        help="What is heard instead of AUDIO, which still moves the lips: the same voice with music, for example.",
        show_default=False,
        readable=False,
        rich_help_panel=_SOUND,
    ),
]
MixOriginalOption = Annotated[
    float,
    typer.Option(
        "--mix-original",
        metavar="0-4",
        help="How loud VIDEO's own sound stays under the new one: 0 not at all, 1 as it was.",
        rich_help_panel=_SOUND,
    ),
]
FitOption = Annotated[
    str,
    typer.Option(
        "--fit",
        metavar="WHOSE",
        help="Whose length the result has: audio, video, longest or shortest.",
        autocompletion=lambda: list(_FITS.items()),
        rich_help_panel=_SOUND,
    ),
]
ExtendOption = Annotated[
    str,
    typer.Option(
        "--extend",
        metavar="pingpong|loop|freeze",
        help="What is seen where VIDEO is the shorter: to and fro, again from the beginning, or its last picture.",
        autocompletion=lambda: list(_EXTENSIONS.items()),
        rich_help_panel=_SOUND,
    ),
]
SyncOffsetOption = Annotated[
    int,
    typer.Option(
        "--sync-offset",
        metavar="MS",
        help="Milliseconds by which the lips move later than the sound; negative: earlier.",
        rich_help_panel=_SOUND,
    ),
]
MouthStrengthOption = Annotated[
    float,
    typer.Option("--mouth-strength", metavar="0-2", help="How far the mouth moves.", rich_help_panel=_MOUTH),
]
NoCloseMouthOption = Annotated[
    bool,
    typer.Option(
        "--no-close-mouth",
        help="Do not close the mouth while nobody speaks: the mouth engine leaves it as it is, wav2lip goes on.",
        rich_help_panel=_MOUTH,
    ),
]
PadsOption = Annotated[
    str,
    typer.Option(
        "--pads",
        metavar="TOP,BOTTOM,LEFT,RIGHT",
        help="Room around the face that Wav2Lip is given, in percent of its box.",
        rich_help_panel=_MOUTH,
    ),
]
FpsOption = Annotated[
    str,
    typer.Option(
        "--fps",
        metavar="RATE",
        help="Frames a second where VIDEO is a picture: 25, 29.97, 30000/1001.",
        rich_help_panel=VIDEOS,
    ),
]
ChunkSecondsOption = Annotated[
    str,
    typer.Option(
        "--chunk-seconds",
        metavar="0.1-60",
        help="How much is made in one go; what is finished stays when a run is interrupted.",
        rich_help_panel=VIDEOS,
    ),
]
