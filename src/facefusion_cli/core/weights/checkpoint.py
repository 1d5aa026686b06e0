"""Wav2Lip checkpoints: read without running anything that is in them, checked, and kept as safetensors."""

from __future__ import annotations

import math
import pickle
import re
import warnings
import zipfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.sized import SizedReader
from facefusion_cli.core.weights import wav2lip_layout
from facefusion_cli.core.weights.kinds import kind_of, refusal_by_kind
from facefusion_cli.errors import WeightsDamagedError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

__all__ = ["convert_checkpoint", "load_checkpoint", "save_checkpoint", "saved_bytes"]

_PREFIX = "module."  # torch's DataParallel puts it before each name
_BYTES_ASKED_FOR = re.compile(r"tried to allocate (\d+) bytes")


def convert_checkpoint(path: Path, target: Path, called: str) -> None:
    """Write what ``load_checkpoint`` reads to ``target``, as safetensors.

    Raises:
        WeightsDamagedError: it is no such checkpoint, or damaged.
        WeightsError: there is not enough memory.
        OSError: a file cannot be read or written; nothing is left of ``target``.
    """
    try:
        save_checkpoint(load_checkpoint(path, called), target)
    except MemoryError as error:
        raise WeightsError(
            f'there is not enough memory to convert "{called}": about 1 GB is needed.',
            hint="Close other programs and try again; nothing has to be downloaded again.",
        ) from error


@contextmanager
def _lack_of_memory() -> Iterator[None]:
    """Name it as Python does: torch has no error of its own for it."""
    try:
        yield
    except RuntimeError as error:
        if _BYTES_ASKED_FOR.search(str(error)):
            raise MemoryError(str(error)) from error
        raise


@_lack_of_memory()
def load_checkpoint(path: Path, called: str | None = None) -> dict[str, Tensor]:
    """Read a checkpoint's tensors, float32 on the CPU, by their names in ``wav2lip_layout``.

    It may be in torch's legacy form or a zip file, both unpickled by torch's restricted reader, or a safetensors file;
    a state dict by itself or under ``state_dict`` with an optimizer beside it; with or without ``module.`` before the
    names. All tensors must be there and no others, of the right shape and type, and finite.

    ``called``: the name for error messages, where it is not the path's.

    Raises:
        WeightsDamagedError: it is no such checkpoint, or damaged.
        OSError: it cannot be read.
        MemoryError: there is not enough memory.
    """
    called = called or str(path)
    kind = kind_of(path)
    if refusal := refusal_by_kind(called, kind):
        raise refusal
    # Passed on without a name, so that an optimizer is let go before the copies are made.
    if kind == "safetensors":
        return _checked(_state_dict(_read_safetensors(path, called), called), called)
    if kind in {"legacy-checkpoint", "checkpoint"}:
        return _checked(_state_dict(_read_pickle(path, called, zipped=kind == "checkpoint"), called), called)
    raise _not_a_checkpoint(
        called, "it is a zip file cut short or of other things" if kind == "zip" else "it does not begin like one"
    )


@_lack_of_memory()
def save_checkpoint(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write the tensors as safetensors.

    Raises:
        OSError: it cannot be written; nothing is left.
        MemoryError: there is not enough memory.
    """
    from safetensors.torch import save

    # Not save_file: its error for a full disk is a text without a number.
    content = save(dict(tensors))
    try:
        path.write_bytes(content)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def saved_bytes() -> int:
    """How large a saved checkpoint is, but for its header of a few kilobytes."""
    return sum(4 * math.prod(shape) for shape in wav2lip_layout.layout().values())


def _read_safetensors(path: Path, called: str) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise _damaged(called) from error


def _read_pickle(path: Path, called: str, *, zipped: bool) -> object:
    import torch

    if zipped:
        _refuse_compressed(path, called)
    try:
        with warnings.catch_warnings(), SizedReader(path) as file:
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            # On hosts without CUDA map_location is what makes the published files, saved on a GPU, readable at all.
            return torch.load(path if zipped else file, map_location="cpu", weights_only=True)
    except (MemoryError, OSError):
        raise
    except pickle.UnpicklingError as error:
        raise WeightsDamagedError(
            f'"{called}" is damaged, or asks for more than plain tensors; it was not loaded.',
            hint="Do not use it: fetch the file from one of the known sources.",
        ) from error
    except Exception as error:
        # What is broken can end in nearly any exception of the reader's.
        asked = _BYTES_ASKED_FOR.search(str(error))
        if asked and int(asked[1]) <= path.stat().st_size:
            raise MemoryError(str(error)) from error
        raise _damaged(called) from error


def _refuse_compressed(path: Path, called: str) -> None:
    """torch stores its members as they are; a compressed one could unpack to any size."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members) or (
        sum(member.file_size for member in members) > path.stat().st_size
    ):
        raise _not_a_checkpoint(called, "its members are compressed")


def _state_dict(content: object, called: str) -> dict[str, Any]:
    """What a checkpoint says is the network's, without the prefix."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise _not_a_checkpoint(called, "it holds no state dict")
    tensors = {name.removeprefix(_PREFIX): value for name, value in state.items()}
    if len(tensors) != len(state):
        raise _not_a_checkpoint(called, f'it has names with and without "{_PREFIX}"')
    return tensors


def _checked(tensors: dict[str, Any], called: str) -> dict[str, Tensor]:
    layout = wav2lip_layout.layout()
    _refuse_names(called, "lacks", [name for name in layout if name not in tensors])
    _refuse_names(called, "has an unknown", [name for name in tensors if name not in layout])
    return {name: _checked_tensor(called, name, tensors.pop(name), shape) for name, shape in layout.items()}


def _checked_tensor(called: str, name: str, tensor: object, shape: tuple[int, ...]) -> Tensor:
    import torch

    dtype = torch.int64 if name.endswith(wav2lip_layout.COUNTER) else torch.float32
    if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise _not_a_checkpoint(called, f'"{name}" is not a plain tensor')
    if tuple(tensor.shape) != shape:
        raise _not_a_checkpoint(called, f'"{name}" has the shape {tuple(tensor.shape)} instead of {shape}')
    if tensor.dtype is not dtype:
        raise _not_a_checkpoint(called, f'"{name}" is {_title(tensor.dtype)} instead of {_title(dtype)}')
    if not bool(torch.isfinite(tensor).all()):
        raise _not_a_checkpoint(called, f'"{name}" has values that are not finite')
    # A copy, for the tensor may share its memory with another, or be a small part of it.
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def _title(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")


def _refuse_names(called: str, verb: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise _not_a_checkpoint(called, f'it {verb} "{names[0]}"{more}')


def _not_a_checkpoint(called: str, why: str) -> WeightsDamagedError:
    return WeightsDamagedError(
        f'"{called}" is not a Wav2Lip checkpoint: {why}.', hint="Fetch wav2lip.pth or wav2lip_gan.pth instead."
    )


def _damaged(called: str) -> WeightsDamagedError:
    return WeightsDamagedError(f'"{called}" is damaged: it cannot be read as a checkpoint.', hint="Download it again.")
