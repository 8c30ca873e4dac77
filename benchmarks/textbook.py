"""The engine against the loop that people write first, on the same pictures, with decoding excluded on both sides.

::

    textbook    for each window of 5 s, every 3 s, on its own: its 25 pictures at 5 fps, each pair through full-size Farneback,
                one CLIP call per picture, librosa's RMS over its sound
    engine      panes of a second, scaled down (counted), each scored once by the project's scorers, windows added up from them

What the textbook need not do here: its luma is the decoder's own plane, and its RGB pictures for CLIP are scaled beforehand.
"""

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import clip_weights, material
from benchmarks.agreement import pearson, spearman
from benchmarks.footage import Footage, footage
from benchmarks.movement import farneback
from benchmarks.paired import Cost, alternate, ratio, within
from benchmarks.report import Cell, Report, RunSettings, Skipped, Spread, Table
from benchmarks.sampled import FPS
from scorers.build import build_scorers
from scorers.novelty_light import describe
from stream_processor.contracts import Scorer
from stream_processor.engine import Engine
from stream_processor.records import Frames, PaneScore
from stream_processor.settings import NoveltySettings, Settings
from stream_processor.windows import Windows

BACK = round(FPS)
"""Novelty compares a picture with the one a second before it, here as there."""
mean_flow = farneback()
Signals = Mapping[str, float]
Describe = Callable[[Footage, int], np.ndarray]
"""One picture, by its number, to a vector of unit length."""


class Result(NamedTuple):
    """``windows``: start in seconds -> signal -> value."""

    windows: Mapping[float, Signals]
    cost: Cost


# ---- the loop people write first -------------------------------------------------------------------------------------


def textbook(film: Footage, describe_one: Describe | None) -> Callable[[], Result]:
    """``describe_one`` None: no novelty."""

    def run() -> Result:
        found: dict[float, Signals] = {}
        cost = within(lambda: found.update({start: _window(film, start, describe_one) for start in starts(film.seconds)}))
        return Result(found, cost)

    return run


def starts(seconds: float) -> list[float]:
    """Of the whole windows of 5 s every 3 s."""
    return [float(start) for start in range(0, int(seconds) - 5 + 1, 3)]


def _window(film: Footage, start: float, describe_one: Describe | None) -> Signals:
    inside = [number for number, seconds in enumerate(film.times.tolist()) if start <= seconds < start + 5]
    moved = [mean_flow(film.luma(a), film.luma(b)) for a, b in pairwise(inside)]
    signals = {"motion": float(np.mean(moved)) * FPS / film.height}
    if describe_one is not None:
        vectors = [describe_one(film, number) for number in inside]
        signals["novelty"] = float(np.mean([1 - a @ b for a, b in zip(vectors, vectors[BACK:], strict=False)]))
    if film.rate:
        import librosa

        sound = film.sound[int(start * film.rate) : int((start + 5) * film.rate)]
        signals["loudness"] = float(librosa.feature.rms(y=sound, frame_length=2048, hop_length=512).mean())
    return signals


