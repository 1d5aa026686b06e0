"""A lip sync with a network of random weights, or without one, as the benchmark needs it; also as a process.

Usage: python scripts/_bench_lipsync_run.py CLIP SOUND OUTPUT [CHECKPOINT]

Prints a line of JSON. Without a checkpoint the embedded engine moves the mouth.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from _replica_wav2lip import TRUE_WIDTH, random_state

from facefusion_cli.core.faces.finder import shared_analyser
from facefusion_cli.core.lipsync.engine import SyncSettings
from facefusion_cli.core.lipsync.loaded import Loaded
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.lipsync.video import sync_video
from facefusion_cli.core.media.naming import Target
from facefusion_cli.core.media.outputs import plan_outputs
from facefusion_cli.core.media.video.watcher import SILENT
from facefusion_cli.core.memory import limit_heaps

if TYPE_CHECKING:
    from facefusion_cli.core.device import Device
    from facefusion_cli.core.inference.verdicts import Verdict
    from facefusion_cli.core.lipsync.result import LipSyncResult
    from facefusion_cli.core.lipsync.wav2lip.network import Generator

__all__ = ["generator", "mouth", "sync", "wav2lip", "write_checkpoint"]


def write_checkpoint(path: Path, width: int = TRUE_WIDTH) -> Path:
    """Write random weights as the store keeps them; returns the path."""
    from safetensors.numpy import save_file

    save_file(dict(random_state(width)), path)
    return path


def generator(checkpoint: Path, device: Device) -> tuple[Generator, Verdict]:
    """The network, and what runs it."""
    from facefusion_cli.core.lipsync.wav2lip.network import Generator, open_generator_network

    limit_heaps()  # as every run does, before there is anything in them
    network = open_generator_network(checkpoint, device, sha256=checkpoint.stem)
    return Generator(checkpoint, network), network.verdict


def wav2lip(network: Generator) -> Loaded:
    """Everything for lip syncs with that network."""
    from facefusion_cli.core.lipsync.wav2lip.engine import Wav2Lip

    options = LipSyncOptions()
    engine = Wav2Lip("wav2lip", network, SyncSettings(options.pads))
    return Loaded(engine, "cpu", shared_analyser(), None, None, options, ())


def mouth() -> Loaded:
    """Everything for lip syncs with the embedded engine."""
    from facefusion_cli.core.lipsync.mouth.engine import MouthWarper

    options = LipSyncOptions()
    return Loaded(MouthWarper(SyncSettings(options.pads)), "cpu", shared_analyser(), None, None, options, ())


def sync(loaded: Loaded, clip: Path, sound: Path, output: Path) -> LipSyncResult:
    """One lip sync, from the files to the file."""
    limit_heaps()
    (planned,) = plan_outputs([Target(clip, "video", sound=sound)], str(output))
    return sync_video(loaded, planned, SILENT, (), {})


def _main() -> int:
    from facefusion_cli.core.device import select_device

    clip, sound, output, *checkpoint = map(Path, sys.argv[1:])
    loaded = wav2lip(generator(checkpoint[0], select_device())[0]) if checkpoint else mouth()
    result = sync(loaded, clip, sound, output)
    print(json.dumps({"frames": result.frames, "spoken": result.spoken, "peak_memory": result.peak_memory}))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
