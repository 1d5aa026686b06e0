"""Write networks of true architecture and size with random weights, 1.3 GB, to measure speed and to try out contracts.

Usage: python scripts/make_replica_weights.py DIR [FILE...]

The files have the names, inputs, outputs and layout of the published ones, as far as those are known, and are the same
bytes each time. The store of weights takes none of them, since no catalogued SHA-256 is theirs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _replica_checkpoint import LazyTensor, training_checkpoint, write_legacy
from _replica_faces import recogniser, swapper
from _replica_graph import normal
from _replica_wav2lip import TRUE_WIDTH, export, random_state, random_tensor, shapes

from facefusion_cli.core.weights.wav2lip_layout import COUNTER

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx
    from numpy.typing import NDArray

__all__ = ["REPLICAS", "write_wav2lip"]

_BUFFERS = ("running_mean", "running_var", COUNTER)
"""Ends of the keys whose tensors are not trained."""


def write_wav2lip(path: Path, width: int = TRUE_WIDTH) -> None:
    """Write a training checkpoint: the state dict with ``module.`` before each key, and the optimizer's state."""
    known = shapes(width)
    numbers = {key: number for number, key in enumerate(sorted(known))}

    def tensor(key: str) -> LazyTensor:
        return LazyTensor(known[key], lambda: random_tensor(key, known[key], numbers[key]), whole=key.endswith(COUNTER))

    def moment(key: str, power: int) -> LazyTensor:
        def values() -> NDArray[np.float32]:
            return normal(np.random.default_rng(2000 + numbers[key]), known[key], 1e-3) ** np.float32(power)

        return LazyTensor(known[key], values)

    state = {f"module.{key}": tensor(key) for key in known}
    moments = [(moment(key, 1), moment(key, 2)) for key in known if not key.endswith(_BUFFERS)]
    write_legacy(training_checkpoint(state, moments), path)


def _write_onnx(make: Callable[[], onnx.ModelProto]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(make().SerializeToString(deterministic=True))

    return write


REPLICAS: dict[str, Callable[[Path], None]] = {
    "inswapper_128.onnx": _write_onnx(swapper),
    "w600k_r50.onnx": _write_onnx(recogniser),
    "wav2lip.onnx": _write_onnx(lambda: export(random_state())),
    "wav2lip.pth": write_wav2lip,
}


def main() -> int:
    """Write the files named, or all of them."""
    parser = argparse.ArgumentParser(description="Write networks of true architecture and size with random weights.")
    parser.add_argument("directory", metavar="DIR", type=Path, help="where to put them")
    parser.add_argument("files", metavar="FILE", nargs="*", help=f"of {', '.join(REPLICAS)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.files) - set(REPLICAS):
        parser.error(f"there is no replica of {', '.join(sorted(unknown))}; there are {', '.join(REPLICAS)}")
    options.directory.mkdir(parents=True, exist_ok=True)
    for name in options.files or REPLICAS:
        path = options.directory / name
        part = path.with_name(f"{name}.part")
        REPLICAS[name](part)
        part.replace(path)
        print(f"{path}: {path.stat().st_size:,} bytes", flush=True)
    print("These weights are random: good for speed and contracts, useless for pictures.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
