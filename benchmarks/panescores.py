"""Pane scores of whole media files, made once by the real scorers and kept in a temporary folder.

A plain stand-in for demux, decode and engine: everything is decoded with PyAV, sampled, and cut into panes in one go.
"""

import hashlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import av
import av.error
import numpy as np

from scorers.loudness import Rms
from scorers.motion import OpticalFlow
from scorers.novelty_light import LightNovelty
from scorers.nuisance import Standby
from stream_processor.contracts import Scorer
from stream_processor.records import Float64s, Frames, Pane, PaneScore, Sound, Sum

FPS = 5.0
HEIGHT = 180
CACHE = Path(tempfile.gettempdir()) / "clip-highlights-quality"


def scorers() -> list[Scorer]:
    return [OpticalFlow(), LightNovelty(), Rms(), Standby()]


def pane_scores(path: Path, cache: Path = CACHE) -> list[PaneScore]:
    """Scores of panes of one second, in order, as one epoch. Kept by the file's name, size and time and the scorers' code."""
    kept = cache / f"{path.stem}-{_fingerprint(path)}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _save(kept, list(_score(path)))
    return _load(kept)


def _score(path: Path) -> Iterator[PaneScore]:
    heads = scorers()
    memories = [scorer.start() for scorer in heads]
    for pane in _panes(path):
        sums: dict[str, Sum] = {}
        for scorer, memory in zip(heads, memories, strict=True):
            (samples,) = scorer.score([(memory, pane)])
            if len(samples.values):
                sums[scorer.signal] = Sum(float(samples.values.sum()), len(samples.values))
        yield PaneScore(pane.epoch, pane.number, pane.start_seconds, pane.duration_seconds, sums, is_last=pane.is_last)


def _panes(path: Path) -> Iterator[Pane]:
    times, planes = _pictures(path)
    origin = times[0] if len(times) else 0.0
    times = times - origin
    rate, samples = _sound(path, origin)
    end = max(times[-1] + 1 / FPS if len(times) else 0.0, len(samples) / rate if rate else 0.0)
    count = max(int(np.ceil(end - 1e-6)), 1)
    for number in range(count):
        inside = np.flatnonzero((times >= number) & (times < number + 1))
        sound = Sound(number * rate, rate, samples[number * rate : (number + 1) * rate]) if rate else None
        frames = Frames(times[inside], planes[inside]) if len(times) else None
        duration = min(1.0, end - number)
        yield Pane(0, number, float(number), duration, frames, None, sound, is_last=number == count - 1)


def _pictures(path: Path) -> tuple[Float64s, np.ndarray]:
    """Times float64 (n,) in the file's own seconds and I420 planes uint8 (n, HEIGHT * 3 / 2, width), about FPS a second."""
    times: list[float] = []
    planes: list[np.ndarray] = []
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        if stream is None:
            return np.empty(0), np.empty((0, HEIGHT * 3 // 2, 2), np.uint8)
        stream.thread_type = "AUTO"
        sampled = -1
        for frame in _decoded(container, stream):
            slot = -1 if frame.time is None else int((frame.time - times[0]) * FPS + 1e-6) if times else 0
            if slot <= sampled:
                continue
            sampled = slot
            width = max(round(frame.width * HEIGHT / frame.height / 2) * 2, 2)
            small = frame.reformat(width=width, height=HEIGHT, format="yuv420p", interpolation="AREA")
            if not planes or small.to_ndarray().shape == planes[0].shape:
                times.append(frame.time)
                planes.append(small.to_ndarray())
    return np.array(times), np.array(planes)


def _sound(path: Path, origin: float) -> tuple[int, np.ndarray]:
    """Sampling rate in hertz and mono samples float32 (n,) from ``origin`` on, NaN in holes; rate 0: the file has none."""
    with av.open(str(path)) as container:
        stream = container.streams.best("audio")
        if stream is None or not stream.rate:
            return 0, np.empty(0, np.float32)
        rate = int(stream.rate)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        pieces: list[tuple[int, np.ndarray]] = []
        for frame in _decoded(container, stream):
            resampled = [mono for mono in resampler.resample(frame) if mono.time is not None]
            pieces += [(round((mono.time - origin) * rate), mono.to_ndarray()[0]) for mono in resampled]
    samples = np.full(max((first + len(piece) for first, piece in pieces), default=0), np.nan, np.float32)
    for first, piece in pieces:
        kept = piece[max(-first, 0) :]
        samples[max(first, 0) : max(first, 0) + len(kept)] = kept
    return (rate, samples) if len(samples) else (0, samples)


def _decoded(container: av.container.InputContainer, stream: object) -> Iterator:
    """Frames, stepping over packets that cannot be decoded: the planted file holds broken references on purpose."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _save(path: Path, panes: Sequence[PaneScore]) -> None:
    signals = sorted(set(itertools.chain.from_iterable(pane.signals for pane in panes)))
    nothing = Sum(0.0, 0)
    np.savez(
        path,
        signals=np.array(signals, dtype=np.str_),
        durations=np.array([pane.duration_seconds for pane in panes]),
        totals=np.array([[pane.signals.get(name, nothing).total for name in signals] for pane in panes]),
        counts=np.array([[pane.signals.get(name, nothing).count for name in signals] for pane in panes]),
    )


def _load(path: Path) -> list[PaneScore]:
    with np.load(path) as kept:
        names = [str(name) for name in kept["signals"]]
        durations, totals, counts = kept["durations"], kept["totals"], kept["counts"]
    rows: list[Mapping[str, Sum]] = [
        {name: Sum(float(t), int(c)) for name, t, c in zip(names, total, count, strict=True) if c}
        for total, count in zip(totals, counts, strict=True)
    ]
    last = len(rows) - 1
    return [PaneScore(0, n, float(n), float(durations[n]), row, is_last=n == last) for n, row in enumerate(rows)]


def _fingerprint(path: Path) -> str:
    stat = path.stat()
    code = b"".join(file.read_bytes() for file in sorted(Path("scorers").glob("*.py")))
    return hashlib.sha256(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode() + code).hexdigest()[:12]
