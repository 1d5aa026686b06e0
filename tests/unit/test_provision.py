"""What engines do about weights that are missing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.weights import provision as provision_module
from facefusion_cli.core.weights import room
from facefusion_cli.core.weights.command import download_command
from facefusion_cli.core.weights.consent import Consent
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Offer, Provision
from facefusion_cli.errors import DownloadError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store
    from facefusion_cli.core.weights.watcher import Stage, Watcher


class Scene:
    """A provision whose user, display and network are pretended."""

    def __init__(self, store: Store, files: Any, consent: Consent, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.files = files
        self.consent = consent
        self.answer: bool | None = None
        """None: nobody is there."""
        self.fault: DownloadError | None = None
        self.asked: list[Offer] = []
        self.fetched: list[str] = []
        self.notes: list[str] = []
        self.displayed: list[tuple[str, ...]] = []
        monkeypatch.setattr(provision_module, "fetch", self._fetch)

    def run(self) -> Provision:
        """What the next run of the command would use."""
        ask = None if self.answer is None else self._ask
        return Provision(self.store, ask=ask, display=self._display, consent=self.consent)

    def _ask(self, offer: Offer) -> bool:
        self.asked.append(offer)
        assert self.answer is not None
        return self.answer

    def _fetch(self, weight: Weight, store: Store, watcher: Watcher, _hosts: object) -> Path:
        if self.fault:
            raise self.fault
        self.fetched.append(weight.name)
        with store.locked(weight):
            partial = store.partial(weight)
            partial.write_bytes(self.files[weight.name])
            return store.adopt(weight, partial, watcher)

    @contextmanager
    def _display(self, weights: Sequence[Weight]) -> Iterator[Watcher]:
        self.displayed.append(tuple(weight.name for weight in weights))
        yield self

    def stage(self, name: str, stage: Stage) -> None:
        pass

    def progress(self, name: str, done: int, total: int) -> None:
        pass

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture
def scene(toy_store: Store, toy_files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setitem(ENGINE_WEIGHTS, "best", ("alpha", "beta"))
    return Scene(toy_store, toy_files, Consent(tmp_path / "consent.json"), monkeypatch)


def damage(store: Store, name: str) -> Path:
    path = store.path(store.catalog.weight(name))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path


def test_an_engine_without_needs_is_always_ready(scene: Scene) -> None:
    provision = scene.run()
    assert provision.ready("embedded")
    assert provision.offer("embedded")
    provision.require("embedded")
    assert scene.displayed == []


def test_an_engine_is_ready_when_all_its_weights_are_stored(scene: Scene) -> None:
    assert not scene.run().ready("best")
    scene.run().require("best")
    assert scene.run().ready("best")
    scene.store.remove(scene.store.catalog.weight("beta"))
    assert not scene.run().ready("best")


def test_a_named_engine_fetches_what_it_lacks_and_names_the_terms_once(scene: Scene) -> None:
    scene.answer = False
    scene.run().require("best")
    assert scene.asked == []
    assert scene.fetched == ["alpha", "beta"]
    assert scene.displayed == [("alpha", "beta")]
    (note,) = scene.notes
    assert "non-commercial" in note
    assert note.count("Toys: for play only (https://toys.test/licence)") == 1


def test_a_named_engine_whose_terms_were_accepted_says_nothing(scene: Scene) -> None:
    scene.consent.accept([scene.store.catalog.weight("alpha").licence])
    scene.run().require("best")
    assert scene.fetched == ["alpha", "beta"]
    assert scene.notes == []


def test_a_named_engine_that_cannot_be_fetched_fails(scene: Scene) -> None:
    scene.fault = DownloadError("there is no way.", reason="dns")
    with pytest.raises(DownloadError, match="no way"):
        scene.run().require("best")


def test_a_named_engine_replaces_what_is_damaged(scene: Scene) -> None:
    scene.run().require("best")
    path = damage(scene.store, "beta")
    scene.run().require("best")
    assert scene.fetched == ["alpha", "beta", "beta"]
    assert path.read_bytes() == scene.files["beta"]


def test_nothing_is_fetched_where_it_would_not_fit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda _folder: 10)
    with pytest.raises(DownloadError, match=r"not enough room .* 10 B are free") as caught:
        scene.run().require("best")
    assert caught.value.reason == "disk-full"
    assert caught.value.exit_code == 4
    assert scene.fetched == []


def test_without_anybody_to_ask_nothing_is_fetched(scene: Scene) -> None:
    assert not scene.run().offer("best")
    assert scene.fetched == []
    assert not scene.consent.declined("best"), "nobody has declined it"


def test_a_yes_fetches_and_accepts_the_terms(scene: Scene) -> None:
    scene.answer = True
    assert scene.run().offer("best")
    (offer,) = scene.asked
    assert offer.engine == "best"
    assert [weight.name for weight in offer.weights] == ["alpha", "beta"]
    assert offer.bytes == len(scene.files["alpha"]) + len(scene.files["beta"])
    assert [licence.key for licence in offer.licences] == ["toys"]
    assert scene.fetched == ["alpha", "beta"]
    assert scene.consent.accepted(offer.licences)
    assert scene.notes == []
    assert scene.run().offer("best")
    assert len(scene.asked) == 1


def test_only_what_is_missing_is_offered(scene: Scene) -> None:
    scene.answer = True
    assert scene.run().offer("best")
    beta = scene.store.catalog.weight("beta")
    scene.store.remove(beta)
    with scene.store.locked(beta):
        scene.store.partial(beta).write_bytes(scene.files["beta"][:50])
    assert scene.run().offer("best")
    assert [weight.name for weight in scene.asked[-1].weights] == ["beta"]
    assert scene.asked[-1].bytes == len(scene.files["beta"]) - 50


def test_a_no_is_remembered_until_it_is_forgotten(scene: Scene) -> None:
    scene.answer = False
    provision = scene.run()
    assert not provision.offer("best")
    assert not provision.offer("best")
    assert not scene.run().offer("best")
    assert len(scene.asked) == 1
    assert scene.fetched == []
    scene.consent.forget_declined(["best"])
    scene.answer = True
    assert scene.run().offer("best")


def test_an_offer_is_decided_once_a_run(scene: Scene) -> None:
    provision = scene.run()
    assert not provision.offer("best")
    scene.run().require("best")
    assert not provision.offer("best")
    assert scene.run().offer("best")


def test_an_accepted_offer_that_fails_is_noted_and_made_again_in_the_next_run(scene: Scene) -> None:
    scene.answer = True
    scene.fault = DownloadError("there is no way.", reason="dns", hint="Find one.")
    provision = scene.run()
    assert not provision.offer("best")
    assert not provision.offer("best")
    assert scene.notes == ["there is no way. Find one."]
    scene.fault = None
    assert scene.run().offer("best")
    assert len(scene.asked) == 2


@pytest.mark.parametrize("answer", [True, False])
def test_an_answer_that_cannot_be_kept_is_heeded_and_noted(scene: Scene, tmp_path: Path, answer: bool) -> None:
    (tmp_path / "file").write_text("not a folder")
    scene.consent = Consent(tmp_path / "file" / "consent.json")
    scene.answer = answer
    assert scene.run().offer("best") == answer
    (note,) = scene.notes
    assert str(scene.consent.file) in note


def test_nothing_is_offered_where_a_file_is_damaged(scene: Scene) -> None:
    scene.run().require("best")
    path = damage(scene.store, "beta")
    scene.answer = True
    provision = scene.run()
    assert not provision.offer("best")
    assert scene.asked == []
    note = provision.fallback_note("best", "embedded")
    assert "damaged" in note
    assert f'"{path}"' in note
    assert f"{download_command(scene.store.folder, 'best')} fetches them again" in note


@pytest.mark.parametrize(
    ("make", "words", "remedy"),
    [
        (lambda path: path.symlink_to(path), "cannot be read", "tells more"),
        (lambda path: path.write_bytes(b"copied"), "cannot be verified", "fetches them again"),
    ],
)
def test_nothing_is_offered_where_a_file_cannot_be_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], words: str, remedy: str
) -> None:
    monkeypatch.setitem(ENGINE_WEIGHTS, "best", ("lips",))
    path = scene.store.path(scene.store.catalog.weight("lips"))
    path.parent.mkdir()
    make(path)
    scene.answer = True
    provision = scene.run()
    assert not provision.ready("best")
    assert not provision.offer("best")
    assert scene.asked == []
    assert provision.fallback_note("best", "embedded") == (
        f'the embedded engine is used, because weights of the best engine {words} ("{path}"); '
        f"{download_command(scene.store.folder, 'best')} {remedy}."
    )


def test_the_note_names_both_engines_and_the_remedy(scene: Scene) -> None:
    note = scene.run().fallback_note("best", "embedded")
    assert note == (
        "the embedded engine is used, because the weights of the better best engine are not stored; "
        f"{download_command(scene.store.folder, 'best')} fetches them."
    )


def test_by_default_nobody_is_asked_and_the_home_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    provision = Provision()
    assert not provision.ready("inswapper")
    assert not provision.offer("inswapper")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("present", "needed"), [(0, 3000), (700, 2300)])
def test_room_for_networks_is_their_size_less_what_is_there(scene: Scene, present: int, needed: int) -> None:
    from dataclasses import replace

    first, second = (
        replace(scene.store.catalog.weight(name), bytes=size) for name, size in (("alpha", 1000), ("beta", 2000))
    )
    with scene.store.locked(second):
        scene.store.partial(second).write_bytes(bytes(present))
    assert room.needed_bytes(scene.store, [first, second]) == needed


def test_room_for_checkpoints_is_one_of_them_whole_and_the_networks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(room, "saved_bytes", lambda: 100)
    lips = replace(scene.store.catalog.weight("lips"), bytes=300)
    assert room.needed_bytes(scene.store, [lips]) == 300 + 100
    assert room.needed_bytes(scene.store, [lips, lips]) == 100 + 300 + 100


def test_free_space_is_that_of_the_disk_where_the_folder_will_be(tmp_path: Path) -> None:
    free = room.free_bytes(tmp_path / "not" / "there" / "yet")
    assert abs(free - shutil.disk_usage(tmp_path).free) < 2**30


def test_an_engine_without_weights_needs_no_place_for_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", "~nobody-of-that-name/home")
    provision = Provision()
    assert provision.ready("embedded")
    assert provision.offer("embedded")
    provision.require("embedded")
    with pytest.raises(UsageError, match="nobody-of-that-name"):
        provision.ready("inswapper")
