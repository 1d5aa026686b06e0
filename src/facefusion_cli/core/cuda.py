"""CUDA as PyTorch offers it: the little of it that tells whether a GPU can be used."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Cuda", "Gpu", "TorchCuda"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that CUDA knows."""

    index: int
    name: str
    capability: tuple[int, int]
    """CUDA's compute capability: (7, 5) is Turing, (8, 0) Ampere."""
    memory: int
    """In bytes, free or not."""


class Cuda(Protocol):
    """What is asked of CUDA. All methods may raise RuntimeError, AssertionError and OSError, in the library's words."""

    torch: str
    """Version of PyTorch."""
    built_for: str | None
    """Version of CUDA that this PyTorch was built for; None for none."""

    def start(self) -> int:
        """Initialise CUDA; how many GPUs it sees."""
        ...

    def gpu(self, index: int) -> Gpu:
        """Describe a GPU."""
        ...

    def sample(self, device: str) -> NDArray[np.float32]:
        """A small convolution and a matrix product in fp32, with the same numbers on any device."""
        ...


class TorchCuda:
    """CUDA through the PyTorch that is installed.

    Raises:
        ImportError, OSError: PyTorch cannot be loaded.
    """

    def __init__(self) -> None:
        import torch

        self._torch: Any = torch
        self.torch: str = torch.__version__
        self.built_for: str | None = torch.version.cuda

    def start(self) -> int:
        """Initialise CUDA; how many GPUs it sees."""
        # What it warns of (an old driver, an old GPU) comes back as an error from here or from the sample.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._torch.cuda.init()
            except self._torch.cuda.DeferredCudaCallError as error:
                raise RuntimeError(str(error)) from error
            return int(self._torch.cuda.device_count())

    def gpu(self, index: int) -> Gpu:
        """Describe a GPU."""
        about = self._torch.cuda.get_device_properties(index)
        return Gpu(index, about.name, (about.major, about.minor), about.total_memory)

    def sample(self, device: str) -> NDArray[np.float32]:
        """A small convolution (cuDNN) and a matrix product (cuBLAS) in fp32, with the same numbers on any device."""
        torch = self._torch
        generator = torch.Generator().manual_seed(1)
        picture, kernels, matrix = (
            torch.randn(shape, generator=generator).to(device) for shape in ((1, 8, 16, 16), (16, 8, 3, 3), (16, 32))
        )
        with torch.inference_mode():
            features = torch.nn.functional.conv2d(picture, kernels, padding=1)
            product = features.flatten(2).transpose(1, 2) @ matrix
            return cast("NDArray[np.float32]", product.cpu().numpy())
