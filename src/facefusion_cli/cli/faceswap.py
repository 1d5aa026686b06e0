"""``facefusion faceswap``: one face into one or many pictures."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.device_options import DeviceOption, ModelsDirOption
from facefusion_cli.cli.failures import in_words
from facefusion_cli.cli.offer import provision_for
from facefusion_cli.core.faceswap.engine import ENGINES, engine_names
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.faceswap.job import SwapJob, SwapResult
    from facefusion_cli.core.media.outputs import Output

__all__ = ["EXAMPLES", "faceswap"]

EXAMPLES = """\
Examples:
$ facefusion faceswap ada.jpg party.jpg
$ facefusion faceswap ada.jpg party.jpg -o result.png --face 0,2
$ facefusion faceswap ada.jpg holiday/*.jpg -o swapped/
"""

_ENGINES = "; ".join(f"{entry.name}: {entry.summary}" for entry in ENGINES)
_FACES, _MESSAGES = "Which faces", "Messages"


def _complete_engine() -> list[str]:
    return list(engine_names())


def _complete_face() -> list[tuple[str, str]]:
    return [*_complete_source_face(), ("all", "every face that is large enough")]


def _complete_source_face() -> list[tuple[str, str]]:
    return [
        ("largest", "the widest one"),
        ("left", "the first from the left"),
        ("right", "the first from the right"),
    ]


def faceswap(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Picture with the face to take.", show_default=False, readable=False),
    ],
    targets: Annotated[
        list[Path],
        # Not judged by Typer: one unreadable target must not keep the others from being done.
        typer.Argument(
            metavar="TARGET", help="Picture to put it into, or several.", show_default=False, readable=False
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="File to write; for several targets a folder, or a template such as 'new/{stem}_ada{suffix}'. "
            "Without it the result of one target goes beside it as {stem}_swapped{suffix} and replaces nothing.",
            show_default=False,
        ),
    ] = None,
    no_clobber: Annotated[
        bool,
        typer.Option(
            "--no-clobber", help="Refuse to replace a file that exists; of several targets the others are still made."
        ),
    ] = False,
    image_quality: Annotated[
        int,
        typer.Option(
            "--image-quality",
            metavar="1-100",
            help="Quality of formats that lose detail, such as JPEG.",
        ),
    ] = 95,
    keep_metadata: Annotated[
        bool,
        typer.Option(
            "--keep-metadata",
            help="Keep in TARGET's metadata also the place (GPS), author, owner, serial numbers and the like.",
        ),
    ] = False,
    face: Annotated[
        str,
        typer.Option(
            "--face",
            metavar="WHICH",
            help="Face to replace in TARGET: largest, left, right, all, or indices such as 0 or 0,2, "
            "as 'facefusion faces TARGET' lists them.",
            autocompletion=_complete_face,
            rich_help_panel=_FACES,
        ),
    ] = "largest",
    source_face: Annotated[
        str,
        typer.Option(
            "--source-face",
            metavar="WHICH",
            help="Face to take from SOURCE: largest, left, right or an index.",
            autocompletion=_complete_source_face,
            rich_help_panel=_FACES,
        ),
    ] = "largest",
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="|".join(engine_names()),
            help=f"auto: the best that is ready; {_ENGINES}.",
            autocompletion=_complete_engine,
        ),
    ] = "auto",
    device: DeviceOption = None,
    models_dir: ModelsDirOption = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON object a line for each TARGET.", rich_help_panel=_MESSAGES),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print nothing but results and errors.", rich_help_panel=_MESSAGES)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more, also about errors.", rich_help_panel=_MESSAGES)
    ] = False,
) -> int:
    """Put the face of SOURCE into TARGET.

    Prints the path of each new picture. With several targets it goes on after a failure and lists the failed ones last.
    """
    console: Console = context.obj
    console.json, console.quiet, console.verbose = json, quiet, verbose
    try:
        with in_words():
            from facefusion_cli.core.media.outputs import plan_outputs

            outputs = plan_outputs(targets, out, clobber=not no_clobber, inputs=[source])
            # Only now, with the names found good, what takes a moment to import.
            from facefusion_cli.core.faces.selection import parse_selection
            from facefusion_cli.core.faceswap.job import SwapJob, SwapOptions

            job = SwapJob(
                source,
                SwapOptions(
                    engine=engine,
                    face=parse_selection(face, name="--face", several=True),
                    source_face=parse_selection(source_face, name="--source-face", several=False),
                    image_quality=image_quality,
                    keep_metadata=keep_metadata,
                    device=device,
                ),
                provision_for(console, models_dir),
            )
            with console.busy(f"reading the face of {source.name}"):
                job.read()
            # Weights are large: not for the sake of a name that was mistyped.
            if any(os.path.exists(output.target) for output in outputs):  # noqa: PTH110  (Path.exists may raise)
                if note := job.choose():
                    console.warning(note)
                with console.busy("loading the engine"):
                    job.prepare()
    except FaceFusionError as error:
        console.failure(error, source=str(source), target=None, output=None)
        return error.exit_code
    return _swap_each(console, job, source, outputs)


def _swap_each(console: Console, job: "SwapJob", source: Path, outputs: "Sequence[Output]") -> int:
    """Swap target after target; the exit code is a lone target's own, or 1 if any of several failed."""
    # The errors themselves are let go: through their tracebacks they would hold every picture that failed.
    failed: list[Path] = []
    exit_code = 0
    for number, output in enumerate(outputs, start=1):
        count = f" ({number} of {len(outputs)})" if len(outputs) > 1 else ""
        try:
            with in_words(), console.busy(f"face of {source.name} -> {output.target.name}{count}"):
                result = job.run(output)
        except FaceFusionError as error:
            console.failure(error, source=str(source), target=str(output.target), output=None)
            failed.append(output.target)
            exit_code = error.exit_code
        else:
            about = f"{output.target.name}: " if len(outputs) > 1 else ""
            for note in result.notes:
                console.warning(about + note)
            _present(console, source, result)
    if not failed:
        return 0
    if len(outputs) == 1:
        return exit_code
    names = ", ".join(f'"{target}"' for target in failed)
    console.error(f"{len(failed)} of {len(outputs)} pictures failed: {names}.")
    return 1


def _present(console: Console, source: Path, result: "SwapResult") -> None:
    assert result.target is not None
    assert result.output is not None
    name = result.target.name
    console.detail(f'faces found in "{name}": {result.found}; replaced: {", ".join(map(str, result.faces))}.')
    console.done(f"face of {source.name} -> {name} ({result.engine} engine, {result.seconds:.1f} s)")
    console.path(result.output)
    console.record(
        ok=True,
        source=str(source),
        target=str(result.target),
        output=str(result.output),
        engine=result.engine,
        faces=list(result.faces),
        found=result.found,
        seconds=round(result.seconds, 3),
        warnings=list(result.notes),
    )
