"""``scripts/bench.py inference`` on a narrow network, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_it_tells_of_every_maker_and_of_the_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import _replica_faces

    model = _replica_faces.recogniser(width=4, layers=(1, 1, 1, 1))
    (tmp_path / "narrow.onnx").write_bytes(model.SerializeToString())
    command = [sys.executable, str(SCRIPTS / "bench.py"), "inference", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    head, *records = [json.loads(line) for line in done.stdout.splitlines()]
    assert head["benchmark"] == "inference"
    assert records[-1]["remark"].startswith("chosen after ")
    rows = {record["case"]: record for record in records[:-1]}
    assert all(record["group"].startswith("narrow.onnx on ") for record in records)
    assert next(iter(rows)) == "onnxruntime fp32"
    assert {"torch fp32", "torch fp32, 4 at once", "matrix product, fp32"} <= rows.keys()
    assert rows["onnxruntime fp32"]["ratio"] == 1
    assert rows["onnxruntime fp32"]["off_by"] == 0
    assert 0 < rows["torch fp32, 4 at once"]["off_by"] < 1e-3
    assert rows["torch fp32"]["load_s"] > 0
    assert rows["torch fp32"]["of_yardstick"] > 0
