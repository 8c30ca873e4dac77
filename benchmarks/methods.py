"""The online detection under any settings, and the offline reference that it is held against."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from benchmarks.measure import Found, Interval, interval
from stream_processor.deciding.decisions import build_detection, build_normaliser
from stream_processor.finishing.settings import NuisanceSettings
from stream_processor.records import PaneScore, Window
from stream_processor.settings import PeaksSettings, SaliencySettings, Settings, WindowSettings
from stream_processor.windows import Windows

Method = Callable[[Sequence[PaneScore]], Found]

WEIGHTS: Mapping[str, float] = {signal: scorer.weight for signal, scorer in Settings().signals.items()}


def online(saliency: SaliencySettings | None = None, peaks: PeaksSettings | None = None) -> Method:
    """The program's own detection, built as the program builds it."""
    saliency, peaks = saliency or SaliencySettings(), peaks or PeaksSettings()

    def method(panes: Sequence[PaneScore]) -> Found:
        detection = build_detection(
            build_normaliser(saliency, WEIGHTS),
            peaks=peaks,
            window=WindowSettings(),
            identify=lambda epoch, window: f"{epoch}.{window}",
            nuisance=NuisanceSettings(),
        )
        highlights: list[Interval] = []
        delays_seconds: list[float] = []
        for window in windows_of(panes):
            for change in detection.push(window).changes:
                if change.type == "close":
                    highlights.append(interval(change.highlight))
                if change.type == "open" and change.highlight.start_seconds > peaks.warmup_seconds:
                    delays_seconds.append(window.end_seconds - change.highlight.start_seconds)
        highlights += [interval(change.highlight) for change in detection.finish().changes if change.type == "close"]
        return Found(highlights, delays_seconds)

    return method


def offline(panes: Sequence[PaneScore]) -> Found:
    """The method of the documents this project began with, which sees the whole stream before it decides anything.

    Robust z of each signal over the whole stream, weighted; Gaussian smoothing with a standard deviation of one window;
    windows above the 90th percentile, those that touch merged.
    """
    windows = windows_of(panes)
    saliency = np.zeros(len(windows))
    for signal, weight in WEIGHTS.items():
        values = np.array([window.values.get(signal, np.nan) for window in windows])
        if np.isnan(values).all():
            continue
        median = np.nanmedian(values)
        scale = max(1.4826 * float(np.nanmedian(np.abs(values - median))), 1e-9)
        saliency += weight * np.nan_to_num((values - median) / scale)
    smooth = gaussian_filter1d(saliency, 1.0)
    merged: list[Interval] = []
    for window, is_peak in zip(windows, smooth > np.percentile(smooth, 90), strict=True):
        if is_peak and merged and window.start_seconds <= merged[-1][1]:
            merged[-1] = (merged[-1][0], window.end_seconds)
        elif is_peak:
            merged.append((window.start_seconds, window.end_seconds))
    return Found(merged)


def windows_of(panes: Sequence[PaneScore]) -> list[Window]:
    windows = Windows(WindowSettings())
    return [window for pane in panes for window in windows.push(pane)]
