"""What the examination finds, with one thing broken at a time."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tomllib
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from facefusion_cli.core import gpu
from facefusion_cli.core.cuda import Gpu
from facefusion_cli.core.device import Device, select_device
from facefusion_cli.core.diagnosis import libraries as libraries_module
from facefusion_cli.core.diagnosis import networks, storage
from facefusion_cli.core.diagnosis.devices import devices
from facefusion_cli.core.diagnosis.environment import environment, redacted
from facefusion_cli.core.diagnosis.examine import _Examination, examine
from facefusion_cli.core.diagnosis.libraries import LIBRARIES, libraries
from facefusion_cli.core.diagnosis.networks import EMBEDDED, embedded_networks, stored_networks
from facefusion_cli.core.diagnosis.programs import ffmpeg
from facefusion_cli.core.diagnosis.storage import disks, engines, paths, weights
from facefusion_cli.core.failures import in_words
from facefusion_cli.core.inference.onnx_runtime import open_embedded, open_session
from facefusion_cli.core.inference.verdicts import Verdict
from facefusion_cli.core.weights.catalog import catalog
from facefusion_cli.errors import DeviceError, FaceFusionError, WeightsDamagedError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefusion_cli.core.diagnosis.report import Fact
    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store
    from tests.conftest import ToyWeights

posix = pytest.mark.skipif(os.name != "posix", reason="the pretended ffmpeg is a shell script")

CPU = Device("cpu", 0, "A Processor", ("fp32",), False, False, 2)


def named(facts: list[Fact], name: str) -> Fact:
    return next(fact for fact in facts if fact.name == name)


# Libraries


def test_every_dependency_is_examined_and_works() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(LIBRARIES) == {re.split(r"[^\w.-]", requirement)[0] for requirement in project["dependencies"]}
    facts = libraries()
    assert {fact.state for fact in facts} <= {"ok", "info"}
    assert named(facts, "numpy").data["version"] == np.__version__
    assert "cuda" in named(facts, "torch").data


@pytest.fixture
def one_library(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def choose(name: str, module: str, **versions: str) -> None:
        installed = {package.replace("_", "-"): number for package, number in versions.items()}
        monkeypatch.setattr(libraries_module, "LIBRARIES", {name: module})
        monkeypatch.setattr(libraries_module, "_version", installed.get)

    return choose


def test_a_library_that_is_not_installed(one_library: Callable[..., None]) -> None:
    one_library("librosa", "librosa_that_is_not_there")
    fact = libraries()[-1]
    assert (fact.state, fact.text, fact.exit_code) == ("problem", "librosa is not installed.", 1)
    assert fact.hint == 'Run "pip install librosa".'


@pytest.mark.parametrize(
    "error",
    [
        "ImportError('libGL.so.1: cannot open')",
        "OSError('[WinError 126] libGL.so.1: cannot open')",
        "AttributeError('libGL.so.1: cannot open')",
        "ValueError('libGL.so.1: cannot open\\nmore of it')",
    ],
)
def test_a_library_that_cannot_be_loaded(
    one_library: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    (tmp_path / "broken_library.py").write_text(f"print('noise')\nraise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    one_library("opencv-python", "broken_library", opencv_python="5.0")
    fact = libraries()[-1]
    assert fact.state == "problem"
    assert re.fullmatch(r"opencv-python cannot be loaded: .*libGL\.so\.1: cannot open[^\n]*\.", fact.text)
    assert "--force-reinstall" in fact.hint


def test_opencv_without_a_library_of_the_system_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_library: Callable[..., None]
) -> None:
    """As the command says it elsewhere; and what cannot do without OpenCV is nothing to put right of its own."""
    reason = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2_broken.py").write_text(
        "import sys\n"
        "if hasattr(sys, 'tried_before'): raise ImportError('recursion is detected')\n"
        f"sys.tried_before = True\nraise ImportError({reason!r}, name='cv2')\n"
    )
    (tmp_path / "stands_on_it.py").write_text("import cv2_broken")
    (tmp_path / "lacks_another.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "tried_before", None, raising=False)
    monkeypatch.delattr(sys, "tried_before")
    one_library("opencv-python", "", opencv_python="5.0", insightface="2.1", librosa="1.0")
    tried = {"opencv-python": "cv2_broken", "insightface": "stands_on_it", "librosa": "lacks_another"}
    monkeypatch.setattr(libraries_module, "LIBRARIES", tried)
    opencv, insightface, librosa = libraries()[-3:]
    with pytest.raises(FaceFusionError) as told, in_words():
        raise ImportError(reason, name="cv2")
    assert (opencv.state, opencv.hint) == ("problem", told.value.hint)
    assert opencv.text == "opencv-python cannot be loaded: the system library libGL.so.1 is missing."
    assert (insightface.state, insightface.text) == ("note", "cannot be loaded without opencv-python.")
    assert librosa.state == "problem"


def test_an_address_of_the_hub_that_is_none_is_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_library: Callable[..., None]
) -> None:
    (tmp_path / "pretended_hub.py").write_text(
        "import os, urllib.parse\nurllib.parse.urlsplit(os.environ['HF_ENDPOINT']).port\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://me:sec/ret@host.test:9/x")
    one_library("huggingface-hub", "pretended_hub", huggingface_hub="2.4.0")
    fact = libraries()[-1]
    assert (fact.state, fact.text) == (
        "problem",
        "the variable HF_ENDPOINT does not hold the address of a server.",
    )
    assert fact.hint == "Correct it, or unset it."


def test_the_headless_build_serves_as_well(one_library: Callable[..., None]) -> None:
    one_library("opencv-python", "json", opencv_python_headless="5.0")
    fact = libraries()[-1]
    assert (fact.state, fact.text) == ("ok", "5.0 (opencv-python-headless)")


@pytest.mark.parametrize(("headless", "state"), [("5.0", "info"), ("4.13", "note")])
def test_the_headless_build_over_the_other_is_fine_in_the_same_version(
    one_library: Callable[..., None], headless: str, state: str
) -> None:
    one_library("opencv-python", "json", opencv_python="5.0", opencv_python_headless=headless)
    first, second = libraries()[-2:]
    assert (first.state, second.state) == ("ok", state)


def test_f26_two_onnxruntimes_installed_over_each_other(one_library: Callable[..., None]) -> None:
    one_library("onnxruntime", "json", onnxruntime="1.32.0", onnxruntime_gpu="1.31.1")
    first, conflict = libraries()[-2:]
    assert (first.state, conflict.state) == ("ok", "note")
    assert "onnxruntime and onnxruntime-gpu are installed over each other" in conflict.text
    assert 'Run "pip uninstall -y onnxruntime onnxruntime-gpu", then "pip install onnxruntime".' in conflict.hint


# Devices


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def answer(found: object, signs: tuple[str, ...] = ()) -> None:
        monkeypatch.setattr(gpu, "probe_all", lambda: found)
        monkeypatch.setattr(gpu, "nvidia_signs", lambda: signs)

    return answer


def test_f27_devices_and_the_one_chosen(probed: Callable[..., None]) -> None:
    probed((Gpu(0, "NVIDIA A10", (8, 6), 24 * 2**30), gpu.Unusable("cuda:1 (Old) is too old.", "Sell it.")), ("sign",))
    facts = devices(replace(CPU, precisions=("bf16", "fp32"), note="the GPU is not used: it is tired."))
    assert [(fact.name, fact.state) for fact in facts] == [
        ("cpu", "ok"),
        ("cuda:0", "ok"),
        ("cuda:1", "note"),
        ("device", "note"),
    ]
    assert "24 GiB, compute capability 8.6" in facts[1].text
    assert (facts[2].text, facts[2].hint) == ("not used: cuda:1 (Old) is too old.", "Sell it.")
    assert facts[3].text.endswith("the GPU is not used: it is tired.")
    assert facts[3].data["precisions"] == ["bf16", "fp32"]


def test_a_machine_without_gpu_has_nothing_to_put_right(probed: Callable[..., None]) -> None:
    probed(gpu.Unusable("no NVIDIA GPU was found.", "Buy one."))
    fact = named(devices(CPU), "cuda")
    assert (fact.state, fact.text, fact.hint) == ("info", "not used: no NVIDIA GPU was found.", "")


def test_a_device_asked_for_that_does_not_work_is_a_problem(probed: Callable[..., None]) -> None:
    probed(gpu.Unusable("no.", ""))
    fact = devices(DeviceError("no NVIDIA GPU was found.", hint="Use another."))[-1]
    assert (fact.state, fact.exit_code, fact.code, fact.hint) == ("problem", 5, "device", "Use another.")


# Embedded networks


def test_each_embedded_network_is_run() -> None:
    assert set(EMBEDDED) == {
        entry.name for entry in files("facefusion_cli").joinpath("assets").iterdir() if entry.name.endswith(".onnx")
    }
    facts = embedded_networks()
    assert [fact.state for fact in facts] == ["ok"] * 4
    assert facts[0].data["active"] == ["CPUExecutionProvider"]


def test_an_embedded_network_that_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        networks, "open_embedded", lambda name: open_session(b"garbage") if name == EMBEDDED[2] else open_embedded(name)
    )
    facts = embedded_networks()
    assert [fact.state for fact in facts] == ["ok", "ok", "ok", "problem"]
    assert f'the network "{EMBEDDED[2]}" cannot be run' in facts[3].text


def test_an_embedded_network_that_gives_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    nonsense = SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name="x", shape=[1, 2])],
        run=lambda _names, _feeds: [np.array([np.nan])],
        get_providers=lambda: ["CPUExecutionProvider"],
    )
    monkeypatch.setattr(networks, "open_embedded", lambda _name: nonsense)
    assert [fact.state for fact in embedded_networks()] == ["ok", "problem", "problem", "problem"]


def _broken(error: Exception) -> Callable[..., None]:
    def broken(*_: object, **__: object) -> None:
        raise error

    return broken


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        # Of two installed over each other one was removed: a shell is left.
        ("onnxruntime", ModuleType("onnxruntime")),
        ("onnxruntime.InferenceSession", _broken(RuntimeError("it was made for another processor"))),
    ],
)
def test_f27_a_broken_onnxruntime_is_blamed_alone(monkeypatch: pytest.MonkeyPatch, name: str, broken: object) -> None:
    if isinstance(broken, ModuleType):
        monkeypatch.setitem(sys.modules, name, broken)
    else:
        monkeypatch.setattr(name, broken)
    (fact,) = embedded_networks()
    assert (fact.name, fact.state) == ("onnxruntime", "problem")
    assert fact.text.startswith("onnxruntime does not work: ")
    assert fact.hint == 'Run "pip install --force-reinstall --no-deps onnxruntime".'


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_missing_network_is_no_fault_of_onnxruntime(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    missing = _broken(FileNotFoundError(2, "No such file or directory", name))
    monkeypatch.setattr(networks, "open_embedded", lambda one: missing() if one == name else open_embedded(one))
    (fact,) = [fact for fact in embedded_networks() if fact.state != "ok"]
    assert (fact.name, fact.state) == (name, "problem")
    assert "facefusion-cli" in fact.hint


def test_a_bug_is_not_taken_for_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(_name: str) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(networks, "open_embedded", buggy)
    with pytest.raises(ValueError, match="a bug"):
        embedded_networks()


# ffmpeg


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def write(script: str) -> Path:
        path = tmp_path / "ffmpeg"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
        return path

    return write


def test_ffmpeg_is_run() -> None:
    facts = ffmpeg()
    assert [(fact.name, fact.state) for fact in facts] == [
        ("ffmpeg", "ok"),
        ("program", "info"),
        ("encoders", "ok"),
        ("codecs", "ok"),
    ]
    assert facts[2].data["found"] == ["libx264", "aac"]
    assert "h264" in facts[3].data["working"]


@posix
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo ffmpeg version 9; exit 3", "it ended with 3"),
        ("echo hello", "it is another program"),
        ("exec sleep 60", "it did not answer within"),
    ],
)
def test_an_ffmpeg_that_does_not_work(
    program: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    path = program(script)
    monkeypatch.setattr("facefusion_cli.core.media.video.ffmpeg._ANSWER_SECONDS", 0.3 if "sleep" in script else 20)
    (fact,) = ffmpeg()
    assert fact.state == "problem"
    assert fact.text.startswith(f'"{path}" cannot be used as ffmpeg: {why}')


@posix
def test_an_ffmpeg_without_the_encoders_needed(program: Callable[[str], Path]) -> None:
    program(r'case "$2" in -version) echo ffmpeg version 9.9 built;; *) echo " A....D aac  AAC";; esac')
    facts = ffmpeg()
    assert facts[0].text == "9.9"
    assert facts[2].state == "problem"
    assert facts[2].text.endswith("it lacks the encoders libx264.")


def test_no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "gone"))
    (fact,) = ffmpeg()
    assert (fact.state, fact.exit_code) == ("problem", 1)
    assert "no such file" in fact.text
    assert fact.hint == "Unset IMAGEIO_FFMPEG_EXE, or let it name a working ffmpeg."


def test_an_ffmpeg_that_imageio_does_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> str:
        raise RuntimeError("No ffmpeg exe could be found. Install ffmpeg on your system.")

    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    monkeypatch.setattr(import_module("imageio_ffmpeg"), "get_ffmpeg_exe", nothing)
    (fact,) = ffmpeg()
    assert fact.text.startswith("ffmpeg was not found: No ffmpeg exe could be found.")
    assert fact.hint.startswith('Run "pip install --force-reinstall --no-deps imageio-ffmpeg"')


# Weights, networks, engines, disks


class PretendedStore:
    """Weights by name are stored; others as told."""

    catalog = catalog()

    def __init__(self, folder: Path, **states: str) -> None:
        self.folder = folder
        self._states = states

    def path(self, weight: Weight) -> Path:
        return self.folder / weight.stored_file

    def state(self, weight: Weight) -> str:
        return self._states.get(weight.name, "missing")

    def problem(self, weight: Weight) -> WeightsError | None:
        match self.state(weight):
            case "unreadable":
                return WeightsError(f'"{self.path(weight)}" cannot be read.')
            case "damaged" | "unrecorded":
                return WeightsDamagedError(f'"{self.path(weight)}" is damaged.', hint="Fetch it.")
        return None

    def require(self, weight: Weight) -> Path:
        return self.path(weight)

    def sha256(self, weight: Weight) -> str:
        return weight.sha256

    def partial(self, weight: Weight) -> Path:
        return self.folder / weight.sha256


def pretended(folder: Path, **states: str) -> Store:
    return cast("Store", PretendedStore(folder, **states))


def test_weights_that_are_missing_are_no_problem(tmp_path: Path) -> None:
    facts = weights(pretended(tmp_path))
    assert {fact.state for fact in facts} <= {"info", "note"}
    fetch = named(facts, "to fetch")
    assert fetch.data["weights"] == ["inswapper_128", "det_10g", "w600k_r50", "wav2lip"]
    assert (fetch.state, fetch.hint) == ("note", 'Run "facefusion download-models".')


def test_a_disk_too_full_for_them_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=10**6))
    room = named(weights(pretended(tmp_path)), "room")
    assert room.state == "note"
    assert "1.0 MB are free" in room.text


def test_states_of_weights(tmp_path: Path) -> None:
    store = pretended(
        tmp_path,
        inswapper_128="stored",
        det_10g="damaged",
        w600k_r50="unverified",
        wav2lip="unrecorded",
        wav2lip_gan="unreadable",
    )
    facts = weights(store)
    assert [fact.data["stored"] for fact in facts] == [
        "stored",
        "missing",
        "damaged",
        "unverified",
        "unrecorded",
        "unreadable",
    ]
    assert [(fact.name, fact.state) for fact in facts] == [
        ("inswapper_128", "ok"),
        ("inswapper_128_fp16", "info"),
        ("det_10g", "problem"),
        ("w600k_r50", "note"),
        ("wav2lip", "problem"),
        ("wav2lip_gan", "problem"),
    ]
    assert [(fact.exit_code, fact.code) for fact in facts if fact.state == "problem"] == [
        (4, "weights-damaged"),
        (4, "weights-damaged"),
        (4, "weights"),
    ]
    assert named(facts, "inswapper_128").data["path"] == str(tmp_path / "inswapper_128.onnx")


def test_a_file_where_the_models_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    (fact,) = weights(pretended(tmp_path / "home" / "models"))
    assert (fact.state, fact.exit_code) == ("problem", 4)
    assert fact.text == f'there can be no weights in "{tmp_path / "home" / "models"}": "{tmp_path / "home"}" is a file.'


def test_an_engine_is_ready_or_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = tuple(SimpleNamespace(name=name) for name in ("inswapper", "mesh"))
    monkeypatch.setattr(storage, "ENGINES", entries)
    inswapper, mesh = engines(pretended(tmp_path, inswapper_128="stored", det_10g="damaged"))
    assert (inswapper.state, inswapper.data["lacks"]) == ("note", ["det_10g", "w600k_r50"])
    assert inswapper.hint == 'Run "facefusion download-models inswapper".'
    assert (mesh.state, mesh.text) == ("ok", "ready")
    whole = pretended(tmp_path, inswapper_128="stored", det_10g="unverified", w600k_r50="stored")
    assert engines(whole)[0].state == "ok"


VERDICT = Verdict("torch", "cpu", "bf16", True, "torch in bf16 agrees with onnxruntime to 0.004")


def test_what_is_known_of_a_network_is_told_without_opening_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "known_verdict", lambda *_, **__: VERDICT)
    monkeypatch.setattr(networks, "known_generator_verdict", lambda *_, **__: VERDICT)
    monkeypatch.setattr(networks, "open_network", None)
    facts = stored_networks(pretended(tmp_path, det_10g="stored", w600k_r50="damaged", wav2lip="stored"), CPU)
    assert [(fact.name, fact.state) for fact in facts] == [("det_10g", "info"), ("wav2lip", "info")]
    fact = facts[0]
    told = f"torch on cpu in bf16, any batch size: {VERDICT.reason}; found at its first use, not opened now"
    assert fact.text == told
    assert (fact.data["precision"], fact.data["tried"]) == ("bf16", False)


def test_what_is_not_known_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def open_network(path: Path, device: Device, *, sha256: str) -> Any:
        asked.append((path, device, sha256))
        return SimpleNamespace(verdict=VERDICT)

    for known, opened in (
        ("known_verdict", "open_network"),
        ("known_generator_verdict", "open_generator_network"),
    ):
        monkeypatch.setattr(networks, known, lambda *_, **__: None)
        monkeypatch.setattr(networks, opened, open_network)
    for name, file in (("det_10g", "det_10g.onnx"), ("wav2lip", "wav2lip.safetensors")):
        (fact,) = stored_networks(pretended(tmp_path, **{name: "unverified"}), CPU)
        assert (fact.name, fact.state, fact.data["tried"]) == (name, "ok", True)
        assert "not opened" not in fact.text
        assert asked.pop() == (tmp_path / file, CPU, catalog().weight(name).sha256)


def test_a_network_that_does_not_run_where_it_should_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "known_verdict", lambda *_, **__: VERDICT)
    (fact,) = stored_networks(pretended(tmp_path, det_10g="stored"), replace(CPU, kind="cuda"))
    assert fact.state == "note"


def test_a_network_that_cannot_be_opened_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise WeightsDamagedError("it is no network.")

    monkeypatch.setattr(networks, "known_verdict", refuse)
    (fact,) = stored_networks(pretended(tmp_path, det_10g="stored"), CPU)
    assert (fact.state, fact.exit_code) == ("problem", 4)


def test_without_device_no_network_is_tried(tmp_path: Path) -> None:
    (fact,) = stored_networks(pretended(tmp_path, det_10g="stored"), None)
    assert fact.text == "not tried, for want of the device"


def test_disks_of_folders_that_are_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    facts = disks(pretended(tmp_path / "a" / "b"))
    assert [(fact.name, fact.state) for fact in facts] == [("models", "info"), ("home", "info"), ("temporary", "info")]
    assert facts[0].data["exists"] is False
    assert facts[0].data["free"] > 0
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert f'"{tmp_path}" cannot be written to' in disks(pretended(tmp_path / "a"))[0].text


def test_folders_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who may look everywhere."""
    secret = tmp_path / "secret"
    secret.mkdir()
    look = os.stat

    def refuse(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if isinstance(path, str | Path) and secret in Path(path).parents:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refuse)
    store = pretended(secret / "models")
    assert named(disks(store), "models").data["exists"] is False
    assert named(paths(store), "models").text == f"{secret / 'models'} (not there yet)"
    assert named(weights(store), "to fetch").state == "note"


