"""The command download-models around downloads that are only pretended."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from facefusion_cli.cli import download_models, main
from facefusion_cli.cli import weights as actions
from facefusion_cli.cli.console import Console
from facefusion_cli.core.weights import catalog as catalog_module
from facefusion_cli.core.weights import room
from facefusion_cli.core.weights.consent import Consent
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DownloadError

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from facefusion_cli.core.weights.catalog import Catalog, Weight
    from facefusion_cli.core.weights.watcher import Watcher


class Net:
    """Where weights are pretended to come from."""

    def __init__(self, files: Any) -> None:
        self.files = files
        self.broken: set[str] = set()
        self.fetched: list[str] = []

    def fetch(self, weight: Weight, store: Store, watcher: Watcher, hosts: object) -> Path:
        if weight.name in self.broken:
            raise DownloadError(f"{weight.file} cannot be had.", reason="not-found", hint="Get it elsewhere.")
        self.fetched.append(weight.name)
        with store.locked(weight):
            store.partial(weight).write_bytes(self.files[weight.name])
            return store.adopt(weight, store.partial(weight), watcher)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def net(toy_catalog: Catalog, toy_files: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> Net:
    """Two engines: "best", one of the defaults, needs alpha and beta; "lips" needs the weight of that name."""
    net = Net(toy_files)
    monkeypatch.setattr(catalog_module, "catalog", lambda: toy_catalog)
    monkeypatch.setattr(actions, "fetch", net.fetch)
    monkeypatch.setattr(download_models, "DEFAULT_ENGINES", ("best",))
    monkeypatch.setitem(ENGINE_WEIGHTS, "best", ("alpha", "beta"))
    monkeypatch.setitem(ENGINE_WEIGHTS, "other", ("beta",))
    return net


def run(*arguments: object) -> int:
    return main(["download-models", *map(str, arguments)])


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put somebody before the command who types ``text``."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(text))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


def paths(home: Path, *names: str) -> list[str]:
    return [str(home / "models" / f"{name}.onnx") for name in names]


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_without_names_the_default_engines_are_provided(
    net: Net, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert net.fetched == ["alpha", "beta"]
    out, err = capsys.readouterr()
    assert out.splitlines() == paths(home, "alpha", "beta")
    sizes = [len(net.files[name]) for name in ("alpha", "beta")]
    said = err.splitlines()
    assert f'"{home / "models"}"' in said[0]
    assert "free" in said[0]
    assert said[1:4] == [f"  alpha  {sizes[0]:>6} B", f"  beta   {sizes[1]:>6} B", f"  total  {sum(sizes):>6} B"]
    assert said[4:7] == [
        "These weights are for non-commercial use only:",
        "  Toys: for play only",
        "  https://toys.test/licence",
    ]


def test_what_is_stored_is_not_fetched_again(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("alpha")
    capsys.readouterr()
    assert run() == 0
    assert net.fetched == ["alpha", "beta"]
    assert capsys.readouterr().out.splitlines() == paths(home, "alpha", "beta")
    assert run() == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == paths(home, "alpha", "beta")
    assert "nothing to fetch" in err
    assert "non-commercial" not in err


@pytest.mark.parametrize(
    ("names", "fetched"),
    [
        (["beta"], ["beta"]),
        (["other", "alpha"], ["alpha", "beta"]),
        (["best", "beta", "beta"], ["alpha", "beta"]),
    ],
)
def test_names_are_those_of_weights_and_of_engines(net: Net, names: list[str], fetched: list[str]) -> None:
    assert run(*names) == 0
    assert net.fetched == fetched


def test_what_was_left_by_another_run_need_not_be_fetched(
    net: Net, home: Path, capsys: pytest.CaptureFixture[str], toy_catalog: Catalog
) -> None:
    part = home / "models" / ".facefusion" / f"{toy_catalog.weight('alpha').sha256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(50))
    run("alpha")
    size = len(net.files["alpha"])
    assert f"  alpha  {size - 50:>6} B  (of {size} B; the rest is here)" in capsys.readouterr().err


def test_json_has_an_object_for_each_weight(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("alpha")
    capsys.readouterr()
    assert run("--json") == 0
    alpha, beta = records(capsys.readouterr().out)
    assert alpha["action"] == "present"
    assert beta.pop("seconds") >= 0
    assert beta == {
        "schema": 1,
        "ok": True,
        "name": "beta",
        "file": "beta.onnx",
        "path": paths(home, "beta")[0],
        "bytes": len(net.files["beta"]),
        "sha256": beta["sha256"],
        "state": "stored",
        "action": "fetched",
    }


def test_a_weight_that_fails_does_not_stop_the_others(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net.broken = {"alpha"}
    assert run("--json") == 4
    out, err = capsys.readouterr()
    failed, fetched = records(out)
    assert failed["ok"] is False
    assert failed["name"] == "alpha"
    assert failed["error"]["code"] == "download-not-found"
    assert failed["error"]["exit_code"] == 4
    assert fetched["ok"] is True
    assert fetched["name"] == "beta"
    assert "error: alpha.onnx cannot be had. Get it elsewhere.\n" in err
    assert err.endswith("error: 1 of 2 could not be fetched: alpha.\n")


def test_nothing_is_begun_where_it_would_not_fit(
    net: Net, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda _folder: 10)
    assert run("--json") == 4
    assert net.fetched == []
    (record,) = records(capsys.readouterr().out)
    assert record["error"]["code"] == "download-disk-full"


@pytest.mark.parametrize(("typed", "code", "fetched"), [("y\n", 0, ["alpha"]), ("n\n", 1, []), ("", 1, [])])
def test_on_a_terminal_it_asks(
    net: Net,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    code: int,
    fetched: list[str],
) -> None:
    answer(monkeypatch, typed)
    assert run("alpha") == code
    assert net.fetched == fetched
    out, err = capsys.readouterr()
    assert "non-commercial" in err
    assert "Fetch them? [y/N] " in err
    assert out.splitlines() == paths(home, *fetched)
    assert ("error: nothing was fetched." in err) == (not fetched)


def test_terms_are_put_once(net: Net, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(monkeypatch, "y\n")
    run("alpha")
    assert "non-commercial" in capsys.readouterr().err
    assert run("beta") == 0
    err = capsys.readouterr().err
    assert "non-commercial" not in err
    assert "?" not in err


def test_yes_is_an_answer_that_is_kept(
    net: Net, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "")
    assert run("alpha", "--yes") == 0
    err = capsys.readouterr().err
    assert "non-commercial" in err
    assert "?" not in err
    assert run("beta") == 0
    assert "?" not in capsys.readouterr().err


def test_without_a_terminal_the_terms_are_shown_each_time(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("alpha", "beta"):
        assert run(name, "-q") == 0
        out, err = capsys.readouterr()
        assert len(out.splitlines()) == 1
        assert err.splitlines() == [
            "These weights are for non-commercial use only:",
            "  Toys: for play only",
            "  https://toys.test/licence",
        ]


def test_an_answer_that_cannot_be_kept_is_a_detail(
    net: Net, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    (home / "state").write_text("not a folder")
    assert run("alpha", "-y") == 0
    assert "cannot be kept" not in capsys.readouterr().err
    assert run("beta", "-y", "-v") == 0
    assert "cannot be kept" in capsys.readouterr().err


def test_it_makes_a_declined_offer_possible_again(net: Net, home: Path) -> None:
    for engine in ("best", "other", "mouth"):
        Consent().decline(engine)
    assert run("alpha") == 0
    assert not Consent().declined("best")
    assert Consent().declined("other")
    assert Consent().declined("mouth")


def test_the_list_tells_all_of_each_weight(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("alpha")
    damage(home / "models" / "alpha.onnx")
    capsys.readouterr()
    assert run("--list") == 0
    out, err = capsys.readouterr()
    assert err == ""
    head, alpha, beta, lips = out.splitlines()
    assert head.split() == ["name", "for", "size", "state", "licence", "path"]
    path, lips_path = paths(home, "alpha")[0], str(home / "models" / "lips.safetensors")
    for part in ("alpha ", "plays (best)", f"{len(net.files['alpha'])} B", "damaged", "Toys: for play only", path):
        assert part in alpha
    assert "plays (best, other)" in beta
    assert "missing" in beta
    assert lips.endswith(lips_path)
    assert net.fetched == ["alpha"]


def test_the_list_as_json(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list", "--json", "beta") == 0
    (record,) = records(capsys.readouterr().out)
    assert record["name"] == "beta"
    assert record["state"] == "missing"
    assert record["purpose"] == "plays"
    assert record["engines"] == ["best", "other"]
    assert record["licence"] == {"key": "toys", "title": "Toys: for play only", "url": "https://toys.test/licence"}
    assert not home.exists(), "looking changes nothing"


def test_verifying_sets_damaged_files_aside(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    path = home / "models" / "alpha.onnx"
    damage(path)
    capsys.readouterr()
    assert run("--verify", "--json") == 4
    out, err = capsys.readouterr()
    failed, good = records(out)
    assert (failed["name"], failed["error"]["code"]) == ("alpha", "weights-damaged")
    assert (good["name"], good["action"], good["state"]) == ("beta", "verified", "stored")
    assert '"facefusion download-models alpha" fetches it again' in err
    assert not path.exists()
    assert run() == 0
    assert path.read_bytes() == net.files["alpha"]


def test_verifying_reads_what_a_marker_vouches_for(net: Net, home: Path) -> None:
    run("alpha")
    path = home / "models" / "alpha.onnx"
    before = path.stat()
    damage(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run("alpha") == 0, "the marker fits"
    assert run("--verify") == 4


def test_what_cannot_be_read_or_verified_is_listed_with_the_rest(
    net: Net, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("lips")
    models = home / "models"
    (models / ".facefusion" / "lips.json").unlink()
    (models / "alpha.onnx").symlink_to(models / "alpha.onnx")
    capsys.readouterr()
    assert run("--list") == 0
    out, err = capsys.readouterr()
    states = ["unreadable", "missing", "unrecorded"]
    assert all(f" {state} " in line for state, line in zip(states, out.splitlines()[1:], strict=True))
    unreadable, unrecorded = err.splitlines()
    assert unreadable.startswith(f'warning: cannot read "{models / "alpha.onnx"}": ')
    assert unrecorded.startswith(f'warning: "{models / "lips.safetensors"}" cannot be verified: the record ')
    assert '".facefusion"' in unrecorded


def test_what_cannot_be_read_is_not_fetched(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("beta")
    alpha = home / "models" / "alpha.onnx"
    alpha.symlink_to(alpha)
    capsys.readouterr()
    assert run() == 4
    out, err = capsys.readouterr()
    assert out.splitlines() == paths(home, "beta")
    assert f'error: cannot read "{alpha}": ' in err
    assert "nothing to fetch" not in err
    assert "non-commercial" not in err


def test_verifying_leaves_alone_what_has_no_record(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("lips")
    path, record = home / "models" / "lips.safetensors", home / "models" / ".facefusion" / "lips.json"
    content = record.read_bytes()
    record.unlink()
    assert run("--verify") == 4
    assert "the record of what it was converted from is missing" in capsys.readouterr().err
    record.write_bytes(content)
    assert run("--verify") == 0
    record.unlink()
    assert run("lips") == 0
    assert "(what is stored cannot be verified)" in capsys.readouterr().err
    assert path.with_name("lips.safetensors.damaged").exists()


@pytest.mark.parametrize("arguments", [["--verify"], ["--remove", "alpha"]])
def test_waiting_for_another_process_is_said(
    net: Net,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    toy_catalog: Catalog,
    arguments: list[str],
) -> None:
    run("alpha")
    damage(home / "models" / "alpha.onnx")
    holding, said = threading.Event(), threading.Event()

    def hold() -> None:
        with Store(home / "models", toy_catalog).locked(toy_catalog.weight("alpha")):
            holding.set()
            said.wait(60)

    say = Console.done

    def done(console: Console, sentence: str) -> None:
        say(console, sentence)
        said.set()

    monkeypatch.setattr(Console, "done", done)
    capsys.readouterr()
    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(60)
    run(*arguments)
    holder.join()
    assert "alpha: waiting for another process\n" in capsys.readouterr().err


def test_verifying_names_what_is_missing(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--verify") == 0
    assert "nothing is stored" in capsys.readouterr().err
    assert run("--verify", "alpha") == 4
    assert run("--verify", "--all") == 4
    assert "3 of 3 could not be found whole" in capsys.readouterr().err
    assert not home.exists()


def test_a_file_brought_by_hand_is_imported(
    net: Net, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "whatever.bin"
    given.write_bytes(net.files["alpha"])
    assert run("--import", given, "--json") == 0
    (record,) = records(capsys.readouterr().out)
    assert (record["name"], record["action"], record["state"]) == ("alpha", "imported", "stored")
    assert record["imported_from"] == str(given)
    assert given.exists()
    assert run("alpha") == 0
    assert net.fetched == []


def test_several_files_are_imported_past_one_that_fails(
    net: Net, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pack.zip").write_bytes(net.files["pack"])
    (tmp_path / "page.onnx").write_bytes(b"<!doctype html><html></html>")
    missing, page, pack = (tmp_path / name for name in ("missing", "page.onnx", "pack.zip"))
    assert run("--import", missing, "--import", page, "--import", pack) == 4
    out, err = capsys.readouterr()
    assert out.splitlines() == paths(home, "alpha", "beta")
    assert f"2 of 4 could not be imported: {missing}, {page}." in err


def test_a_file_that_cannot_be_read_alone_is_no_matter_of_weights(net: Net, tmp_path: Path) -> None:
    assert run("--import", tmp_path / "missing") == 1


def test_an_unknown_file_is_taken_on_the_word_of_the_user(
    net: Net, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "other.onnx"
    given.write_bytes(net.files["alpha"] + b"\x32\x01x")  # a doc_string more
    assert run("--import", given) == 4
    capsys.readouterr()
    assert run("alpha", "--import", given, "--unverified") == 0
    assert "alpha: taken on your word (unverified), for its SHA-256 is not known.\n" in capsys.readouterr().err
    run("--list", "--json", "alpha")
    (record,) = records(capsys.readouterr().out)
    assert record["state"] == "unverified"
    assert record["bytes"] == given.stat().st_size
    assert record["sha256"] == hashlib.sha256(given.read_bytes()).hexdigest()
    run("--list", "alpha")
    assert f" {given.stat().st_size} B " in capsys.readouterr().out


def test_weights_are_removed(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    capsys.readouterr()
    assert run("--remove", "alpha", "--json") == 0
    out, err = capsys.readouterr()
    (record,) = records(out)
    assert (record["name"], record["action"], record["state"]) == ("alpha", "removed", "missing")
    assert err == "alpha: removed\n"
    assert not (home / "models" / "alpha.onnx").exists()
    assert run("--remove", "--all") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "alpha: was not there\nbeta: removed\nlips: was not there\n"


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1)])
def test_removing_asks_on_a_terminal(
    net: Net, home: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    run("alpha")
    answer(monkeypatch, typed)
    assert run("--remove", "alpha") == code
    assert (home / "models" / "alpha.onnx").exists() == (code == 1)
    assert run("--remove", "alpha", "-y") == 0
    assert not (home / "models" / "alpha.onnx").exists()


def test_another_folder_can_be_named(net: Net, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("alpha", "--models-dir", tmp_path / "elsewhere") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'elsewhere' / 'alpha.onnx'}\n"
    assert not (home / "models").exists()


@pytest.mark.parametrize("place", ["file", "file/models"])
@pytest.mark.parametrize("arguments", [[], ["--verify"], ["--list"], ["--remove", "alpha"]])
def test_a_file_for_a_folder_is_refused_before_anything_is_said(
    net: Net, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, arguments: list[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert run("--models-dir", tmp_path / place, *arguments) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f'error: there can be no weights in "{tmp_path / place}": ')
    assert "is a file." in line
    assert net.fetched == []


def test_the_home_folder_of_nobody(
    net: Net, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = 'error: the home folder that "~no such user/m" begins with is not known. '
    assert run("--list", "--models-dir", "~no such user/m") == 2
    assert capsys.readouterr().err.startswith(sentence)
    monkeypatch.setenv("FACEFUSION_HOME", "~no such user/m")
    assert run() == 2
    assert capsys.readouterr().err.startswith(sentence)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--list", "--verify"],
        ["--remove", "alpha", "--list"],
        ["--import", "x", "--remove", "alpha"],
        ["alpha", "--all"],
        ["--unverified", "alpha"],
        ["--import", "x", "--unverified"],
        ["--import", "x", "--unverified", "alpha", "beta"],
        ["--import", "x", "--import", "y", "--unverified", "alpha"],
        ["--import", "x", "alpha"],
        ["--import", "x", "--all"],
        ["--remove"],
        ["gamma"],
        ["--remove", "gamma"],
        ["--import", "x", "--unverified", "best"],
    ],
)
def test_what_makes_no_sense_is_refused(
    net: Net, home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(*arguments, "--json") == 2
    out, err = capsys.readouterr()
    assert records(out)[0]["error"]["code"] == "usage"
    assert err.startswith("error: ")
    assert net.fetched == []
    assert not home.exists()


def test_the_models_folder_is_not_the_current_one_by_mistake(
    net: Net, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["download-models"], ["doctor"], ["faceswap", "a", "b"]):
        assert main([*command, "--models-dir", ""]) == 2
        out, err = capsys.readouterr()
        assert (out, err) == (
            "",
            "error: the name of the folder for --models-dir is empty. Write the path of a folder.\n",
        )
    assert run("alpha", "--models-dir", ".") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'alpha.onnx'}\n"


@pytest.mark.parametrize(
    ("name", "meant"), [("inswaper", "inswapper"), ("alpa", "alpha"), ("inswapper_182", "inswapper"), ("zzz", "")]
)
def test_a_misspelt_name_is_answered_with_what_there_is(
    net: Net, capsys: pytest.CaptureFixture[str], name: str, meant: str
) -> None:
    assert run("beta", name) == 2
    err = capsys.readouterr().err
    assert err.startswith(f'error: there are no weights and no engine "{name}". ')
    assert (f'Did you mean "{meant}"?' in err) == bool(meant)
    assert "the engines inswapper, wav2lip, wav2lip-gan, best, other and the weights alpha, beta, lips." in err


def test_a_folder_in_place_of_the_file(net: Net, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = home / "models"
    (models / "alpha.onnx" / "kept").mkdir(parents=True)
    assert run("--verify") == 4
    assert 'set aside as "alpha.onnx.damaged".' in capsys.readouterr().err
    assert run("alpha") == 0
    capsys.readouterr()
    assert run("--remove", "alpha") == 4
    assert capsys.readouterr().err == (
        f'error: "{models / "alpha.onnx.damaged"}" is a folder, not a file. Move it away, or delete it yourself.\n'
    )
    assert not (models / "alpha.onnx").exists()
    assert (models / "alpha.onnx.damaged" / "kept").exists()


def test_names_are_completed(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        def __init__(self, *names: str) -> None:
            self.params = {"names": names}

    def complete(start: str, *names: str) -> list[str]:
        return [name for name, _ in download_models._complete_name(cast("typer.Context", Context(*names)), start)]

    assert {"alpha", "beta", "lips", "best", "inswapper"} <= set(complete(""))
    assert complete("al") == ["alpha"]
    assert complete("al", "alpha") == []
