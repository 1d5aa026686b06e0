"""The inswapper engine on small networks of random weights: beside insightface's own class, boosted, in batches."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.alignment import swap_matrix
from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faceswap.engine import FaceSwapper, Source, SwapSettings, Task
from facefusion_cli.core.faceswap.inswapper import engine as engine_module
from facefusion_cli.core.faceswap.inswapper.emap import read_emap
from facefusion_cli.core.faceswap.inswapper.engine import InSwapper, Latent
from facefusion_cli.core.faceswap.inswapper.generator import Generator
from facefusion_cli.core.faceswap.inswapper.latent import mix, to_latent
from facefusion_cli.core.inference.network import Network
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.torch_graph import open_torch_graph
from facefusion_cli.core.inference.verdicts import Verdict
from facefusion_cli.core.media.images import read_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.inference.session import Session
    from facefusion_cli.core.media.patch import Patch

SCRIPTS = Path(__file__).parents[2] / "scripts"
ON_PROCESSOR = Verdict("onnxruntime", "cpu", "fp32", batched=True, reason="the fastest")


@dataclass(frozen=True)
class Person:
    picture: NDArray[np.uint8]
    face: Face


def person(path: Path, seed: int) -> Person:
    """With a made-up embedding."""
    picture = read_picture(path).bgr
    (face,) = FaceAnalyser().find(picture)
    return Person(picture, replace(face, embedding=embedding(seed)))


def resized(someone: Person, factor: float) -> Person:
    picture = cv2.resize(someone.picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    mesh = ((someone.face.mesh + 0.5) * factor - 0.5).astype(np.float32)
    return Person(picture.astype(np.uint8, copy=False), replace(someone.face, mesh=mesh))


def embedding(seed: int) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).normal(size=512).astype(np.float32)
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def collins(astronaut: Path) -> Person:
    return person(astronaut, 1)


@pytest.fixture(scope="module")
def admiral(hopper: Path) -> Person:
    return person(hopper, 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with inswapper's contract, far smaller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        import _replica_faces

        path = tmp_path_factory.mktemp("models") / "swapper.onnx"
        path.write_bytes(_replica_faces.swapper(width=4, blocks=1).SerializeToString())
    return path


@pytest.fixture(scope="module")
def session(model: Path) -> Session:
    return open_session(model)


class Recording:
    """Stands in for the paste: keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[SimpleNamespace] = []

    def __call__(
        self,
        swapped: NDArray[np.uint8],
        original: NDArray[np.uint8],
        matrix: NDArray[np.float64],
        face: Face,
        shape: tuple[int, int],
        *,
        keep_mouth: bool = False,
    ) -> Any:
        call = SimpleNamespace(
            swapped=swapped, original=original, matrix=matrix, face=face, shape=shape, keep_mouth=keep_mouth
        )
        self.calls.append(call)
        return call


@pytest.fixture
def pasted(monkeypatch: pytest.MonkeyPatch) -> Recording:
    recording = Recording()
    monkeypatch.setattr(engine_module, "paste", recording)
    return recording


def no_recogniser() -> Any:
    pytest.fail("every face has its embedding")


def swapper(
    model: Path, session: Session, settings: SwapSettings | None = None, verdict: Verdict = ON_PROCESSOR
) -> InSwapper:
    generator = Generator(model, Network(session, verdict))
    return InSwapper(generator, read_emap(model), settings or SwapSettings(), no_recogniser)


def task(engine: InSwapper, source: Person, target: Person) -> Task[Latent]:
    return Task(target.picture, target.face, engine.prepare([Source(source.picture, source.face)]))


def test_a_crop_is_what_insightface_makes_of_it(
    model: Path, session: Session, collins: Person, admiral: Person, pasted: Recording
) -> None:
    from insightface.model_zoo.inswapper import INSwapper

    # Faces that need not be shrunk more than twofold, which we do otherwise on purpose.
    smaller = resized(admiral, 0.5)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = INSwapper(str(model), session)
        for source, target in ((collins, smaller), (admiral, collins)):
            wanted, matrix = theirs.get(
                target.picture,
                SimpleNamespace(kps=target.face.points),
                SimpleNamespace(normed_embedding=source.face.embedding),
                paste_back=False,
            )
            engine = swapper(model, session, SwapSettings(boost=1))
            engine.swap([task(engine, source, target)])
            ours = pasted.calls[-1]
            assert np.allclose(ours.matrix, matrix, atol=1e-4)
            assert ours.swapped.shape == wanted.shape == (128, 128, 3)
            assert np.abs(ours.swapped.astype(int) - wanted).max() <= 1
            assert wanted.std() > 5  # a picture
            assert source.face.embedding is not None
            latent = np.dot(source.face.embedding.reshape(1, -1), theirs.emap)
            expected = (latent / np.linalg.norm(latent))[0]
            assert np.allclose(engine.prepare([Source(source.picture, source.face)]).vector, expected, atol=1e-6)