# Environment


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("HF_TOKEN", "hf_abc", "set"),
        ("HUGGING_FACE_HUB_TOKEN", "hf_abc", "set"),
        ("FACEFUSION_API_KEY", "abc", "set"),
        ("HF_TOKEN", "", "(empty)"),
        ("HTTPS_PROXY", "http://me:secret@proxy.test:8080", "http://***@proxy.test:8080"),
        ("https_proxy", "http://me:se/cr@et@proxy.test", "http://***@proxy.test"),
        ("ALL_PROXY", "me:secret@proxy.test:1080", "***@proxy.test:1080"),
        ("HTTP_PROXY", "http://proxy.test", "http://proxy.test"),
        ("NO_PROXY", "localhost,.test", "localhost,.test"),
        ("HF_ENDPOINT", "https://me:secret@hub.test", "https://***@hub.test"),
        ("HF_ENDPOINT", "https://hub.test/x?token=secret", "https://hub.test/x?***"),
        ("FACEFUSION_HOME", "/home/me@work/faces", "/home/me@work/faces"),
        ("CUDA_VISIBLE_DEVICES", "0,1", "0,1"),
    ],
)
def test_what_is_secret_in_a_variable_is_not_shown(name: str, value: str, shown: str) -> None:
    assert redacted(name, value) == shown


