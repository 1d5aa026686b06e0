"""What the original networks answer, for the tests to compare the converted ones with.

LiteRT runs the detectors. It does not know the mesh's custom operators, so MediaPipe itself runs that one, in a graph
of its own calculators that stops before anything but the network has touched the numbers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage.data
from ai_edge_litert.interpreter import Interpreter
from mediapipe import ImageFormat
from mediapipe.python import CalculatorGraph, packet_creator, packet_getter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["reference_outputs"]

_GRAPH = """
input_stream: "image"
output_stream: "landmarks"
output_stream: "presence"
node {
  calculator: "ImageToTensorCalculator"
  input_stream: "IMAGE:image"
  output_stream: "TENSORS:input"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: 192 output_tensor_height: 192 output_tensor_float_range { min: 0 max: 1 } } }
}
node {
  calculator: "TfLiteCustomOpResolverCalculator"
  output_side_packet: "OP_RESOLVER:operators"
}
node {
  calculator: "InferenceCalculator"
  input_stream: "TENSORS:input"
  input_side_packet: "OP_RESOLVER:operators"
  output_stream: "TENSORS:outputs"
  options { [mediapipe.InferenceCalculatorOptions.ext] { model_path: "%s" delegate { xnnpack { num_threads: 1 } } } }
}
node {
  calculator: "SplitTensorVectorCalculator"
  input_stream: "outputs"
  output_stream: "regions"
  output_stream: "flag"
  options { [mediapipe.SplitVectorCalculatorOptions.ext] { ranges { begin: 0 end: 6 } ranges { begin: 6 end: 7 } } }
}
node {
  calculator: "TensorsToFaceLandmarksWithAttention"
  input_stream: "TENSORS:regions"
  output_stream: "LANDMARKS:landmarks"
}
node {
  calculator: "TensorsToFloatsCalculator"
  input_stream: "TENSORS:flag"
  output_stream: "FLOAT:presence"
}
"""


def reference_outputs(models: dict[str, bytes]) -> dict[str, NDArray[np.float32]]:
    """Return the outputs of the original networks as float32 arrays, keyed by asset, picture and output.

    ``models`` gives the TFLite files by the name of the asset made from them. The pictures are cuts of
    scikit-image's astronaut, and noise.
    """
    astronaut: NDArray[np.uint8] = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    results: dict[str, NDArray[np.float32]] = {}
    for asset, cut in (
        ("blazeface_short", astronaut[64:192, 160:288]),
        ("blazeface_full", astronaut[16:208, 128:320]),
    ):
        boxes, scores = _run_detector(models[f"{asset}.onnx"], cut)
        results |= {f"{asset}/boxes": boxes, f"{asset}/scores": scores}
    pictures = {
        "face": astronaut[16:208, 128:320],
        # Twice as large: the regions reach beyond the picture.
        "close": astronaut[68:164, 158:254].repeat(2, axis=0).repeat(2, axis=1),
        "noise": np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mesh.tflite")
        path.write_bytes(models["face_mesh.onnx"])
        for name, picture in pictures.items():
            landmarks, presence = _run_mesh(path, picture)
            results |= {f"face_mesh/{name}/landmarks": landmarks, f"face_mesh/{name}/presence": presence}
    return results


def _run_detector(model: bytes, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None] / np.float32(127.5) - 1)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
    return sorted(outputs, key=lambda output: -output.shape[-1])  # boxes, then scores


def _run_mesh(model: Path, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    received: dict[str, Any] = {}
    graph = CalculatorGraph(graph_config=_GRAPH % model.as_posix())
    for stream in ("landmarks", "presence"):
        graph.observe_output_stream(stream, received.__setitem__)
    graph.start_run()
    frame = packet_creator.create_image_frame(np.ascontiguousarray(picture), image_format=ImageFormat.SRGB)
    graph.add_packet_to_input_stream("image", frame.at(0))
    graph.close_all_packet_sources()
    graph.wait_until_done()
    points = packet_getter.get_proto(received["landmarks"]).landmark
    # MediaPipe has divided by the width of the input, z included.
    landmarks = np.array([(point.x, point.y, point.z) for point in points], np.float32) * np.float32(192)
    return landmarks, np.array([[packet_getter.get_float(received["presence"])]], np.float32)
