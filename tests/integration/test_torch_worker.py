"""Threads, signals, forks and the end of the process around a graph that is running in torch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from facefusion_cli.core.inference.torch_graph.worker import Worker, worker

NETWORK = """
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from facefusion_cli.core.inference.torch_graph import open_torch_graph
nodes = [helper.make_node("MatMul", [f"x{i}", "w"], [f"x{i + 1}"]) for i in range(NODES)]
info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIDE, SIDE])
graph = helper.make_graph(nodes, "g", [info("x0")], [info(f"x{NODES}")],
                          [numpy_helper.from_array(np.eye(SIDE, dtype=np.float32), "w")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
session = open_torch_graph(model.SerializeToString(), threads=1)
feed = {"x0": np.ones((SIDE, SIDE), np.float32)}
"""
SMALL = f"SIDE, NODES = 8, 3\n{NETWORK}"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_what_is_called_returns_or_raises() -> None:
    assert worker(1).call(lambda _: threading.current_thread().name) == "torch graph, 1"
    nothing: dict[str, int] = {}
    with pytest.raises(KeyError, match="gone"):
        worker(1).call(lambda _: nothing["gone"])
    assert worker(1) is worker(1)


def test_a_thread_that_cannot_be_had_is_an_error_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.active_count()

    def refused(threads: int) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as short:
        short.setattr("facefusion_cli.core.inference.torch_graph.worker._take_threads", refused)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            Worker(1)
    assert Worker(1).call(lambda _: 5) == 5
    for _ in range(100):
        if threading.active_count() <= begun + 1:
            break
        time.sleep(0.01)
    assert threading.active_count() <= begun + 1, "the thread of the one that failed has ended"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to processes on POSIX")
def test_a_signal_does_not_wait_for_the_whole_graph() -> None:
    code = f"""
import time
from dataclasses import replace
from facefusion_cli.cli.signals import Stopped, stoppable
SIDE, NODES = 8, 300
{NETWORK}
ran = []
def slow(kernel):
    return lambda *values: (ran.append(time.sleep(0.05)), kernel(*values))[1]
session._program.steps[:] = [replace(step, kernel=slow(step.kernel)) for step in session._program.steps]
try:
    with stoppable():
        print("begins", flush=True)
        session.run(None, feed)
except Stopped:
    print(len(ran))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert 0 < int(out) < 300


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_session_runs_in_a_forked_process() -> None:
    code = f"""
{SMALL}
import os, signal
session.run(None, feed)
if os.fork() == 0:
    signal.alarm(30)
    print(session.run(None, feed)[0].sum())
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    done = run(f"import warnings; warnings.simplefilter('ignore')\n{code}")
    assert (done.returncode, done.stdout) == (0, "64.0\n"), done.stderr


def test_a_session_serves_threads_that_outlive_the_main_one() -> None:
    code = f"""
{SMALL}
import threading, time
def work():
    time.sleep(0.3)
    print(session.run(None, feed)[0].sum())
threading.Thread(target=work).start()
"""
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "64.0\n", "")
