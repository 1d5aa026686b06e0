"""Identities as the network takes them."""

from __future__ import annotations

import numpy as np
import pytest

from facefusion_cli.core.faceswap.inswapper.latent import average, mix, to_latent

RANDOM = np.random.default_rng(0)
EMAP = RANDOM.normal(size=(512, 512)).astype(np.float32)


def embedding(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=512).astype(np.float32)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_a_latent_is_normalised_twice_and_knows_no_length() -> None:
    vector = embedding(1)
    latent = to_latent(vector, EMAP)
    assert latent.dtype == np.float32
    assert latent.shape == (512,)
    assert np.linalg.norm(latent) == pytest.approx(1, abs=1e-6)
    assert cosine(latent, vector @ EMAP) == pytest.approx(1, abs=1e-6)
    assert np.allclose(to_latent(100 * vector, EMAP), latent, atol=1e-6)


def test_strength_goes_from_the_targets_identity_to_the_sources() -> None:
    source, target = (to_latent(embedding(seed), EMAP) for seed in (1, 2))
    assert np.allclose(mix(source, target, 0), target, atol=1e-6)
    assert np.allclose(mix(source, target, 1), source, atol=1e-6)
    likeness = [cosine(mix(source, target, strength), source) for strength in (0, 0.25, 0.5, 0.75, 1)]
    assert likeness == sorted(likeness)
    assert np.linalg.norm(mix(source, target, 0.5)) == pytest.approx(1, abs=1e-6)


def test_several_embeddings_count_by_their_weights_and_not_by_their_lengths() -> None:
    one, other = embedding(3), embedding(4)
    middle = average([one, 50 * other], [1, 1])
    assert np.linalg.norm(middle) == pytest.approx(1, abs=1e-6)
    assert cosine(middle, one) == pytest.approx(cosine(middle, other), abs=1e-5)
    assert cosine(average([one, other], [3, 1]), one) > cosine(middle, one) > cosine(average([one, other], [1, 3]), one)
    assert np.allclose(average([one], [0.1]), one / np.linalg.norm(one), atol=1e-6)
