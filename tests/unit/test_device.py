"""Which device is chosen, with a pretended CUDA that speaks as the real one does."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from facefusion_cli.core import device as device_module
from facefusion_cli.core import gpu
from facefusion_cli.core.cuda import Cuda, Gpu, TorchCuda
from facefusion_cli.core.device import PrecisionWish, select_device
from facefusion_cli.core.gpu import Unusable
from facefusion_cli.core.processor import Processor
from facefusion_cli.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

AMX = Processor("A Processor", 4, None, 4, ("amx_bf16", "avx512_bf16"))
PLAIN = replace(AMX, bf16=())
TURING = Gpu(0, "NVIDIA GeForce RTX 2080 Ti", (7, 5), 11 * 2**30)
AMPERE = Gpu(0, "NVIDIA A10", (8, 6), 24 * 2**30)


class PretendedCuda:
    torch = "2.13.0+cu130"

    def __init__(
        self,
        *gpus: Gpu,
        built_for: str | None = "13.0",
        start: BaseException | None = None,
        sample: BaseException | None = None,
        wrong: float | None = None,
    ) -> None:
        self.built_for = built_for
        self._gpus = gpus
        self._start, self._sample, self._wrong = start, sample, wrong
        self.samples: list[str] = []

    def start(self) -> int:
        if self._start is not None:
            raise self._start
        return len(self._gpus)

    def gpu(self, index: int) -> Gpu:
        return self._gpus[index]

    def sample(self, device: str) -> NDArray[np.float32]:
        self.samples.append(device)
        values = np.linspace(-9, 9, 12, dtype=np.float32)
        if device == "cpu":
            return values
        if self._sample is not None:
            raise self._sample
        if self._wrong is not None:
            values[3] = self._wrong
        return values + np.float32(0.003)  # as TF32 may be


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known from other tests, of CUDA or of this machine."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device_module, "processor", lambda: AMX)
    gpu.probe.cache_clear()
    gpu._started.cache_clear()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PretendedCuda]:
    """A machine with that CUDA and, unless told otherwise, an NVIDIA driver's files."""

    def make(cuda: PretendedCuda, signs: tuple[str, ...] = ("/dev/nvidia0",)) -> PretendedCuda:
        monkeypatch.setattr(gpu, "_cuda", lambda: cuda)
        monkeypatch.setattr(gpu, "nvidia_signs", lambda: signs)
        return cuda

    return make


# Without a GPU


def test_a_machine_without_gpu_is_no_news_and_costs_no_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "nvidia_signs", lambda: ())
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    chosen = select_device()
    assert (chosen.name, chosen.title, chosen.asked, chosen.note) == ("cpu", "A Processor", False, "")
    assert select_device("cpu").asked


