"""An ONNX graph's own nodes in torch: the maker of sessions for GPUs, and for processors with bf16.

``graph`` is the session; ``program`` makes a graph into a list of kernels, some of them fused by ``fusion``; the other
modules hold the operators, which ``operators`` knows by name.
"""

from facefusion_cli.core.inference.torch_graph.base import UnsupportedGraphError
from facefusion_cli.core.inference.torch_graph.graph import TorchGraph, open_torch_graph

__all__ = ["TorchGraph", "UnsupportedGraphError", "open_torch_graph"]
