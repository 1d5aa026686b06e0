"""``facefusion lipsync``: faces made to speak."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from facefusion_cli.cli import lip_options as options
from facefusion_cli.cli import video_options as shared
from facefusion_cli.cli.device_options import DeviceOption, ModelsDirOption, PrecisionOption, ThreadsOption
from facefusion_cli.cli.offer import provision_for
from facefusion_cli.core.failures import in_words
from facefusion_cli.core.media.video.encoders import CRF, PRESET, EncodeOptions, encoder_for
from facefusion_cli.errors import FaceFusionError, UsageError

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.device import PrecisionWish

__all__ = ["EXAMPLES", "lipsync"]

EXAMPLES = """\
Examples:
$ facefusion lipsync talk.mp4 voice.wav
$ facefusion lipsync portrait.jpg voice.mp3 -o talking.mp4
$ facefusion lipsync talk.mp4 voice.wav -o new.mp4 --preview
$ facefusion lipsync talk.mp4 voice.wav --soundtrack mix.wav --fit video
$ facefusion lipsync talk.mp4 voices/ -o spoken/
$ facefusion lipsync videos/ voices/ -o spoken/ --jobs 2
"""


def lipsync(
    context: typer.Context,
    files: Annotated[
        # Not judged by Typer: one unreadable file must not keep the others from being done.
        list[str],
        typer.Argument(
            metavar="VIDEO AUDIO",
            help="Video or picture with the face that is to speak, and the sound or video with what it is to say, or "
            "several of both; folders and patterns too, paired by name.",
            show_default=False,
        ),
    ],
    out: options.OutputOption = None,
    no_clobber: shared.NoClobberOption = False,
    keep_metadata: shared.KeepMetadataOption = False,
    no_mark: shared.NoMarkOption = False,
    engine: options.EngineOption = "auto",
    face: options.FaceOption = None,
    reference: options.ReferenceOption = None,
    require_face: options.RequireFaceOption = False,
    soundtrack: options.SoundtrackOption = None,
    mix_original: options.MixOriginalOption = 0.0,
    fit: options.FitOption = "audio",
    extend: options.ExtendOption = "pingpong",
    sync_offset: options.SyncOffsetOption = 0,
    mouth_strength: options.MouthStrengthOption = 1.0,
    no_close_mouth: options.NoCloseMouthOption = False,
    pads: options.PadsOption = "0,5,0,0",
    fps: options.FpsOption = "25",
    chunk_seconds: options.ChunkSecondsOption = "60",
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
        typer.Option("--json", help="Print a JSON object a line for each result.", rich_help_panel=shared.MESSAGES),
    ] = False,
    quiet: shared.QuietOption = False,
    verbose: shared.VerboseOption = False,
) -> int:
    """Make the face in VIDEO speak AUDIO.

    Prints the path of each new file. Of several words those that name sounds are AUDIO, else the last. One AUDIO goes
    with every VIDEO and one VIDEO with every AUDIO; otherwise those of the same name go together. With several it goes
    on after a failure and lists the failed ones last; of what lies in a folder already, only what has changed is made
    again.
    """
    console: Console = context.obj
    console.json, console.quiet, console.verbose = json, quiet, verbose
    try:
        with in_words():
            if len(files) < 2:
                raise UsageError("missing argument 'AUDIO'.", hint='Try "facefusion lipsync --help".')
            if face is not None and reference is not None:
                raise UsageError("--face chooses by place, --reference by person: only one of them can be.")
            shared.check_jobs(jobs)
            if no_mark:
                console.notice(shared.NO_MARK)
            from facefusion_cli.core.faces.selection import parse_selection
            from facefusion_cli.core.lipsync.checks import check_options
            from facefusion_cli.core.lipsync.options import LipSyncOptions
            from facefusion_cli.core.media.video.options import VideoOptions

            encoder_for(codec)
            chunk = shared.seconds_of(chunk_seconds, "--chunk-seconds")
            assert chunk is not None
            wanted = LipSyncOptions(
                engine=engine,
                face=parse_selection(face or "largest", name="--face", several=False),
                reference=reference,
                soundtrack=soundtrack,
                mix_original=mix_original,
                fit=options.fit_of(fit),
                extend=options.extend_of(extend),
                fps=options.rate_of(fps),
                sync_offset=sync_offset,
                mouth_strength=mouth_strength,
                close_mouth=not no_close_mouth,
                pads=options.pads_of(pads),
                require_face=require_face,
                chunk_seconds=chunk,
                keep_metadata=keep_metadata,
                mark=not no_mark,
                device=device,
                precision=cast("PrecisionWish", precision),
                threads=threads,
                video=VideoOptions(
                    EncodeOptions(codec, crf, preset),
                    start=shared.seconds_of(start, "--start"),
                    duration=shared.seconds_of(duration, "--duration"),
                    preview=shared.seconds_of(preview, "--preview"),
                    resume=not no_resume,
                    strict=strict,
                ),
            )
            check_options(wanted)
            from facefusion_cli.cli.batch_run import BatchRun
            from facefusion_cli.cli.lip_present import LipPresentation
            from facefusion_cli.cli.settled import settle
            from facefusion_cli.core.batch.pairs import find_pairs, sort_words
            from facefusion_cli.core.media.video.containers import check_container

            videos, sounds = sort_words(files)
            given = [path for path in (reference, soundtrack) if path is not None]
            settled = settle(
                lambda is_result: find_pairs(videos, sounds, out, is_result=is_result),
                out,
                given,
                clobber=not no_clobber,
                label="lipsync" if preview is None else "preview",
            )
            if len(settled.outputs) == 1:
                check_container(settled.outputs[0].path, codec)
            # Only now, with the words found good, what takes a moment to import.
            from facefusion_cli.core.lipsync.job import LipSyncJob
            from facefusion_cli.core.media.video.rates import usual_rate

            job = LipSyncJob(replace(wanted, fps=usual_rate(wanted.fps)), provision_for(console, models_dir))
            presentation = LipPresentation(console, given, settled.outputs)
            run = BatchRun(console, job, presentation, settled, jobs=jobs, force=force)
            return run.list() if dry_run else run.run()
    except FaceFusionError as error:
        console.failure(error, target=None, audio=None, output=None)
        return error.exit_code
