"""The matrix that turns an identity into what the network takes: it comes inside its file, taken by no node."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import NodeProto

__all__ = ["EMBEDDING", "read_emap"]

EMBEDDING = 512
"""Numbers in an identity."""

_HEADER = 2**10
"""Bytes: fields of a tensor up to this length say what it is, longer ones are its numbers."""
_SINGULAR = 1e-9
"""Smallest over largest singular value; the published matrix has 5e-5."""

# Numbers of fields in onnx.proto.
_GRAPH = 7
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12

Span = tuple[int, int]
"""Where a value starts and ends in the file."""


def read_emap(model: Path) -> NDArray[np.float32]:
    """(512, 512) float32: the only matrix of that shape in an ONNX file that no node takes.

    The file, half a gigabyte, is walked field by field: only what is needed of it is read. Other files that it may
    refer to are never opened.

    Raises:
        WeightsDamagedError: there is no such matrix, more than one, or it cannot be inverted; or it is no ONNX file.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            emap = _find(content)
    except OSError as error:
        raise WeightsDamagedError(f'the network "{model}" cannot be read: {error.strerror}.') from error
    except _UnfitError as error:
        raise WeightsDamagedError(f'"{model}" is not used: {error}.', hint=_HINT) from error
    except (DecodeError, ValueError) as error:  # ValueError: an empty file; numbers that are not as many as they should
        raise WeightsDamagedError(f'"{model}" is not an ONNX network, or it is damaged.', hint=_HINT) from error
    return emap


_HINT = '"facefusion download-models --verify" checks what is stored.'


class _UnfitError(Exception):
    """Why the matrix cannot be had; goes on after the file's name."""


def _find(content: mmap.mmap) -> NDArray[np.float32]:
    import onnx
    from onnx import numpy_helper

    used: set[str] = set()
    candidates: dict[str, Span] = {}
    for graph in _values(content, (0, len(content)), _GRAPH):
        for start, end in _values(content, graph, _NODE):
            used |= _taken(onnx.NodeProto.FromString(content[start:end]))
        for start, end in _values(content, graph, _OUTPUT):
            used.add(onnx.ValueInfoProto.FromString(content[start:end]).name)
        for tensor in _values(content, graph, _INITIALIZER):
            header = onnx.TensorProto.FromString(_header(content, tensor))
            is_float = header.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
            if is_float and list(header.dims) == [EMBEDDING, EMBEDDING]:
                candidates[header.name] = tensor
    spans = [span for name, span in candidates.items() if name not in used]
    if len(spans) != 1:
        count = "no" if not spans else f"{len(spans)} candidates for the"
        raise _UnfitError(f"it has {count} matrix for identities ({EMBEDDING} x {EMBEDDING}, taken by no node)")
    tensor = onnx.TensorProto.FromString(content[slice(*spans[0])])
    if tensor.data_location == tensor.EXTERNAL or len(tensor.external_data) > 0:
        raise _UnfitError("parts of it are in other files")
    emap = numpy_helper.to_array(tensor).astype(np.float32)
    if not np.isfinite(emap).all() or _is_singular(emap):
        raise _UnfitError("its matrix for identities cannot be inverted")
    return emap


def _is_singular(matrix: NDArray[np.float32]) -> bool:
    sizes = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    return bool(sizes[-1] <= _SINGULAR * sizes[0])


def _taken(node: NodeProto) -> set[str]:
    """Names of the values that a node takes, those that graphs within it take included."""
    names = {*node.input}
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            names |= {output.name for output in inner.output}
            for deeper in inner.node:
                names |= _taken(deeper)
    return names


def _header(content: mmap.mmap, tensor: Span) -> bytes:
    """A tensor's message without its numbers."""
    short = [(first, end) for first, _, _, end in _fields(content, tensor) if end - first <= _HEADER]
    return b"".join(content[first:end] for first, end in short)


def _values(content: mmap.mmap, message: Span, wanted: int) -> Iterator[Span]:
    """Where the values of one field of a message are."""
    return ((start, end) for _, number, start, end in _fields(content, message) if number == wanted)


def _fields(content: mmap.mmap, message: Span) -> Iterator[tuple[int, int, int, int]]:
    """Each field of a message in Protocol Buffers' encoding: where it begins, its number, its value's start and end."""
    first, last = message
    while first < last:
        key, start = _varint(content, first, last)
        kind = key & 7
        if kind == 0:
            _, end = _varint(content, start, last)
        elif kind == 2:
            length, start = _varint(content, start, last)
            end = start + length
        elif kind in (1, 5):
            end = start + (8 if kind == 1 else 4)
        else:
            raise ValueError("a kind of field that ONNX does not have")
        if end > last:
            raise ValueError("a field that goes on beyond its message")
        yield first, key >> 3, start, end
        first = end


def _varint(content: mmap.mmap, start: int, last: int) -> tuple[int, int]:
    """A number in seven bits a byte, the lowest first, and where it ends."""
    number = 0
    for index, byte in enumerate(content[start : min(start + 10, last)]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, start + index + 1
    raise ValueError("a number that does not end")
