"""Read the parts of a TFLite flatbuffer that the converter needs: tensors, constants, operators and their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite
from flatbuffers import flexbuffers
from numpy.typing import NDArray

__all__ = ["Operator", "TfliteGraph"]

Array = NDArray[Any]

_KINDS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_INDEX_VECTORS = {
    tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
    tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
    tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
}


@dataclass(frozen=True)
class Operator:
    """One operator; tensors are given by their index in the graph."""

    kind: str
    """Name of the builtin operator as in the schema, or the custom operator's own."""
    inputs: list[int]
    outputs: list[int]
    _table: Any

    def options(self, cls: Any) -> Any:
        """Return the builtin options as ``cls``, one of the classes of the ``tflite`` package."""
        options, table = cls(), self._table.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    @property
    def custom_options(self) -> dict[str, Any]:
        """The options of a custom operator, which are stored as a flexbuffer."""
        options: dict[str, Any] = flexbuffers.Loads(bytearray(self._table.CustomOptionsAsNumpy().tobytes()))
        return options


class TfliteGraph:
    """The only subgraph of a model, with its constants made dense."""

    def __init__(self, data: bytes) -> None:
        self._model = tflite.Model.GetRootAs(data, 0)
        if self._model.SubgraphsLength() != 1:
            raise ValueError("The model has more than one subgraph.")
        self._graph = self._model.Subgraphs(0)
        self.inputs: list[int] = self._graph.InputsAsNumpy().tolist()
        self.outputs: list[int] = self._graph.OutputsAsNumpy().tolist()
        self.operators = [self._operator(i) for i in range(self._graph.OperatorsLength())]

    def _operator(self, index: int) -> Operator:
        table = self._graph.Operators(index)
        code = self._model.OperatorCodes(table.OpcodeIndex())
        # Files older than the wide field have 0 there, newer ones may hold a placeholder in the narrow one.
        kind = _KINDS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if kind == "CUSTOM":
            kind = code.CustomCode().decode()
        return Operator(kind, table.InputsAsNumpy().tolist(), table.OutputsAsNumpy().tolist(), table)

    def name(self, tensor: int) -> str:
        """Return the name of a tensor."""
        name: str = self._graph.Tensors(tensor).Name().decode()
        return name

    def shape(self, tensor: int) -> list[int]:
        """Return the shape of a tensor in TFLite's own order, NHWC for pictures."""
        if self._graph.Tensors(tensor).ShapeLength() == 0:
            return []
        shape: list[int] = self._graph.Tensors(tensor).ShapeAsNumpy().tolist()
        return shape

    def constant(self, tensor: int) -> Array | None:
        """Return the values stored with a tensor, dense whatever their storage, or None if it is computed."""
        table = self._graph.Tensors(tensor)
        buffer = self._model.Buffers(table.Buffer())
        if buffer.DataLength() == 0:
            return None
        values: Array = buffer.DataAsNumpy().view(_DTYPES[table.Type()])
        if table.Sparsity() is not None:
            values = _densify(values, self.shape(tensor), table.Sparsity())
        return values.reshape(self.shape(tensor))


def _densify(values: Array, shape: list[int], sparsity: Any) -> Array:
    """Expand compressed sparse rows: all dimensions dense in order, but the last, which is kept by index.

    The schema knows other layouts too; the models here have this one only.
    """
    last = len(shape) - 1
    formats = [sparsity.DimMetadata(i).Format() for i in range(sparsity.DimMetadataLength())]
    if (
        sparsity.TraversalOrderAsNumpy().tolist() != list(range(len(shape)))
        or sparsity.BlockMapLength()
        or formats != [tflite.DimensionType.DENSE] * last + [tflite.DimensionType.SPARSE_CSR]
    ):
        raise ValueError("The model stores weights in a sparse layout that is not known here.")
    rows = sparsity.DimMetadata(last)
    segments = _index_vector(rows.ArraySegmentsType(), rows.ArraySegments())
    columns = _index_vector(rows.ArrayIndicesType(), rows.ArrayIndices())
    dense = np.zeros((int(np.prod(shape[:-1])), shape[-1]), values.dtype)
    dense[np.repeat(np.arange(len(dense)), np.diff(segments)), columns] = values
    return dense


def _index_vector(kind: int, table: Any) -> NDArray[np.int64]:
    vector = _INDEX_VECTORS[kind]()
    vector.Init(table.Bytes, table.Pos)
    indices: NDArray[np.int64] = vector.ValuesAsNumpy().astype(np.int64)
    return indices
