"""Lack of memory and errors of the operating system, in words."""

from __future__ import annotations

import errno
import os

import cv2
import numpy as np
import pytest
import torch

from facefusion_cli.core.failures import in_words
from facefusion_cli.errors import FaceFusionError, NoFaceError


def opencv_without_memory() -> None:
    # More than any machine has: OpenCV asks, the system refuses.
    cv2.copyMakeBorder(np.zeros((1, 1), np.uint8), 0, 2**31 - 2, 0, 2**31 - 2, cv2.BORDER_CONSTANT)


def onnxruntime_without_memory() -> None:
    fail = type("Fail", (RuntimeError,), {"__module__": "onnxruntime.capi.onnxruntime_pybind11_state"})
    raise fail("[ONNXRuntimeError] : 1 : FAIL : bad allocation")


def torch_without_memory() -> None:
    torch.empty(2**50)


def torch_without_memory_in_other_words() -> None:
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: not enough memory: you tried to ...")


def gpu_without_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def python_without_memory() -> None:
    raise MemoryError


@pytest.mark.parametrize(
    "work",
    [
        opencv_without_memory,
        onnxruntime_without_memory,
        torch_without_memory,
        torch_without_memory_in_other_words,
        gpu_without_memory,
        python_without_memory,
    ],
)
def test_f22_lack_of_memory_is_told_in_words(work: object) -> None:
    with pytest.raises(FaceFusionError, match="not enough memory") as told, in_words():
        work()  # type: ignore[operator]
    assert told.value.exit_code == 1
    assert "picture" not in told.value.hint  # it may be a download or a network


def test_errors_of_the_operating_system_name_the_file() -> None:
    with pytest.raises(FaceFusionError) as told, in_words():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.jpg")
    assert told.value.message == 'No space left on device: "a.jpg".'


@pytest.mark.parametrize(
    ("library", "module", "advice"),
    [("libGL.so.1", "cv2", "opencv-python-headless==VERSION"), ("libgomp.so.1", "other", "package of your system")],
)
def test_a_missing_system_library_is_named_with_what_to_do(library: str, module: str, advice: str) -> None:
    with pytest.raises(FaceFusionError) as told, in_words():
        raise ImportError(f"{library}: cannot open shared object file: No such file or directory", name=module)
    assert told.value.message == f"the system library {library} is missing."
    assert advice in told.value.hint
    assert told.value.exit_code == 1


@pytest.mark.parametrize(
    "error",
    [
        ImportError("odd"),
        ImportError(),
        NoFaceError("no face."),
        ValueError("odd"),
        OSError("no number"),
        RuntimeError("odd"),
    ],
)
def test_all_else_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as seen, in_words():
        raise error
    assert seen.value is error
