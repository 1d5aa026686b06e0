"""ONNX counterparts of the three custom operators of MediaPipe's attention mesh, and its landmarks put together.

The operators (version 2) are those of mediapipe/util/tflite/operations in google-ai-edge/mediapipe: the mesh gives a
rotated box around the lips and each eye, features are sampled in it, and what the net finds there is mapped back. The
way the results join the mesh is that of mediapipe/modules/face_landmark/tensors_to_face_landmarks_with_attention.pbtxt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from _tflite_onnx import Translator
    from _tflite_reader import Operator

__all__ = ["ATTENTION_OPERATORS", "face_landmarks"]

_EYE_CONTOUR = 16  # the first points of an eye's region; the iris gets their mean depth


def _landmarks_to_matrix(graph: Translator, operator: Operator) -> str:
    """Add the (1, 4, 4) matrix that maps pixels of the region's crop to those of the feature map.

    The crop's x axis runs along the line between two landmarks; its unit vector serves as cosine and sine.
    """
    options, b = operator.custom_options, graph.builder
    if options["target_rotation_radians"] != 0:
        raise ValueError("A rotated target is not known here.")
    points = b.node("Gather", graph.name(operator.inputs[0]), b.constant([0, 1], np.int64), axis=2)  # without z
    ends = [options["left_rotation_idx"], options["right_rotation_idx"]]
    left, right = (b.node("Gather", points, b.constant([end], np.int64), axis=1) for end in ends)
    line = b.node("Sub", right, left)
    unit = b.node("Div", line, b.node("ReduceL2", line, axes=[2]))
    # (cos, sin) to the rotation ((cos, -sin), (sin, cos))
    entries = b.node("MatMul", unit, b.constant([[1, 0, 0, 1], [0, -1, 1, 0]]))
    rotation = b.node("Reshape", entries, b.constant([1, 2, 2], np.int64))

    region = b.node("Gather", points, b.constant(options["subset_idxs"], np.int64), axis=1)
    upright = b.node("MatMul", region, rotation)  # row vectors: rotated backwards
    low, high = b.node("ReduceMin", upright, axes=[1]), b.node("ReduceMax", upright, axes=[1])
    middle = b.node("Mul", b.node("Add", low, high), b.constant(0.5))
    inverse = b.node("Transpose", rotation, perm=[0, 2, 1])
    centre = b.node("MatMul", middle, inverse)
    size = np.array([options["output_width"], options["output_height"]])
    scale = np.array([options["scale_x"], options["scale_y"]]) / size
    # The column vectors of the crop's axes are scaled, then its middle is moved to the region's.
    axes = b.node("Mul", rotation, b.node("Mul", b.node("Sub", high, low), b.constant(scale)))
    offset = b.node("MatMul", axes, b.constant(size.reshape(1, 2, 1) / 2))
    shift = b.node("Sub", b.node("Transpose", centre, perm=[0, 2, 1]), offset)
    top = b.node("Concat", axes, b.constant(np.zeros((1, 2, 1))), shift, axis=2)
    return b.node("Concat", top, b.constant([[[0, 0, 1, 0], [0, 0, 0, 1]]]), axis=1)


def _sample_features(graph: Translator, operator: Operator) -> str:
    """Add the crop of a feature map; pixel centres are at halves, and outside the map all is zero."""
    options, b = operator.custom_options, graph.builder
    features, matrix = operator.inputs
    height, width = options["output_height"], options["output_width"]
    y, x = np.mgrid[:height, :width] + 0.5
    corners = np.stack([x, y, np.zeros_like(x), np.ones_like(x)], axis=-1).reshape(1, height * width, 4)
    rows = b.node("Gather", graph.name(matrix), b.constant([0, 1], np.int64), axis=1)
    points = b.node("MatMul", b.constant(corners), b.node("Transpose", rows, perm=[0, 2, 1]))
    # GridSample's range: -1 and 1 are the centres of the outermost pixels.
    limits = np.array(graph.source.shape(features)[2:0:-1]) - 1
    grid = b.node("Sub", b.node("Mul", points, b.constant(2 / limits)), b.constant(1 + 1 / limits))
    # Zero begins at the last pixel's centre, whereas GridSample would fade out over one more pixel.
    inside = b.node("LessOrEqual", b.node("Abs", grid), b.constant(1))
    grid = b.node("Where", inside, grid, b.constant(3))
    grid = b.node("Reshape", grid, b.constant([1, height, width, 2], np.int64))
    return b.node("GridSample", graph.name(features), grid, mode="bilinear", padding_mode="zeros", align_corners=1)


def _transform_landmarks(graph: Translator, operator: Operator) -> str:
    """Add the region's (1, N, 2) landmarks mapped by the matrix."""
    b = graph.builder
    landmarks, matrix = (graph.name(tensor) for tensor in operator.inputs)
    rows = b.node("Gather", matrix, b.constant([0, 1], np.int64), axis=1)
    columns = b.node("Transpose", rows, perm=[0, 2, 1])
    axes = b.node("Gather", columns, b.constant([0, 1], np.int64), axis=1)
    shift = b.node("Gather", columns, b.constant([3], np.int64), axis=1)
    return b.node("Add", b.node("MatMul", landmarks, axes), shift)


