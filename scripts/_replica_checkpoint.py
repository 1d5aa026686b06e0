"""Write checkpoints in the layout that torch used before 1.6 (2020): pickles, then the raw numbers.

torch can still write it, but with the addresses that the tensors happen to have in memory, so never the same file
twice, and tagged with the device they are on. Layout: ``torch.serialization._legacy_save``.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LazyTensor", "training_checkpoint", "write_legacy"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_PICKLE = 2
_SYSTEM = {"protocol_version": _PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
_DEVICE = "cuda:0"  # where the published checkpoints were trained
_FIRST_ADDRESS = 94_000_000_000_000


@dataclass(eq=False)
class _Storage:
    kind: type
    values: Callable[[], NDArray[Any]]
    numbers: int


class LazyTensor:
    """Pickled as a tensor of torch; its values are made when they are written."""

    def __init__(self, shape: tuple[int, ...], values: Callable[[], NDArray[Any]], *, whole: bool = False) -> None:
        """``whole``: int64 instead of float32."""
        import torch

        self._shape = shape
        self._storage = _Storage(torch.LongStorage if whole else torch.FloatStorage, values, int(np.prod(shape)))

    def __reduce__(self) -> tuple[Any, ...]:
        from torch._utils import _rebuild_tensor_v2

        strides = tuple(int(np.prod(self._shape[axis + 1 :])) for axis in range(len(self._shape)))
        return _rebuild_tensor_v2, (self._storage, 0, self._shape, strides, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, protocol=_PICKLE)
        self.storages: dict[str, _Storage] = {}

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        if not isinstance(obj, _Storage):
            return None
        key = str(_FIRST_ADDRESS + 64 * len(self.storages))
        self.storages[key] = obj
        return "storage", obj.kind, key, _DEVICE, obj.numbers, None


def write_legacy(value: object, path: Path) -> None:
    """Write ``value``, whose tensors are all :class:`LazyTensor`; one of them is in memory at a time."""
    with path.open("wb") as file:
        for head in (_MAGIC, _PROTOCOL, _SYSTEM):
            pickle.dump(head, file, protocol=_PICKLE)
        pickler = _Pickler(file)
        pickler.dump(value)
        keys = sorted(pickler.storages)
        pickle.dump(keys, file, protocol=_PICKLE)
        for key in keys:
            storage = pickler.storages[key]
            values = storage.values()
            file.write(np.array(values.size, "<i8").tobytes())
            file.write(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())


def training_checkpoint(state: dict[str, LazyTensor], moments: list[tuple[LazyTensor, LazyTensor]]) -> dict[str, Any]:
    """Lay out what a training script saves: the state dict, and Adam's two moments of each parameter."""
    tensors: OrderedDict[str, LazyTensor] = OrderedDict(state)
    vars(tensors)["_metadata"] = OrderedDict((module, {"version": 1}) for module in _modules(state))
    parameters = [_FIRST_ADDRESS + 72 * number for number in range(len(moments))]
    group = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0,
        "amsgrad": False,
        "params": parameters,
    }
    adam = {
        parameter: {"step": 396_000, "exp_avg": first, "exp_avg_sq": second}
        for parameter, (first, second) in zip(parameters, moments, strict=True)
    }
    return {
        "state_dict": tensors,
        "optimizer": {"state": adam, "param_groups": [group]},
        "global_step": 396_000,
        "global_epoch": 203,
    }


def _modules(state: dict[str, LazyTensor]) -> list[str]:
    """Names of the modules that own the tensors, and of those that hold them."""
    found = {"": None}
    for key in state:
        parts = key.split(".")[:-1]
        found.update({".".join(parts[:depth]): None for depth in range(1, len(parts) + 1)})
    return list(found)
