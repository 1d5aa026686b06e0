"""The benchmarks of swaps run: in memory, and of a video, on small networks."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))  # what the benchmarks put there instead is undone


@pytest.fixture
def networks(tmp_path: Path) -> dict[str, Path]:
    """Narrow networks in the places of the swapper and the recogniser."""
    import _replica_faces

    made = {
        "inswapper_128": _replica_faces.swapper(width=2, blocks=1),
        "w600k_r50": _replica_faces.recogniser(width=4, layers=(1, 1, 1, 1)),
    }
    files = {name: tmp_path / f"{name}.onnx" for name in made}
    for name, model in made.items():
        files[name].write_bytes(model.SerializeToString())
    return files


def test_the_network_and_the_whole_swap_on_each_maker(networks: dict[str, Path]) -> None:
    from _bench_frame import measure
    from _bench_swap import inswapper_group

    group = inswapper_group(networks["inswapper_128"])
    assert group.title.startswith("inswapper_128.onnx, 4 faces of 150 px in 1280 x 720, on ")
    rows = measure(group.cases, repeats=1, warm_up=False)
    made = [row for row in rows if not row.case.startswith("matrix product, ")]
    assert [row.case for row in made][:4] == [
        "onnxruntime fp32: the network",
        "onnxruntime fp32: all of a swap",
        "torch fp32: the network",
        "torch fp32: all of a swap",
    ]
    assert all(row.of_yardstick for row in made)


def test_a_video_beside_the_network_alone(networks: dict[str, Path]) -> None:
    from _bench_frame import measure
    from _bench_video import video_groups

    groups = video_groups(networks, 320, 240, seconds=0.4)  # has the files, for as long as it is there
    group = next(groups)
    assert group.title.startswith("inswapper, ")
    assert group.title.endswith("320 x 240, 10 frames")
    net, whole, copied, product = measure(group.cases, 1, warm_up=False)
    assert (net.case, whole.case) == ("the network alone", "everything")
    assert whole.facts.keys() == {"fps", "looking_ms", "swapping_ms", "joining_ms"}
    assert net.tflops is not None
    assert whole.tflops is not None
    assert net.tflops / whole.tflops == pytest.approx(whole.ratio)  # the same work a frame as a crop
    assert copied.tflops is None
    assert product.tflops is not None
    embedded = next(groups)
    assert embedded.title == "the embedded engine: 320 x 240, 10 frames"
    _, whole = measure(embedded.cases, 1, warm_up=False)
    assert whole.facts.keys() == {"fps", "looking_ms", "swapping_ms", "joining_ms"}