class Echo:
    """A network that changes nothing."""

    def __init__(self, session: Session) -> None:
        self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs

    def get_providers(self) -> list[str]:
        return []

    def set_providers(self, providers: Sequence[str]) -> None: ...

    def run(self, output_names: Any, input_feed: Any) -> list[NDArray[Any]]:
        return [input_feed["target"]]


@pytest.mark.parametrize("boost", [1, 2, 3, 4])
def test_a_boosted_crop_comes_back_as_it_went_in(
    boost: int, model: Path, session: Session, collins: Person, admiral: Person, pasted: Recording
) -> None:
    settings = SwapSettings(boost=boost, keep_mouth=boost == 2)
    engine = swapper(model, Echo(session), settings)
    engine.swap([task(engine, admiral, collins)])
    (call,) = pasted.calls
    assert call.original.shape == (boost * 128, boost * 128, 3)
    assert np.array_equal(call.swapped, call.original)
    assert np.array_equal(call.matrix, swap_matrix(collins.face.points, boost * 128))
    assert (call.shape, call.keep_mouth) == (collins.picture.shape[:2], boost == 2)


def test_a_boosted_crop_is_the_plain_one_but_finer(
    model: Path, session: Session, collins: Person, admiral: Person, pasted: Recording
) -> None:
    plain, fine = (swapper(model, session, SwapSettings(boost=boost)) for boost in (1, 2))
    for engine in (plain, fine):
        engine.swap([task(engine, collins, admiral)])
    one, two = (call.swapped.astype(np.float32) for call in pasted.calls)
    small = cv2.resize(two, (128, 128), interpolation=cv2.INTER_AREA)
    here = np.abs(small - one).mean()
    beside = np.abs(np.roll(small, 1, axis=1) - one)[:, 2:-2].mean()
    assert here < 0.7 * beside


