"""Write ONNX graphs as torch's exporter of the years 2020 to 2022 did, with weights from a seeded generator.

That exporter numbers the tensors, names a node after its operator and its place, folds the batch normalisation behind a
convolution into it, and leaves small constants in nodes of their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["GraphWriter", "normal"]

_OPSET = 11
_IR_VERSION = 6  # the one that came with opset 11


def normal(rng: np.random.Generator, shape: Sequence[int], scale: float) -> NDArray[np.float32]:
    """Normally distributed weights with a standard deviation of ``scale``, float32."""
    values = rng.standard_normal(tuple(shape), dtype=np.float32)
    values *= np.float32(scale)
    return values


class GraphWriter:
    """Collects nodes and weights; the same calls give the same bytes."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._graph = onnx.GraphProto(
            name="torch-jit-export", doc_string="A replica with random weights: good for timing, useless for pictures."
        )

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add an operator with one output and return that output's name."""
        number = len(self._graph.node)
        output = output or f"t{number}"
        self._graph.node.append(helper.make_node(kind, list(inputs), [output], name=f"{kind}_{number}", **attributes))
        return output

    def constant(self, values: Any, dtype: Any) -> str:
        """Add a node that holds a small constant."""
        return self.node("Constant", value=numpy_helper.from_array(np.asarray(values, dtype)))

    def weight(self, name: str, values: NDArray[np.float32]) -> str:
        """Store a weight under its name in the model, where it is the only copy."""
        self._graph.initializer.add(
            name=name, dims=values.shape, data_type=onnx.TensorProto.FLOAT, raw_data=values.astype("<f4").tobytes()
        )
        return name

    def conv(
        self,
        name: str,
        tensor: str,
        channels: tuple[int, int],
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        gain: float = math.sqrt(2.0),
    ) -> str:
        """Add a square convolution with bias from ``channels[0]`` to ``channels[1]``; ``gain`` as in He's rule."""
        inward, outward = channels
        scale = gain / math.sqrt(inward * kernel * kernel)
        weight = self.weight(f"{name}.weight", normal(self.rng, (outward, inward, kernel, kernel), scale))
        bias = self.weight(f"{name}.bias", normal(self.rng, (outward,), 0.05 * gain))
        return self.conv_node("Conv", tensor, weight, bias, (kernel, kernel), stride=(stride, stride), padding=padding)

    def conv_node(
        self,
        kind: str,
        tensor: str,
        weight: str,
        bias: str,
        kernel: Sequence[int],
        *,
        stride: Sequence[int],
        padding: int,
        **attributes: Any,
    ) -> str:
        """Add a Conv or ConvTranspose with weights already stored."""
        return self.node(
            kind,
            tensor,
            weight,
            bias,
            dilations=[1, 1],
            group=1,
            kernel_shape=list(kernel),
            pads=[padding] * 4,
            strides=list(stride),
            **attributes,
        )

    def linear(self, name: str, tensor: str, inward: int, offset: NDArray[np.float32], *, gain: float = 1.0) -> str:
        """Add a fully connected layer from ``inward`` numbers to as many as ``offset``, its bias, has."""
        weight = self.weight(f"{name}.weight", normal(self.rng, (offset.size, inward), gain / math.sqrt(inward)))
        bias = self.weight(f"{name}.bias", offset)
        return self.node("Gemm", tensor, weight, bias, alpha=1.0, beta=1.0, transB=1)

    def batch_norm(self, name: str, tensor: str, channels: int, *, output: str | None = None) -> str:
        """Add a batch normalisation with the statistics a trained one has: near 1, near 0, none the same."""
        return self.batch_norm_node(
            tensor,
            self.weight(f"{name}.weight", self.rng.uniform(0.6, 1.1, channels).astype(np.float32)),
            self.weight(f"{name}.bias", normal(self.rng, (channels,), 0.1)),
            self.weight(f"{name}.running_mean", normal(self.rng, (channels,), 0.1)),
            self.weight(f"{name}.running_var", self.rng.uniform(0.5, 1.5, channels).astype(np.float32)),
            output=output,
        )

    def batch_norm_node(self, tensor: str, *weights: str, output: str | None = None) -> str:
        """Add a batch normalisation with weights already stored: scale, shift, mean, variance."""
        return self.node("BatchNormalization", tensor, *weights, output=output, epsilon=1e-5, momentum=0.9)

    def model(
        self, inputs: Mapping[str, Sequence[int | str]], outputs: Mapping[str, Sequence[int | str]]
    ) -> onnx.ModelProto:
        """Close the graph; inputs and outputs are float32 tensors given by name and shape."""
        for infos, tensors in ((self._graph.input, inputs), (self._graph.output, outputs)):
            for name, shape in tensors.items():
                infos.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape)))
        model = onnx.ModelProto(ir_version=_IR_VERSION, producer_name="facefusion-cli")
        model.opset_import.append(helper.make_opsetid("", _OPSET))
        model.graph.CopyFrom(self._graph)
        self._graph.Clear()
        return model
