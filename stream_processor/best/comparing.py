"""Raw scores to one comparable score per frame: at the frames' times, normalised over all videos, weighted. Pure."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from stream_processor.best.records import Float64s
from stream_processor.records import Samples

LOW, HIGH = 2.0, 98.0
"""Percentiles that become 0 and 1: a few outliers must not squeeze all others together."""

NEUTRAL = 0.5
"""What a component is where a signal does not vary at all, or measured nothing at a frame: for no frame and against none.
A penalty that does not vary is 0."""

NEAR_SECONDS = 0.5
"""A signal that has times of its own (sound) counts at a frame by its mean over so long before and after."""

LEAST_SPREAD: Mapping[str, float] = {
    "sharpness": 0.1,
    "exposure": 0.02,
    "motion": 0.01,
    "clarity": 0.05,
    "faces": 0.02,
    "loudness": 0.002,
}
"""Below so much between the percentiles, in the signal's own unit, there is no difference worth a point: it is not blown up
to the whole range. What an encoder makes of a still picture varies by less: sharpness by 4 %. Those not named here need only
differ by more than rounding."""

_SHORTEST_SECONDS = 0.001
"""There is never more than one frame in so little: nothing to smooth."""

_ON_FRAMES = 0.9
"""A signal of which so many samples lie on frames is one of the picture."""

BY_RATIO = ("sharpness",)
"""Signals of which the ratio counts and not the difference: a variance has a long tail, and a few title cards with sharp
letters would leave all pictures indistinguishable at 0. They are normalised as logarithms."""

AGAINST = ("exposure",)
"""Penalties: they count against a frame."""


def at_frames(times: Float64s, samples: Samples, *, near_seconds: float = NEAR_SECONDS) -> Float64s:
    """A signal at the frames' times (both rising, seconds), float64 (n,): NaN where it measured nothing.

    What was measured on the frame itself is taken as it is. Of a signal whose samples do not lie on frames, the mean of those
    within ``near_seconds``.
    """
    found = np.full(len(times), np.nan)
    if not len(samples.times) or not len(times):
        return found
    place = np.clip(np.searchsorted(samples.times, times), 0, len(samples.times) - 1)
    is_same = samples.times[place] == times
    if np.isin(samples.times, times).mean() > _ON_FRAMES:
        found[is_same] = samples.values[place[is_same]]
        return found
    sums = np.concatenate([[0.0], np.cumsum(samples.values)])
    first = np.searchsorted(samples.times, times - near_seconds, "left")
    stop = np.searchsorted(samples.times, times + near_seconds, "right")
    counts = stop - first
    there = counts > 0
    found[there] = (sums[stop[there]] - sums[first[there]]) / counts[there]
    return found


def normalised(signal: str, values: Sequence[Float64s]) -> list[Float64s]:
    """A signal's values in each video, from 0 to 1: percentiles 2 and 98 over all videos together, clipped.

    Together, so that takes of one scene can be compared. NaN becomes ``NEUTRAL``; what differs by less than ``LEAST_SPREAD`` lies
    around it, of penalties near 0.
    """
    if signal in BY_RATIO:
        values = [np.log1p(np.maximum(one, 0.0)) for one in values]
    known = np.concatenate([one[np.isfinite(one)] for one in values]) if values else np.empty(0)
    if not len(known):
        return [np.full(len(one), NEUTRAL) for one in values]
    low, high = np.percentile(known, [LOW, HIGH])
    rounding = 1e-9 * max(abs(low), abs(high), 1e-3)
    spread = max(high - low, LEAST_SPREAD.get(signal, 0.0))
    if high - low <= rounding:
        return [np.full(len(one), 0.0 if signal in AGAINST else NEUTRAL) for one in values]
    if signal not in AGAINST:
        low = (low + high - spread) / 2
    return [np.where(np.isfinite(one), np.clip((np.nan_to_num(one) - low) / spread, 0.0, 1.0), NEUTRAL) for one in values]


def combined(components: Mapping[str, Float64s], weights: Mapping[str, float]) -> Float64s:
    """The weighted sum, float64 (n,), divided by the sum of the weights; penalties count against. Weights are above 0."""
    total = sum(weights[signal] for signal in components)
    signed = (values * (-weights[signal] if signal in AGAINST else weights[signal]) for signal, values in components.items())
    result: Float64s = np.sum(list(signed), axis=0) / total
    return result


def smoothed(times: Float64s, values: Float64s, seconds: float, starts: Sequence[float] = ()) -> Float64s:
    """Sliding mean over ``seconds`` around each frame, shorter at the ends; float64 (n,).

    By time and not by index: each frame weighs as much as the time that it stands for, so that densely sampled stretches count
    no more than others. ``starts``: where unbroken parts begin (seconds, rising); nothing is smoothed across.
    """
    result = np.array(values, np.float64)
    cuts = np.unique(np.concatenate([[0], np.searchsorted(times, np.asarray(starts, np.float64)), [len(times)]])).astype(int)
    for first, stop in itertools.pairwise(cuts.tolist()):
        result[first:stop] = _slide(times[first:stop], values[first:stop], seconds)
    return result


def _slide(times: Float64s, values: Float64s, seconds: float) -> Float64s:
    if len(times) < 2 or seconds < _SHORTEST_SECONDS:
        return values
    gaps = np.minimum(np.diff(times), seconds)
    weights = np.concatenate([[gaps[0] / 2], (gaps[:-1] + gaps[1:]) / 2, [gaps[-1] / 2]])
    sums = np.concatenate([[0.0], np.cumsum(weights * values)])
    weight_sums = np.concatenate([[0.0], np.cumsum(weights)])
    half = seconds / 2 * (1 + 1e-9)  # a frame just at the edge belongs to it, however times were rounded
    first, stop = np.searchsorted(times, times - half, "left"), np.searchsorted(times, times + half, "right")
    means: Float64s = (sums[stop] - sums[first]) / (weight_sums[stop] - weight_sums[first])
    return means
