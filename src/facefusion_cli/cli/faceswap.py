"""``facefusion faceswap``: one face, or several persons' faces, into pictures and videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from facefusion_cli.cli import swap_options as options
from facefusion_cli.cli import video_options as shared
from facefusion_cli.cli.device_options import DeviceOption, ModelsDirOption, PrecisionOption, ThreadsOption
from facefusion_cli.cli.offer import provision_for
from facefusion_cli.core.failures import in_words
from facefusion_cli.core.media.video.encoders import CRF, PRESET, EncodeOptions
from facefusion_cli.errors import FaceFusionError, UsageError

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.device import PrecisionWish

__all__ = ["EXAMPLES", "faceswap"]

EXAMPLES = """\
Examples:
$ facefusion faceswap ada.jpg party.jpg
$ facefusion faceswap ada.jpg party.jpg -o result.png --face 0,2
$ facefusion faceswap ada.jpg holiday/*.jpg -o swapped/
$ facefusion faceswap ada.jpg talk.mp4 -o new.mp4 --preview
$ facefusion faceswap ada.jpg holiday/ -o swapped/ --jobs 2
$ facefusion faceswap --map bob.jpg=ada.jpg --map eve.jpg=cleo.jpg party.jpg
"""


def faceswap(
    context: typer.Context,
    files: Annotated[
        # Not judged by Typer: one unreadable target must not keep the others from being done.
        list[str],
        typer.Argument(
            metavar="SOURCE TARGET",
            help="Picture with the face to take, and the picture or video to put it into, or several; "
            "folders and patterns too. With --map there is no SOURCE.",
            show_default=False,
        ),
    ],
    out: options.OutputOption = None,
    no_clobber: shared.NoClobberOption = False,
    image_quality: options.ImageQualityOption = 95,
    keep_metadata: shared.KeepMetadataOption = False,
    no_mark: shared.NoMarkOption = False,
    face: options.FaceOption = None,
    source_face: options.SourceFaceOption = "largest",
    reference: options.ReferenceOption = None,
    extra_source: options.ExtraSourceOption = None,
    mapping: options.MapOption = None,
    engine: options.EngineOption = "auto",
    boost: options.BoostOption = "auto",
    strength: options.StrengthOption = 1.0,
    keep_mouth: options.KeepMouthOption = False,
    start: shared.StartOption = None,
    duration: shared.DurationOption = None,
    preview: shared.PreviewOption = None,
    crf: shared.CrfOption = CRF,
    preset: shared.PresetOption = PRESET,
    codec: shared.CodecOption = "auto",
    strict: shared.StrictOption = False,
    no_resume: shared.NoResumeOption = False,
    jobs: shared.JobsOption = 1,
    force: shared.ForceOption = False,
    dry_run: shared.DryRunOption = False,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    models_dir: ModelsDirOption = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON object a line for each TARGET.", rich_help_panel=shared.MESSAGES),
    ] = False,
    quiet: shared.QuietOption = False,
    verbose: shared.VerboseOption = False,
) -> int:
    """Put the face of SOURCE into TARGET.

    Prints the path of each new file. With several targets it goes on after a failure and lists the failed ones last; of
    what lies in a folder already, only what has changed is made again.
    """
    console: Console = context.obj
    console.json, console.quiet, console.verbose = json, quiet, verbose
    source = None if mapping else Path(files[0])
    targets = files if mapping else files[1:]
    try:
        with in_words():
            if not targets:
                raise UsageError("missing argument 'TARGET'.", hint='Try "facefusion faceswap --help".')
            pairs = tuple(map(options.pair_of, mapping or []))
            if len(targets) > 1 and options.is_one_of(targets[0], [path for _, path in pairs]):
                raise UsageError(f'with --map there is no SOURCE, so "{targets[0]}" would be a target.')
            if face is not None and (pairs or reference is not None):
                raise UsageError("--face chooses by place, --reference and --map by person: only one of them can be.")
            shared.check_jobs(jobs)
            if no_mark:
                console.notice(shared.NO_MARK)
            from facefusion_cli.cli.batch_run import BatchRun
            from facefusion_cli.cli.settled import settle
            from facefusion_cli.cli.swap_present import SwapPresentation
            from facefusion_cli.core.batch.targets import find_targets

            given = [source, *(extra_source or ()), reference, *(path for pair in pairs for path in pair)]
            settled = settle(
                lambda is_result: find_targets(targets, out, is_result=is_result),
                out,
                [path for path in given if path is not None],
                clobber=not no_clobber,
                label="swapped" if preview is None else "preview",
            )
            videos = any(output.kind == "video" for output in settled.outputs)
            if settled.outputs and not videos and (idle := options.idle_video_options(context)):
                console.warning(f"without effect, since no target is a video: {', '.join(idle)}.")
            # Only now, with the words found good, what takes a moment to import.
            from facefusion_cli.core.faces.selection import parse_selection
            from facefusion_cli.core.faceswap.engine import SwapSettings
            from facefusion_cli.core.faceswap.job import SwapJob
            from facefusion_cli.core.faceswap.options import People, SwapOptions
            from facefusion_cli.core.media.video.options import VideoOptions

            wanted = SwapOptions(
                engine=engine,
                face=parse_selection(face or "largest", name="--face", several=True),
                source_face=parse_selection(source_face, name="--source-face", several=False),
                image_quality=image_quality,
                keep_metadata=keep_metadata,
                mark=not no_mark,
                device=device,
                precision=cast("PrecisionWish", precision),
                threads=threads,
                settings=SwapSettings(options.boost_of(boost), strength, keep_mouth),
                people=People(tuple(extra_source or ()), reference, pairs),
                video=VideoOptions(
                    EncodeOptions(codec, crf, preset),
                    start=shared.seconds_of(start, "--start"),
                    duration=shared.seconds_of(duration, "--duration"),
                    preview=shared.seconds_of(preview, "--preview"),
                    resume=not no_resume,
                    strict=strict,
                ),
            )
            job = SwapJob(source, wanted, provision_for(console, models_dir))
            run = BatchRun(console, job, SwapPresentation(console, source), settled, jobs=jobs, force=force)
            return run.list() if dry_run else run.run()
    except FaceFusionError as error:
        console.failure(error, source=None if source is None else str(source), target=None, output=None)
        return error.exit_code
