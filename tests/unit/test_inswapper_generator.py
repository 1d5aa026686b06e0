"""How the network is fed: batches, a GPU's lack of memory, answers that are no pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from facefusion_cli.core.faceswap.inswapper.generator import Generator
from facefusion_cli.core.inference.network import Network
from facefusion_cli.core.inference.verdicts import Verdict
from facefusion_cli.errors import DeviceError, FaceFusionError, WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.device import Precision

MODEL = Path("models") / "toy.onnx"


@dataclass
class Info:
    name: str
    shape: Sequence[int | str | None]
    type: str = "tensor(float)"


def _same(pictures: NDArray[np.float32], _latents: NDArray[np.float32]) -> NDArray[np.float32]:
    return pictures


@dataclass
class Toy:
    """A session that remembers how long its batches were."""

    answer: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]] = _same
    inputs: list[Info] = field(
        default_factory=lambda: [Info("source", [1, 512]), Info("target", [1, 3, 128, 128])]  # in any order
    )
    batches: list[int] = field(default_factory=list)

    def get_inputs(self) -> list[Info]:
        return self.inputs

    def get_outputs(self) -> list[Info]:
        return [Info("output", [1, 3, 128, 128])]

    def get_providers(self) -> list[str]:
        return []

    def set_providers(self, providers: Sequence[str]) -> None: ...

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        pictures, latents = input_feed["target"], input_feed["source"]
        assert pictures.dtype == latents.dtype == np.float32
        assert len(pictures) == len(latents)
        self.batches.append(len(pictures))
        return [self.answer(pictures, latents)]


def generator(
    session: Toy,
    device: str = "cpu",
    *,
    batched: bool = True,
    backend: Literal["onnxruntime", "torch"] = "torch",
    precision: Precision = "bf16",
) -> Generator:
    return Generator(MODEL, Network(session, Verdict(backend, device, precision, batched, "tried")))


def crops(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, 128, 128, 3), np.uint8)


def latents(count: int) -> NDArray[np.float32]:
    return np.arange(count * 512, dtype=np.float32).reshape(count, 512)


@pytest.mark.parametrize(
    ("arguments", "batches"),
    [
        ({}, [4, 4, 2]),
        ({"batched": False}, [1] * 10),
        ({"backend": "onnxruntime", "precision": "fp32"}, [1] * 10),
        ({"device": "cuda:0", "precision": "fp16"}, [8, 8]),  # all of one length
        ({"device": "cuda:0", "batched": False}, [1] * 10),
    ],
)
def test_batches_suit_the_device(arguments: dict[str, Any], batches: list[int]) -> None:
    session, given = Toy(), crops(10)
    assert np.array_equal(generator(session, **arguments).run(given, latents(10)), given)
    assert session.batches == batches


def test_colours_go_in_as_rgb_and_come_out_as_bgr() -> None:
    seen = []

    def red(pictures: NDArray[np.float32], _latents: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(pictures.copy())
        answer = np.zeros_like(pictures)
        answer[:, 0], answer[:, 2] = 1.7, -0.4  # beyond what a picture can hold
        answer[:, 1] = 100.4 / 255
        return answer

    given = crops(1)
    swapped = generator(Toy(red)).run(given, latents(1))
    assert np.allclose(seen[0][0].transpose(1, 2, 0)[..., ::-1] * 255, given[0], atol=1e-4)
    assert np.array_equal(np.unique(swapped.reshape(-1, 3), axis=0), [[0, 100, 255]])


def test_each_crop_goes_with_its_latent() -> None:
    def number(pictures: NDArray[np.float32], latents: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.broadcast_to(latents[:, 0, None, None, None] / 512 / 255, pictures.shape)

    swapped = generator(Toy(number), "cuda:0").run(crops(11), latents(11))
    assert swapped[:, 0, 0, 0].tolist() == list(range(11))


class OutOfMemoryError(RuntimeError):
    """As torch has one for GPUs."""


def test_f23_a_full_gpu_gets_half_the_batch() -> None:
    def full(pictures: NDArray[np.float32], _latents: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(pictures) > 4:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return pictures

    session, given = Toy(full), crops(9)
    engine = generator(session, "cuda:0")
    assert np.array_equal(engine.run(given, latents(9)), given)
    assert session.batches == [8, 4, 4, 4]
    engine.run(given[:1], latents(1))
    assert session.batches[4:] == [4]  # it is not tried again


@pytest.mark.parametrize("batched", [True, False])
def test_f23_a_gpu_that_stays_full_is_told_in_a_sentence(batched: bool) -> None:
    def full(_pictures: NDArray[np.float32], _latents: NDArray[np.float32]) -> NDArray[np.float32]:
        raise OutOfMemoryError("CUDA error: out of memory")

    session = Toy(full)
    with pytest.raises(FaceFusionError, match="memory of cuda:0 does not suffice") as caught:
        generator(session, "cuda:0", batched=batched).run(crops(9), latents(9))
    assert caught.value.exit_code == 1
    assert session.batches == ([8, 4] if batched else [1])


def test_a_gpu_that_fails_is_told_in_a_sentence_and_a_processors_error_passes() -> None:
    def fail(_pictures: NDArray[np.float32], _latents: NDArray[np.float32]) -> NDArray[np.float32]:
        raise RuntimeError("CUDA error: unspecified launch failure\nmore")

    with pytest.raises(DeviceError, match=r"^cuda:0 failed while it made a face: .*launch failure\.$"):
        generator(Toy(fail), "cuda:0").run(crops(1), latents(1))
    with pytest.raises(RuntimeError, match="unspecified"):
        generator(Toy(fail)).run(crops(1), latents(1))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_b32_what_is_no_picture_never_becomes_a_face(value: float) -> None:
    def broken(pictures: NDArray[np.float32], _latents: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = pictures.copy()
        answer[0, 1, 5, 5] = value
        return answer

    with pytest.raises(DeviceError, match="no picture on cuda:0 in fp16") as caught:
        generator(Toy(broken), "cuda:0", precision="fp16").run(crops(2), latents(2))
    assert "--precision fp32" in caught.value.hint
    with pytest.raises(DeviceError) as caught:
        generator(Toy(broken), "cuda:0", precision="fp32").run(crops(8), latents(8))
    assert "--device cpu" in caught.value.hint
    with pytest.raises(WeightsDamagedError, match=r'"models.toy\.onnx" gives no picture'):
        generator(Toy(broken), backend="onnxruntime", precision="fp32").run(crops(2), latents(2))


def test_another_network_is_refused() -> None:
    with pytest.raises(WeightsDamagedError, match="something else than inswapper_128"):
        generator(Toy(inputs=[Info("target", [1, 3, 256, 256]), Info("source", [1, 512])]))
    with pytest.raises(WeightsDamagedError, match="something else"):
        generator(Toy(inputs=[Info("target", [1, 3, 128, 128])]))
