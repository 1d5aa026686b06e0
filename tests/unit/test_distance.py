"""Distances within a shape."""

from __future__ import annotations

import cv2
import numpy as np

from facefusion_cli.core.faceswap.distance import distance_to_edge


def test_it_is_the_distance_to_the_nearest_pixel_outside() -> None:
    shape = np.zeros((9, 12), np.uint8)
    shape[1:8, 2:11] = 1
    rows, columns = np.nonzero(shape == 0)
    y, x = np.mgrid[:9, :12]
    expected = np.hypot(y[..., None] - rows, x[..., None] - columns).min(axis=-1)
    distance = distance_to_edge(shape)
    assert distance.dtype == np.float32
    assert np.array_equal(distance, expected.astype(np.float32))


def test_it_is_the_same_each_time_bit_for_bit() -> None:
    """OpenCV has two ways to compute it, by size and threads, one of which differs in the last bit by itself."""
    shape = np.zeros((120, 111), np.uint8)
    cv2.ellipse(shape, (55, 60), (40, 50), 10, 0, 360, 1, -1)
    threads, distances, kept = cv2.getNumThreads(), set(), []
    try:
        for count in range(60):
            cv2.setNumThreads(1 + count % 2)
            kept.append(np.empty(1000 + 977 * count, np.uint8))
            distances.add(distance_to_edge(shape.copy()).tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert len(distances) == 1