def test_the_boost_follows_the_size_on_screen(
    model: Path, session: Session, collins: Person, admiral: Person, pasted: Recording
) -> None:
    engine = swapper(model, Echo(session))
    sizes = [collins.face.size * factor for factor in (1.5, 2.5, 4)]
    for factor in (1.5, 2.5, 4):
        engine.swap([task(engine, admiral, resized(collins, factor))])
    assert [call.swapped.shape[0] // 128 for call in pasted.calls] == [round(size / 128) for size in sizes] == [1, 2, 3]


def test_in_a_video_the_boost_follows_the_face_s_usual_size(
    model: Path, session: Session, collins: Person, admiral: Person, pasted: Recording
) -> None:
    engine = swapper(model, Echo(session))
    for size in (100.0, 260.0):
        engine.swap([replace(task(engine, admiral, collins), usual_size=size)])
    assert [call.swapped.shape[0] // 128 for call in pasted.calls] == [1, 2]


def different(patches: Sequence[Patch | None], others: Sequence[Patch | None]) -> int:
    count = 0
    for one, other in zip(patches, others, strict=True):
        assert one is not None
        assert other is not None
        same = (one.x, one.y) == (other.x, other.y) and np.array_equal(one.colour, other.colour)
        count += not (same and np.array_equal(one.alpha, other.alpha))
    return count


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_face_is_the_same_alone_and_in_company(
    threads: int, tmp_path: Path, collins: Person, admiral: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bf16, where rounding shows most."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import _replica_faces

    path = tmp_path / "wider.onnx"
    path.write_bytes(_replica_faces.swapper(width=16, blocks=1).SerializeToString())
    graph = open_torch_graph(path, precision="bf16", threads=threads)
    verdict = Verdict("torch", "cpu", "bf16", batched=True, reason="tried")
    engine = swapper(path, graph, SwapSettings(), verdict)
    boosted = swapper(path, graph, SwapSettings(boost=2), verdict)
    people = (collins, admiral)
    tasks = [task(engine, source, target) for source in people for target in people] + [task(engine, collins, admiral)]
    alone = [engine.swap([one])[0] for one in tasks]
    assert different(engine.swap(tasks), alone) == 0
    assert different(engine.swap(tasks[::-1])[::-1], alone) == 0
    assert different([alone[1]], [alone[3]]) == 1  # another person on the same face
    some = tasks[:2]
    assert different(boosted.swap(some), [boosted.swap([one])[0] for one in some]) == 0


def test_nothing_given_is_changed(model: Path, session: Session, collins: Person, admiral: Person) -> None:
    engine = swapper(model, session)
    one = task(engine, collins, admiral)
    arrays: list[NDArray[Any]] = [admiral.picture, one.identity.vector, admiral.face.mesh]
    before = [array.copy() for array in arrays]
    engine.swap([one])
    assert all(map(np.array_equal, arrays, before))


def moved(target: Person, x: float, y: float) -> Person:
    shift = np.array([x, y, 0], np.float32)
    return Person(target.picture, replace(target.face, mesh=target.face.mesh + shift))


def test_faces_that_are_not_in_the_picture_are_left_out(
    model: Path, session: Session, collins: Person, admiral: Person
) -> None:
    engine = swapper(model, session)
    nowhere = Person(admiral.picture, replace(admiral.face, mesh=np.full((478, 3), np.nan, np.float32)))
    one_point = Person(admiral.picture, replace(admiral.face, mesh=np.full((478, 3), 50, np.float32)))
    targets = [moved(admiral, -5000, 0), admiral, moved(admiral, 0, 3000), nowhere, one_point, moved(admiral, -200, 0)]
    patches = engine.swap([task(engine, collins, target) for target in targets])
    assert [patch is not None for patch in patches] == [False, True, False, False, False, True]
    assert engine.swap([]) == []


class Naming:
    """Stands in for the recogniser: knows everybody."""

    def __init__(self, vector: NDArray[np.float32]) -> None:
        self.vector = vector
        self.asked = 0

    def embed(self, picture: NDArray[np.uint8], faces: Sequence[Face]) -> list[Face]:
        self.asked += 1
        return [replace(face, embedding=self.vector) for face in faces]


def test_strength_needs_the_targets_own_identity(
    model: Path, session: Session, collins: Person, admiral: Person, pasted: Recording
) -> None:
    naming, emap = Naming(embedding(9)), read_emap(model)
    latents: list[NDArray[np.float32]] = []

    class Listening(Echo):
        def run(self, output_names: Any, input_feed: Any) -> list[NDArray[Any]]:
            latents.extend(input_feed["source"])
            return super().run(output_names, input_feed)

    generator = Generator(model, Network(Listening(session), ON_PROCESSOR))
    unnamed = Person(admiral.picture, replace(admiral.face, embedding=None))
    for strength in (1.0, 0.3, 0.0):
        engine = InSwapper(generator, emap, SwapSettings(1, strength), lambda: naming)  # type: ignore[arg-type, return-value]
        engine.swap([task(engine, collins, admiral), task(engine, collins, unnamed)])
    assert naming.asked == 2  # not at full strength, and not for a face that is known
    source = to_latent(embedding(1), emap)
    targets = [to_latent(embedding(seed), emap) for seed in (2, 9)]
    expected = [source, source, *(mix(source, one, 0.3) for one in targets), *targets]
    assert np.allclose(latents, expected, atol=1e-6)


def test_several_pictures_make_one_person(model: Path, session: Session, collins: Person, admiral: Person) -> None:
    naming, emap = Naming(embedding(9)), read_emap(model)
    generator = Generator(model, Network(session, ON_PROCESSOR))
    engine = InSwapper(generator, emap, SwapSettings(), lambda: naming)  # type: ignore[arg-type, return-value]
    faces = [replace(collins.face, score=0.9), replace(admiral.face, score=0.5, embedding=None)]
    latent = engine.prepare([Source(collins.picture, faces[0]), Source(admiral.picture, faces[1])])
    weights = [face.score * face.size for face in faces]
    expected = to_latent(weights[0] * embedding(1) + weights[1] * embedding(9), emap)
    assert np.allclose(latent.vector, expected, atol=1e-6)
    assert latent.size == max(collins.face.size, admiral.face.size)
    assert naming.asked == 1


def test_it_is_opened_with_what_the_tools_give(model: Path, session: Session, collins: Person, admiral: Person) -> None:
    verdict = replace(ON_PROCESSOR, reason="torch in bf16 is off by 7 %")
    opened = []

    def opening(weight: str) -> tuple[Path, Network]:
        opened.append(weight)
        return model, Network(session, verdict)

    device = SimpleNamespace(note="the GPU is not used: it is away.")
    tools: Any = SimpleNamespace(open=opening, once=lambda _, make: make(), device=device)
    engine: FaceSwapper[Latent] = InSwapper.open(tools, SwapSettings())
    assert opened == ["inswapper_128"]
    assert engine.notes == ("the GPU is not used: it is away.",)
    latent = engine.prepare([Source(collins.picture, collins.face)])
    (patch,) = engine.swap([Task(admiral.picture, admiral.face, latent)])
    assert patch is not None
    tools.device.note = ""
    assert InSwapper.open(tools, SwapSettings()).notes == ()