def test_gpus_hidden_on_purpose_are_no_news(
    machine: Callable[..., PretendedCuda], monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = machine(PretendedCuda(AMPERE))
    for value in ("", "-1", " -1,0"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert (select_device().name, select_device().note) == ("cpu", "")
    assert cuda.samples == []


# With one that works


@pytest.mark.parametrize("wish", ["auto", "cuda", "cuda:0", "CUDA", None])
def test_a_gpu_that_computes_rightly_is_taken(machine: Callable[..., PretendedCuda], wish: str | None) -> None:
    cuda = machine(PretendedCuda(AMPERE))
    chosen = select_device(wish)
    assert (chosen.name, chosen.title, chosen.note) == ("cuda:0", "NVIDIA A10", "")
    assert chosen.asked == (wish not in ("auto", None))
    select_device(wish)
    assert cuda.samples == ["cpu", "cuda:0"]  # tried once in a process


def test_another_gpu_by_its_number(machine: Callable[..., PretendedCuda]) -> None:
    machine(PretendedCuda(AMPERE, replace(TURING, index=1)))
    assert (select_device("cuda:1").name, select_device("cuda:1").title) == ("cuda:1", TURING.name)


def test_the_variable_is_the_wish_unless_the_option_says_otherwise(
    machine: Callable[..., PretendedCuda], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(PretendedCuda(AMPERE))
    monkeypatch.setenv("FACEFUSION_DEVICE", "cpu")
    assert select_device().name == "cpu"
    assert select_device().asked
    assert select_device("cuda").name == "cuda:0"
    assert select_device("auto").name == "cuda:0"
    monkeypatch.setenv("FACEFUSION_DEVICE", "")
    assert (select_device().name, select_device().asked) == ("cuda:0", False)


# With one that does not

NO_MEMORY = (
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB of which 6 MiB is free."
)
OLD_DRIVER = (
    "The NVIDIA driver on your system is too old (found version 12040). Please update your GPU driver by downloading "
    "and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx"
)
FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "no driver": (
        {"start": RuntimeError("Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU")},
        "no NVIDIA GPU was found, or no driver for it",
    ),
    "no GPU": ({"start": RuntimeError("No CUDA GPUs are available")}, "no NVIDIA GPU was found"),
    "no GPU counted": ({"gpus": ()}, "no NVIDIA GPU was found"),
    "old driver": ({"start": RuntimeError(OLD_DRIVER)}, r"driver \(it is for CUDA 12\.4\) is too old .* CUDA 13\.0"),
    "old PTX": (
        {"sample": RuntimeError("CUDA error: the provided PTX was compiled with an unsupported toolchain.")},
        "driver is too old",
    ),
    "unknown": (
        {"start": RuntimeError("CUDA unknown error - this may be due to an incorrectly set up environment, e.g. ...")},
        "CUDA does not work: CUDA unknown error",
    ),
    "CPU-only PyTorch": ({"built_for": None}, r"PyTorch installed here \(2\.13\.0\+cu130\) is built without CUDA"),
    "CPU-only PyTorch, told late": (
        {"start": AssertionError("Torch not compiled with CUDA enabled")},
        "is built without CUDA",
    ),
    "another GPU": (
        {
            "sample": RuntimeError(
                "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be"
            )
        },
        r"cuda:0 \(NVIDIA A10, compute capability 8\.6\) is none of the GPUs",
    ),
    "out of memory": ({"sample": RuntimeError(NO_MEMORY)}, "no memory left"),
    "out of memory at the start": ({"sample": RuntimeError("CUDA error: out of memory")}, "no memory left"),
    "cuBLAS out of memory": (
        {"sample": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")},
        "no memory left",
    ),
    "busy": (
        {"sample": RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable")},
        "kept by another program",
    ),
    "cuDNN": (
        {"sample": RuntimeError("Could not load library libcudnn_cnn.so.9. Error: libnvrtc.so: cannot open")},
        r"a library that cuda:0 .* needs does not work: Could not load library libcudnn_cnn",
    ),
    "wrong": ({"wrong": 1.0}, "computes wrongly"),
    "no number": ({"wrong": np.nan}, "computes wrongly"),
    "infinite": ({"wrong": np.inf}, "computes wrongly"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_f25_f27_a_gpu_that_does_not_work_is_named_with_the_reason(
    machine: Callable[..., PretendedCuda], name: str
) -> None:
    how, sentence = FAILURES[name]
    gpus = how.get("gpus", (AMPERE,))
    machine(PretendedCuda(*gpus, **{key: value for key, value in how.items() if key != "gpus"}))
    with pytest.raises(DeviceError, match=sentence) as caught:
        select_device("cuda")
    assert caught.value.exit_code == 5
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    assert "\n" not in caught.value.message
    chosen = select_device("auto")
    assert chosen.name == "cpu"
    assert chosen.note == f"the GPU is not used: {caught.value.message}"


def test_a_pytorch_that_cannot_be_loaded(
    machine: Callable[..., PretendedCuda], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(PretendedCuda())

    def broken() -> Cuda:
        raise ImportError("libcudnn.so.9: cannot open shared object file: No such file or directory", name="torch")

    monkeypatch.setattr(gpu, "_cuda", broken)
    with pytest.raises(DeviceError, match=r"PyTorch cannot be loaded: libcudnn\.so\.9: cannot open"):
        select_device("cuda")


def test_pytorch_without_cuda_on_a_machine_without_gpu_sends_nobody_to_the_download(
    machine: Callable[..., PretendedCuda],
) -> None:
    machine(PretendedCuda(built_for=None), signs=())
    with pytest.raises(DeviceError, match="no NVIDIA GPU was found, and the PyTorch") as caught:
        select_device("cuda")
    assert caught.value.hint.startswith("Take --device cpu, or FACEFUSION_DEVICE=cpu.")


def test_hidden_by_the_environment(machine: Callable[..., PretendedCuda], monkeypatch: pytest.MonkeyPatch) -> None:
    machine(PretendedCuda(AMPERE))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(DeviceError, match=r'CUDA_VISIBLE_DEVICES \("-1"\) hides every GPU'):
        select_device("cuda")


def test_none_among_those_let_through(machine: Callable[..., PretendedCuda], monkeypatch: pytest.MonkeyPatch) -> None:
    machine(PretendedCuda(start=RuntimeError("No CUDA GPUs are available")))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(DeviceError, match=r'CUDA_VISIBLE_DEVICES \("3"\) lets through'):
        select_device("cuda")


@pytest.mark.parametrize(("count", "range_"), [(1, "only cuda:0"), (3, "only cuda:0 to cuda:2")])
def test_no_gpu_of_that_number(machine: Callable[..., PretendedCuda], count: int, range_: str) -> None:
    machine(PretendedCuda(*[AMPERE] * count))
    with pytest.raises(DeviceError, match=f"there is no cuda:7: there is {range_}\\."):
        select_device("cuda:7")


def test_under_windows_a_gpu_of_another_maker_is_no_news(machine: Callable[..., PretendedCuda]) -> None:
    machine(PretendedCuda(start=RuntimeError("Found no NVIDIA driver on your system.")), signs=("/dev/dxg",))
    assert (select_device().name, select_device().note) == ("cpu", "")


# Precision


@pytest.mark.parametrize(
    ("found", "precisions"),
    [
        (AMPERE, ("fp16", "bf16", "fp32")),
        (TURING, ("fp16", "fp32")),
        (replace(TURING, name="Tesla T4"), ("fp16", "fp32")),
        (replace(TURING, name="NVIDIA GeForce GTX 1650 SUPER"), ("fp32",)),
        (replace(TURING, name="NVIDIA T1000 8GB"), ("fp32",)),
        (replace(TURING, name="NVIDIA GeForce MX450"), ("fp32",)),
        (replace(TURING, name="NVIDIA GeForce GTX 1080", capability=(6, 1)), ("fp32",)),
        (replace(TURING, name="Tesla V100", capability=(7, 0)), ("fp32",)),
    ],
)
def test_what_a_gpu_may_try(machine: Callable[..., PretendedCuda], found: Gpu, precisions: tuple[str, ...]) -> None:
    machine(PretendedCuda(found))
    chosen = select_device("cuda")
    assert (chosen.precisions, chosen.precision_asked) == (precisions, False)


def test_a_processor_tries_bf16_only_in_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    assert select_device("cpu").precisions == ("bf16", "fp32")
    monkeypatch.setattr(device_module, "processor", lambda: PLAIN)
    assert select_device("cpu").precisions == ("fp32",)


def test_a_precision_asked_for_stands_alone(
    machine: Callable[..., PretendedCuda], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(PretendedCuda(TURING))
    chosen = select_device("cpu", "bf16")
    assert (chosen.precisions, chosen.precision_asked, chosen.note) == (("bf16",), True, "")
    assert select_device("cuda", "fp32").precisions == ("fp32",)
    assert select_device("cuda", "fp16").precisions == ("fp16",)
    assert "RTX 2080 Ti has no bf16 in hardware" in select_device("cuda", "bf16").note
    monkeypatch.setattr(device_module, "processor", lambda: PLAIN)
    assert "no bf16 in hardware" in select_device("cpu", "bf16").note


def test_fp16_is_for_gpus(machine: Callable[..., PretendedCuda]) -> None:
    machine(PretendedCuda(start=RuntimeError("CUDA unknown error")))
    with pytest.raises(DeviceError, match="fp16 is only for GPUs") as caught:
        select_device("cpu", "fp16")
    assert caught.value.hint == "Leave out --precision, or take bf16 or fp32."
    with pytest.raises(DeviceError, match="fp16 is only for GPUs") as caught:
        select_device("auto", "fp16")
    assert caught.value.hint == "The GPU is not used: CUDA does not work: CUDA unknown error."


# Wishes that cannot be


@pytest.mark.parametrize("wish", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "auto:1", "cuda:0,1", "cuda:١"])
def test_what_is_no_device(wish: str) -> None:
    with pytest.raises(UsageError, match=r"^--device says"):
        select_device(wish)


def test_a_variable_that_names_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_DEVICE", "gpu")
    with pytest.raises(UsageError, match=r"^the environment variable FACEFUSION_DEVICE says \"gpu\""):
        select_device()
    assert select_device("cpu").name == "cpu"


def test_threads() -> None:
    assert select_device("cpu").threads == 4
    assert select_device("cpu", threads=1).threads == 1
    assert select_device("cpu", threads=1024).threads == 1024
    for wrong in (0, -1, 1025):
        with pytest.raises(UsageError, match=f"--threads {wrong} cannot be"):
            select_device("cpu", threads=wrong)


def test_no_such_precision() -> None:
    with pytest.raises(UsageError, match='there is no precision "int8"'):
        select_device("cpu", cast("PrecisionWish", "int8"))


# PyTorch itself


def test_the_installed_pytorch_answers() -> None:
    """Whether or not it has CUDA: its version, and a sample that is worth comparing."""
    cuda = TorchCuda()
    assert cuda.torch[0].isdigit()
    first, second = cuda.sample("cpu"), cuda.sample("cpu")
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert first.std() > 1
    if cuda.built_for is None:
        with pytest.raises(AssertionError, match="not compiled with CUDA"):
            cuda.start()


def test_every_gpu_is_looked_at(machine: Callable[..., PretendedCuda]) -> None:
    machine(PretendedCuda(AMPERE, replace(TURING, index=1)))
    assert gpu.probe_all() == (AMPERE, replace(TURING, index=1))


def test_or_it_is_said_why_there_is_none(machine: Callable[..., PretendedCuda]) -> None:
    machine(PretendedCuda(built_for=None))
    assert isinstance(gpu.probe_all(), Unusable)
