"""Options of commands that make videos: which part, how encoded, and what becomes of many files."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from facefusion_cli.cli.plain import PlainCommand
from facefusion_cli.core.media.video.clock import CLOCK, seconds_of
from facefusion_cli.errors import UsageError

__all__ = [
    "MESSAGES",
    "NO_MARK",
    "VIDEOS",
    "CodecOption",
    "CrfOption",
    "DryRunOption",
    "DurationOption",
    "ForceOption",
    "JobsOption",
    "KeepMetadataOption",
    "NoClobberOption",
    "NoMarkOption",
    "NoResumeOption",
    "PresetOption",
    "PreviewOption",
    "QuietOption",
    "StartOption",
    "StrictOption",
    "VerboseOption",
    "VideoCommand",
    "check_jobs",
    "complete_one_face",
    "engine_option",
    "seconds_of",
]

VIDEOS, MESSAGES = "Videos", "Messages"
_MANY = "Many files"
_PREVIEW_SECONDS = "10"


class VideoCommand(PlainCommand):
    """A command whose option ``--preview`` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line; ``ctx`` is Typer's context."""
        words, end = list(args), args.index("--") if "--" in args else len(args)
        for place in range(end):
            following = words[place + 1] if place + 1 < end else ""
            if words[place] == "--preview" and not CLOCK.fullmatch(following):
                words[place] = f"--preview={_PREVIEW_SECONDS}"
        return super().parse_args(ctx, words)


def check_jobs(jobs: int) -> None:
    """Raise UsageError if so many files cannot be worked on at the same time."""
    if jobs < 1:
        raise UsageError(f"--jobs {jobs} cannot be.", hint="Take 1 or more.")


def engine_option(names: Sequence[str], summaries: Sequence[str]) -> Any:
    """The option ``--engine`` for engines of these ``names``, "auto" among them; ``summaries`` for all but that."""
    return typer.Option(
        "--engine",
        metavar="|".join(names),
        help=f"auto: the best that is ready; {'; '.join(summaries)}.",
        autocompletion=lambda: list(names),
    )


def complete_one_face() -> list[tuple[str, str]]:
    """Words by which one face is chosen."""
    return [
        ("largest", "the widest one"),
        ("left", "the first from the left"),
        ("right", "the first from the right"),
    ]


def _complete_codec() -> list[str]:
    from facefusion_cli.core.media.video.encoders import codec_names

    return ["auto", *codec_names()]


def _complete_preset() -> list[str]:
    from facefusion_cli.core.media.video.encoders import PRESETS

    return list(PRESETS)


NoClobberOption = Annotated[
    bool,
    typer.Option(
        "--no-clobber", help="Refuse to replace a file that exists; of several targets the others are still made."
    ),
]
KeepMetadataOption = Annotated[
    bool,
    typer.Option(
        "--keep-metadata",
        help="Keep in the metadata also the place (GPS), author, owner, serial numbers and the like.",
    ),
]
NoMarkOption = Annotated[
    bool,
    typer.Option(
        "--no-mark", help="Do not write into the result that it is synthetic; for research. See docs/provenance.md."
    ),
]
NO_MARK = (
    "--no-mark: the result does not say that it is synthetic. Whoever shows or passes it on has to say so, by law in "
    "many countries (in the EU by Article 50 of the AI Act)."
)
CrfOption = Annotated[
    int,
    typer.Option(
        "--crf", metavar="0-51", help="Quality of the video: smaller is better and larger.", rich_help_panel=VIDEOS
    ),
]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Speed of the encoder, as x264 names it.",
        autocompletion=_complete_preset,
        rich_help_panel=VIDEOS,
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
        rich_help_panel=VIDEOS,
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Begin here: seconds, or a time such as 1:02:03.",
        show_default="the beginning",
        rich_help_panel=VIDEOS,
    ),
]
DurationOption = Annotated[
    str | None,
    typer.Option("--duration", metavar="TIME", help="Do so much.", show_default="to the end", rich_help_panel=VIDEOS),
]
PreviewOption = Annotated[
    str | None,
    typer.Option(
        "--preview",
        metavar="[SECONDS]",
        help="Do only so much from the middle (10 s), and say what the whole would take.",
        show_default=False,
        rich_help_panel=VIDEOS,
    ),
]
NoResumeOption = Annotated[
    bool,
    typer.Option(
        "--no-resume", help="Begin anew, instead of going on where a run was interrupted.", rich_help_panel=VIDEOS
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse a damaged video, instead of keeping the frames that can be decoded.",
        rich_help_panel=VIDEOS,
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
QuietOption = Annotated[
    bool, typer.Option("-q", "--quiet", help="Print nothing but results and errors.", rich_help_panel=MESSAGES)
]
VerboseOption = Annotated[
    bool, typer.Option("-v", "--verbose", help="Say more, also about errors.", rich_help_panel=MESSAGES)
]
