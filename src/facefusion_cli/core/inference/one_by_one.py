"""Batches for a session that takes one item at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.inference.session import Session, TensorInfo

__all__ = ["OneByOne"]


class OneByOne:
    """A session that takes any number of items along the first axis and runs them one after the other.

    onnxruntime gains nothing by batches on a processor, so nothing is lost; a graph's fixed batch of 1 need not be
    rewritten.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_inputs(self) -> Sequence[TensorInfo]:
        """The inputs, as the graph has them."""
        return self._session.get_inputs()

    def get_outputs(self) -> Sequence[TensorInfo]:
        """The outputs, as the graph has them."""
        return self._session.get_outputs()

    def get_providers(self) -> list[str]:
        """Where it runs."""
        return self._session.get_providers()

    def set_providers(self, providers: Sequence[str]) -> None:
        """Does nothing: the session runs where it was opened. insightface's classes call it for the CPU."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs named, or all of them for None; all inputs have the same length along their first axis."""
        count = max(len(array) for array in input_feed.values())
        if count == 1:
            return self._session.run(output_names, input_feed)
        parts = [
            self._session.run(output_names, {name: array[index : index + 1] for name, array in input_feed.items()})
            for index in range(count)
        ]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
