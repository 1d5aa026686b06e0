"""``facefusion faces``: which faces a picture has, and by which index each can be asked for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.device_options import DeviceOption, ModelsDirOption
from facefusion_cli.cli.offer import provision_for
from facefusion_cli.cli.swap_options import EngineOption
from facefusion_cli.core.failures import in_words
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.images import Picture
    from facefusion_cli.core.media.outputs import Output

__all__ = ["EXAMPLES", "faces"]

EXAMPLES = """\
Examples:
$ facefusion faces party.jpg
$ facefusion faces party.jpg -o numbered.png
"""


def faces(
    context: typer.Context,
    picture: Annotated[
        Path,
        typer.Argument(metavar="PICTURE", help="Picture to look for faces in.", show_default=False, readable=False),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Also write a copy of the picture with the faces boxed and numbered.",
            show_default=False,
        ),
    ] = None,
    no_clobber: Annotated[bool, typer.Option("--no-clobber", help="Refuse to replace a file that exists.")] = False,
    engine: EngineOption = "auto",
    device: DeviceOption = None,
    models_dir: ModelsDirOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with the faces' points.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but results and errors.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say more, also about errors.")] = False,
) -> int:
    """List the faces of PICTURE.

    Indices count from 0, left to right; the options --face and --source-face of faceswap take them.

    Boxes are left, top, right, bottom in pixels; the size is the width of the face from ear to ear.
    """
    console: Console = context.obj
    console.json, console.quiet, console.verbose = json, quiet, verbose
    try:
        with in_words():
            return _list(console, picture, out, engine, device, models_dir, clobber=not no_clobber)
    except FaceFusionError as error:
        console.failure(error, file=str(picture))
        return error.exit_code


def _list(
    console: Console,
    path: Path,
    out: str | None,
    engine: str,
    device: str | None,
    models_dir: Path | None,
    *,
    clobber: bool,
) -> int:
    from facefusion_cli.core.media.outputs import plan_outputs

    # Before any work, and before the imports that take a moment.
    output = plan_outputs([path], out, clobber=clobber)[0] if out is not None else None

    from facefusion_cli.core.faces.selection import no_face_found
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faceswap.finding import engine_for_finding
    from facefusion_cli.core.media.images import read_picture

    with console.busy(f"reading {path.name}"):
        picture = read_picture(path)
    provision = provision_for(console, models_dir)
    chosen = engine_for_finding(engine, provision)
    with console.busy(f"looking for faces in {path.name}"):
        found = chosen.finder(Tools(provision, device)).find(picture.bgr)
    for note in picture.notes:
        console.warning(note)
    if not found:
        raise no_face_found(f'"{path}"')
    annotated = None if output is None else _write_annotated(output, picture, found)
    if not console.json:
        console.table(_COLUMNS, [_row(index, face) for index, face in enumerate(found)])
    if annotated is not None:
        console.path(annotated)
    console.record(
        ok=True,
        file=str(path),
        width=picture.width,
        height=picture.height,
        faces=[_described(index, face) for index, face in enumerate(found)],
        engine=chosen.name,
        annotated=None if annotated is None else str(annotated),
        warnings=list(picture.notes),
    )
    return 0


def _write_annotated(output: "Output", picture: "Picture", found: "Sequence[Face]") -> Path:
    from facefusion_cli.core.faces.annotate import annotate
    from facefusion_cli.core.media.encode import write_picture
    from facefusion_cli.core.media.images import picture_from_array
    from facefusion_cli.core.media.outputs import AtomicOutput

    with AtomicOutput(output) as file:
        write_picture(picture_from_array(annotate(picture.bgr, found), output.path), file.temporary)
        return file.commit()


_COLUMNS = ("index", "left", "top", "right", "bottom", "size", "score", "")


def _row(index: int, face: "Face") -> list[str]:
    box = [f"{edge:.0f}" for edge in face.box]
    return [str(index), *box, f"{int(face.size)}", f"{face.score:.2f}", "" if _swappable(face) else "too small to swap"]


def _described(index: int, face: "Face") -> dict[str, Any]:
    return {
        "index": index,
        "box": [round(edge, 1) for edge in face.box],
        "size": int(face.size * 10) / 10,  # never rounded up to a size that would be enough
        "score": round(face.score, 4),
        "roll": round(face.roll, 1),
        "points": [[round(float(x), 1), round(float(y), 1)] for x, y in face.points],
        "swappable": _swappable(face),
    }


def _swappable(face: "Face") -> bool:
    from facefusion_cli.core.faces.face import MINIMUM_SIZE

    return face.size >= MINIMUM_SIZE
