"""What a machine can do at most, measured beside what it does: matrix products, and copies of memory.

Usage: python scripts/_bench_yardsticks.py DEVICE PRECISION THREADS

Multiplies matrices once for each line of its input, and answers each with the processor time that took (seconds).
"""

from __future__ import annotations

import subprocess
import sys
import time
import weakref
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from _bench_frame import Case, add_processor_seconds

if TYPE_CHECKING:
    from facefusion_cli.core.device import Device, Precision
    from facefusion_cli.core.inference.session import Session

__all__ = ["COPY", "copy", "matrix_product"]

COPY = "copy of 64 MiB in memory"
_COPIED = 64 * 2**20
"""Bytes: more than the caches of most processors hold."""
_SIDE = 2048
"""Of the matrices that are multiplied: large enough for the processor to reach its pace."""
_PRODUCTS = 16
"""In one run, so that bringing the numbers in and out counts for little."""


def matrix_product(precision: Precision, device: Device) -> Case:
    """About the most the machine can do in a precision: convolutions are matrix products, with moves around them.

    A little more is possible: some convolutions are done with fewer multiplications than are counted (Winograd).

    It runs in a process of its own: in one that gives large blocks of memory back to the system at once, as runs on
    videos do, products would wait for memory, which is no limit of the machine.
    """
    return Case(
        f"matrix product, {precision}" + (", one thread" if device.threads == 1 else ""),
        _Elsewhere(device.name, precision, device.threads).run,
        items=_PRODUCTS,
        work=2.0 * _PRODUCTS * _SIDE**3,
    )


class _Elsewhere:
    """This module as a process, which ends when nobody needs it any more."""

    def __init__(self, device: str, precision: Precision, threads: int) -> None:
        command = [sys.executable, __file__, device, precision, str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        weakref.finalize(self, _end, self._process)
        self.run()  # loads everything

    def run(self) -> None:
        """All products."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("error: the matrix products to compare with cannot be made.")
        add_processor_seconds(float(answer))


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()  # closes its input, and waits


def _session(device: str, precision: Precision, threads: int) -> tuple[Session, dict[str, Any]]:
    """The products, and what to feed. A graph as well, so that they run as networks do."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from facefusion_cli.core.inference.torch_graph import open_torch_graph

    shape = [_SIDE, _SIDE]
    factors = np.random.default_rng(0).standard_normal((2, *shape), np.float32) / np.float32(_SIDE**0.5)
    names = ["x", *(f"x{index}" for index in range(1, _PRODUCTS)), "y"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", [one, "factor"], [other]) for one, other in pairwise(names)],
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(factors[0], "factor")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    return open_torch_graph(model, device=device, precision=precision, threads=threads), {"x": factors[1]}


def copy() -> Case:
    """About the most bytes that one thread of the machine can move from one place in memory to another."""
    import numpy as np

    source = np.random.default_rng(0).integers(0, 256, _COPIED, dtype=np.uint8)
    return Case(COPY, partial(np.copyto, np.empty_like(source), source), traffic=_COPIED)


def _main() -> int:
    device, precision, threads = sys.argv[1:]
    session, feeds = _session(device, cast("Precision", precision), int(threads))
    for _ in sys.stdin:
        began = time.process_time()
        session.run(None, feeds)
        print(time.process_time() - began, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