def test_only_variables_that_matter_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "no")
    monkeypatch.setenv("FACEFUSION_DEVICE", "cpu")
    monkeypatch.setenv("https_proxy", "http://a:b@c")
    names = [fact.name for fact in environment()]
    assert {"FACEFUSION_DEVICE", "https_proxy", "NO_COLOR"} <= set(names)
    assert "AWS_SECRET_ACCESS_KEY" not in names
    for name in names:
        monkeypatch.delenv(name)
    assert [fact.name for fact in environment()] == ["variables"]


# All of it


def test_a_missing_library_is_missed_only_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "facefusion_cli.core.diagnosis.networks", None)  # would import it
    with pytest.raises(ImportError):  # our own module: a bug
        list(examine("cpu", models=tmp_path))
    monkeypatch.undo()
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "filelock", None)
    monkeypatch.setattr("facefusion_cli.core.diagnosis.networks.embedded_networks", _needs_filelock)
    sections = {section.key: section for section in examine("cpu", models=tmp_path)}
    assert [(key, fact.name) for key, section in sections.items() for fact in section.problems] == [
        ("versions", "filelock")
    ]
    (fact,) = sections["embedded"].facts
    assert fact.state == "note"
    assert fact.text.startswith("filelock does not work: ")
    assert list(sections)[-1] == "environment"