ATTENTION_OPERATORS = {
    "Landmarks2TransformMatrix": _landmarks_to_matrix,
    "TransformTensorBilinear": _sample_features,
    "TransformLandmarks": _transform_landmarks,
}


def face_landmarks(graph: Translator) -> tuple[str, str]:
    """Translate the whole net and return the names of its (478, 3) landmarks and of its (1, 1) face logit.

    The refined x and y of lips and eyes replace those of the mesh, whose depth remains. The irises follow as points
    468 to 472 and 473 to 477, at the mean depth of the contour of their eye.
    """
    source, b = graph.source, graph.builder
    producer = {output: operator for operator in source.operators for output in operator.outputs}
    outputs = {source.name(tensor): tensor for tensor in source.outputs}
    # The net ends by flattening; the tensors before that have rows of x, y and z.
    mesh, lips, left_eye, right_eye, left_iris, right_iris = (
        producer[outputs[f"output_{name}"]].inputs[0]
        for name in ("mesh_identity", "lips", "left_eye", "right_eye", "left_iris", "right_iris")
    )
    names = graph.run([mesh, lips, left_eye, right_eye, left_iris, right_iris, outputs["conv_faceflag"]])

    regions = []
    for tensor in (lips, left_eye, right_eye):
        matrix = producer[producer[tensor].inputs[1]].inputs[0]  # before it is scaled to the input's pixels
        regions.append(producer[matrix].custom_options["subset_idxs"])
    count = source.shape(mesh)[-1] // 3
    irises = [count + sum(map(len, regions)) + i for i in range(10)]
    rows = np.concatenate([np.arange(count), irises])
    rows[np.concatenate(regions)] = np.arange(count, irises[0])

    points = b.node("Reshape", names[0], b.constant([1, count, 3], np.int64))
    x_y = b.node("Gather", points, b.constant([0, 1], np.int64), axis=2)
    x_y = b.node("Gather", b.node("Concat", x_y, *names[1:6], axis=1), b.constant(rows, np.int64), axis=1)
    z = b.node("Gather", points, b.constant([2], np.int64), axis=2)
    contours = [b.node("Gather", z, b.constant(region[:_EYE_CONTOUR], np.int64), axis=1) for region in regions[1:]]
    depths = [b.node("ReduceMean", contour, axes=[1], keepdims=1) for contour in contours]
    z = b.node("Concat", z, *depths[:1] * 5, *depths[1:] * 5, axis=1)
    landmarks = b.node("Concat", x_y, z, axis=2)
    return (
        b.node("Reshape", landmarks, b.constant([len(rows), 3], np.int64)),
        b.node("Reshape", names[6], b.constant([1, 1], np.int64)),
    )
