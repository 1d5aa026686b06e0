"""Which weights each engine needs.

On the ground floor, because face swapping and lip-sync name their weights here and never know of each other.
"""

from __future__ import annotations

__all__ = ["DEFAULT_ENGINES", "ENGINE_WEIGHTS", "engines_that_need"]

ENGINE_WEIGHTS: dict[str, tuple[str, ...]] = {
    "inswapper": ("inswapper_128", "det_10g", "w600k_r50"),
    "wav2lip": ("wav2lip",),
    "wav2lip-gan": ("wav2lip_gan",),
}
"""Names in the catalog, by engine; an engine that is not listed needs none."""

DEFAULT_ENGINES = ("inswapper", "wav2lip")
"""The best engine of each job: what ``facefusion download-models`` fetches unasked."""


def engines_that_need(weight: str) -> tuple[str, ...]:
    """Engines that cannot run without the weight of that name."""
    return tuple(engine for engine, weights in ENGINE_WEIGHTS.items() if weight in weights)