def _needs_filelock() -> list[Fact]:
    import_module("filelock")
    return []


@pytest.mark.parametrize(
    "error",
    [
        "OSError('libgomp.so.1: cannot allocate memory in static TLS block')",
        "OSError(22, '[WinError 126] cannot allocate memory in static TLS block')",
        "ImportError('cannot allocate memory in static TLS block')",
        "RuntimeError('cannot allocate memory in static TLS block')",
    ],
)
def test_a_library_that_fails_as_it_is_imported_ends_only_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    (tmp_path / "failing_library.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    monkeypatch.setattr(networks, "stored_networks", lambda *_: import_module("failing_library"))
    sections = {section.key: section for section in examine("cpu", models=tmp_path)}
    (fact,) = sections["networks"].facts
    assert fact.state == "note"
    assert fact.text.startswith("failing_library does not work: ")
    assert fact.text.endswith("cannot allocate memory in static TLS block.")
    assert list(sections)[-1] == "environment"


def test_a_shell_of_onnxruntime_is_found_out_with_networks_stored(
    toy_files: ToyWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "det_10g.onnx").write_bytes(toy_files["alpha"])
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))
    monkeypatch.setattr(_Examination, "_store", lambda _: pretended(tmp_path, det_10g="stored"))
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    sections = {section.key: section for section in examine("cpu", models=tmp_path)}
    problems = [(key, fact.name) for key, section in sections.items() for fact in section.problems]
    assert problems == [("embedded", "onnxruntime")]
    (fact,) = sections["networks"].facts
    assert (fact.state, fact.hint) == ("note", "See the problems above.")
    assert fact.text.startswith("onnxruntime does not work: ")


def test_without_a_home_folder_all_else_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("FACEFUSION_HOME", raising=False)
    monkeypatch.setattr("platformdirs.user_data_path", unknown)
    sections = {section.key: section for section in examine("cpu", models=tmp_path)}
    problems = {key: section.problems for key, section in sections.items() if section.problems}
    assert list(problems) == ["disk", "paths"]
    for (fact,) in problems.values():
        assert (fact.text, fact.exit_code) == ("there is no home folder to keep anything in.", 2)
    assert list(sections)[-1] == "environment"


def test_a_file_that_cannot_be_read_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "stored_networks", _broken(PermissionError(13, "Permission denied", "a.onnx")))
    with pytest.raises(PermissionError):
        list(examine("cpu", models=tmp_path))


def test_select_device_is_what_is_reported() -> None:
    fact = devices(select_device("cpu", "fp32", 3))[-1]
    assert fact.text.endswith("3 threads; fp32")