def clip_one(checkpoint: Path) -> Describe:
    """One CLIP call per picture, in float32, as open_clip's own examples have it."""
    import open_clip
    import torch

    model = open_clip.create_model(clip_weights.MODEL, pretrained=str(checkpoint)).eval()
    mean, std = (torch.tensor(model.visual.preprocess_cfg[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    side = model.visual.preprocess_cfg["size"]
    height, width = (side, side) if isinstance(side, int) else side

    def describe_one(film: Footage, number: int) -> np.ndarray:
        picture = film.pictures[number]
        top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
        square = torch.from_numpy(picture[top : top + height, left : left + width].copy()).permute(2, 0, 1)[None] / 255
        with torch.inference_mode():
            vector: np.ndarray = model.encode_image((square - mean) / std, normalize=True)[0].numpy()
        return vector

    return describe_one


def light_one(film: Footage, number: int) -> np.ndarray:
    """The project's classical descriptor, picture by picture."""
    return describe(Frames(film.times[number : number + 1], film.small(number)[None]))[0]


# ---- the engine ------------------------------------------------------------------------------------------------------


def engine(film: Footage, scorers: Mapping[str, Scorer], *, pictures: bool) -> Callable[[], Result]:
    def run() -> Result:
        scores: list[PaneScore] = []
        cost = within(lambda: _score(film, scorers, scores, pictures=pictures))
        return Result(_windows(scores), cost)

    return run


def _score(film: Footage, scorers: Mapping[str, Scorer], scores: list[PaneScore], *, pictures: bool) -> None:
    with Engine(max_panes=4) as scoring:
        feed = scoring.register("film", scorers, scores.append)
        for pane in film.panes(pictures=pictures):
            feed.put(pane)
        feed.flush()


def _windows(scores: Sequence[PaneScore]) -> dict[float, Signals]:
    windows = Windows(Settings().window)
    found = [window for score in scores for window in windows.push(score)]
    return {window.start_seconds: window.values for window in found if not window.is_short}


# ---- tables ----------------------------------------------------------------------------------------------------------


def run(settings: RunSettings) -> Report:
    for package in ("librosa", "open_clip"):
        if importlib.util.find_spec(package) is None:
            raise Skipped(f"{package} is not installed")
    rounds = 1 if settings.quick else 2
    settings.say("making weights and material")
    checkpoint = clip_weights.ready()
    describe_clip = clip_one(checkpoint)
    defaults = Settings()
    clip = build_scorers(
        {**defaults.signals, "novelty": NoveltySettings(kind="clip", pretrained=str(checkpoint), fps=FPS)}, device="cpu"
    )
    light = build_scorers({**defaults.signals, "novelty": NoveltySettings(kind="light")}, device="cpu")
    settled = clip.reasons.get("novelty", "").replace(str(checkpoint), "random weights")
    speed: list[Sequence[Cell]] = []
    agreed: list[Sequence[Cell]] = []
    raw: dict[str, dict[str, list[float]]] = {}
    for name, path, seconds in films(quick=settings.quick):
        settings.say(f"{name}, {seconds:g} s")
        film = footage(path, seconds, defaults.analysis.height, pictures=True)
        _warm_up(film, describe_clip, clip.scorers)
        results = alternate(
            {
                "textbook, CLIP": textbook(film, describe_clip),
                "engine, CLIP": engine(film, clip.scorers, pictures=True),
                "textbook, light": textbook(film, light_one),
                "engine, light": engine(film, light.scorers, pictures=False),
            },
            rounds=rounds,
            warmups=0,
        )
        walls = {side: [result.cost.wall_seconds / film.seconds for result in each] for side, each in results.items()}
        raw[name] = walls
        for theirs, ours in CONTESTS:
            cpu_theirs, cpu_ours = ([result.cost.cpu_seconds for result in results[side]] for side in (theirs, ours))
            speed.append(
                (name, theirs, ours, Spread.of(walls[theirs]), Spread.of(walls[ours]), ratio(walls[theirs], walls[ours]),
                 ratio(cpu_theirs, cpu_ours))
            )  # fmt: skip
        for theirs, ours in (CONTESTS[0], CONTESTS[2]):
            agreed += [(name, theirs, ours, *row) for row in agreement(results[theirs][0].windows, results[ours][0].windows)]
    return Report(
        "textbook: the engine against the loop people write first",
        [
            Table("Scoring, decoding excluded", SPEED, speed),
            Table("Do the signals agree, per window?", AGREEMENT, agreed),
        ],
        [
            f"All at {FPS:g} fps. Textbook: each window on its own, every pair at full size, one picture per call, librosa.",
            "Scaling down is counted on the engine's side only; the textbook's pictures for CLIP are scaled beforehand.",
            f"Engine, CLIP: {settled}; the textbook's weights are the same, in float32.",
            "Light textbook: the project's own descriptor of each small picture, one at a time.",
        ],
        raw,
    )


CONTESTS = (
    ("textbook, CLIP", "engine, CLIP"),
    ("textbook, CLIP", "engine, light"),
    ("textbook, light", "engine, light"),
)
AGREEMENT = ("film", "textbook", "engine", "signal", "windows", "Pearson", "Spearman")
SPEED = ("film", "textbook", "engine", "textbook, s per s", "engine, s per s", "times as fast", "CPU ratio")


def films(*, quick: bool) -> list[tuple[str, Path, float]]:
    """Name, file and how many seconds of it: whole windows, so that both sides see all of it."""
    if quick:
        return [("720p30", material.ready(material.H264_720P30_6MB, 40), 11.0)]
    return [
        ("720p30", material.ready(material.H264_720P30_6MB, 40), 35.0),
        ("1080p60", material.ready(material.H264_1080P60_B, 40), 20.0),
    ]


def agreement(theirs: Mapping[float, Signals], ours: Mapping[float, Signals]) -> list[tuple[str, int, float, float]]:
    """Signal, how many windows both have, and the two correlations."""
    rows = []
    for signal in ("motion", "novelty", "loudness"):
        both = [
            (theirs[start][signal], ours[start][signal])
            for start in sorted(theirs.keys() & ours.keys())
            if signal in theirs[start] and signal in ours[start]
        ]
        if len(both) >= 3:
            a, b = (np.array(side) for side in zip(*both, strict=True))
            rows.append((signal, len(both), pearson(a, b), spearman(a, b)))
    return rows


def _warm_up(film: Footage, describe_one: Describe, scorers: Mapping[str, Scorer]) -> None:
    """Imports, buffers and kernels: a second of everything."""
    short = dataclasses.replace(film, times=film.times[:BACK], frames=film.frames[:BACK])
    engine(short, scorers, pictures=True)()
    describe_one(film, 0)
    mean_flow(film.luma(0), film.luma(1))
    if film.rate:
        import librosa

        librosa.feature.rms(y=film.sound[: film.rate])
