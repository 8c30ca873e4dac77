"""The values that travel through the program. All are frozen and checked when they are made.

Times: *stream time* is seconds since the first video frame of the run. *Epoch time* is seconds since the first video
frame of an epoch; ``Epoch.start_seconds`` is what lies between the two. UTC appears only where its name says so.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["video", "audio"]
Float64s = npt.NDArray[np.float64]


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


# ---- what a demuxer yields ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """``width`` and ``height`` in coded pixels, ``fps`` the average frame rate or None where the headers do not tell."""

    codec: str
    width: int
    height: int
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """``sample_rate`` in hertz."""

    codec: str
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Media:
    """What one unbroken part of a stream carries. At least one of the two is there."""

    container: str
    video: VideoFormat | None
    audio: AudioFormat | None

    def __post_init__(self) -> None:
        _check(self.video is not None or self.audio is not None, "media without video and without audio")

    def changed_to(self, other: "Media") -> "Media":
        """This, with what ``other`` has in its place."""
        return Media(self.container, other.video or self.video, other.audio or self.audio)


@dataclass(frozen=True, slots=True)
class Changed:
    """The parameters of picture, sound or both became these in the middle of a part; what is None stays as it was.

    ``codecs`` (``templates.Codecs``) has the same of the two.
    """

    media: Media
    codecs: Any


@dataclass(frozen=True, slots=True)
class RawPacket:
    """An encoded packet as the container tells it: timestamps may be missing, wrapped or wrong.

    ``pts``, ``dts`` and ``duration`` count ``time_base`` (seconds). ``arrived_at`` is the monotonic clock in seconds.
    ``is_disposable`` marks frames that no other frame refers to, ``is_hidden`` those that are only referred to and never shown
    (an edit list begins after them). ``changed``: with this packet the parameters change.
    """

    kind: Kind
    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    time_base: Fraction
    is_key: bool
    arrived_at: float
    is_disposable: bool = False
    is_corrupt: bool = False
    changed: Changed | None = None
    is_hidden: bool = False

    @property
    def seconds(self) -> float | None:
        """Presentation time as the container tells it, else decoding time; None where it tells neither."""
        ticks = self.dts if self.pts is None else self.pts
        return None if ticks is None else ticks * self.time_base.numerator / self.time_base.denominator


# ---- what the timeline makes of it ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Packet:
    """An encoded packet on the repaired timeline of its epoch: per kind, dts rises strictly and dts <= pts.

    ``pts`` and ``dts`` count ``time_base`` from the epoch's first video frame (which has pts 0).
    """

    kind: Kind
    data: bytes
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    is_key: bool
    epoch: int
    arrived_at: float
    is_disposable: bool = False
    is_hidden: bool = False

    def __post_init__(self) -> None:
        _check(self.dts <= self.pts, f"packet with dts {self.dts} after pts {self.pts}")

    @property
    def seconds(self) -> float:
        """Presentation time in epoch time."""
        return self.pts * self.time_base.numerator / self.time_base.denominator  # rounded once, and fast: a Fraction is not

    @property
    def end_seconds(self) -> float:
        """Presentation end in epoch time."""
        return (self.pts + max(self.duration, 0)) * self.time_base.numerator / self.time_base.denominator


@dataclass(frozen=True, slots=True)
class Epoch:
    """An unbroken run of media. ``source_seconds`` is the source's own timestamp of the epoch's first video frame."""

    number: int
    start_seconds: float
    started_at: datetime
    source_seconds: float
    media: Media

    def __post_init__(self) -> None:
        _check(self.number >= 0, f"epoch number {self.number}")
        _check(math.isfinite(self.start_seconds) and self.start_seconds >= 0, f"epoch start {self.start_seconds}")
        _check(self.started_at.tzinfo is not None, "epoch start without a time zone")


# ---- what is scored -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frames:
    """Sampled frames of one pane, in I420 and limited range (black is 16, white 235): the layout that decoders give, scaled.

    ``times``  float64 (n,): presentation times in epoch seconds, rising.
    ``planes`` uint8 (n, height * 3 / 2, width): Y rows, then the quarter-size U and V planes; height % 4 == 0, width % 2 == 0.
               A numpy array, or a torch tensor where the frames lie on the scoring device.
    """

    times: Float64s
    planes: Any

    def __post_init__(self) -> None:
        _check(self.times.ndim == 1, f"frame times of shape {self.times.shape}, expected (n,)")
        _check(
            self.planes.ndim == 3 and len(self.planes) == len(self.times) and self.planes.shape[1] % 3 == 0,
            f"planes of shape {tuple(self.planes.shape)}, expected ({len(self.times)}, height * 3 / 2, width)",
        )

    @property
    def height(self) -> int:
        return int(self.planes.shape[1]) * 2 // 3

    @property
    def luma(self) -> Any:
        """uint8 (n, height, width): a view."""
        return self.planes[:, : self.height]

    @property
    def host(self) -> "Frames":
        """The same with numpy planes: itself, or a copy that is downloaded anew at every call, for scorers on the CPU."""
        return self if isinstance(self.planes, np.ndarray) else Frames(self.times, self.planes.cpu().numpy())


@dataclass(frozen=True, slots=True)
class Pictures:
    """Sampled frames of one pane in RGB, for embeddings: ``times`` float64 (m,), ``rgb`` uint8 (m, height, width, 3).

    ``rgb`` is a numpy array, or a torch tensor where the pictures lie on the scoring device.
    """

    times: Float64s
    rgb: Any

    def __post_init__(self) -> None:
        _check(
            self.rgb.ndim == 4 and len(self.rgb) == len(self.times) and self.rgb.shape[3] == 3,
            f"pictures of shape {tuple(self.rgb.shape)}, expected ({len(self.times)}, height, width, 3)",
        )

    @property
    def host(self) -> "Pictures":
        """The same with a numpy array: itself, or a copy that is downloaded anew at every call."""
        return self if isinstance(self.rgb, np.ndarray) else Pictures(self.times, self.rgb.cpu().numpy())


@dataclass(frozen=True, slots=True)
class Sound:
    """The mono sound of one pane: ``samples`` float32 (n,), full scale 1.0, NaN where the stream had a hole.

    ``first`` is the index of samples[0], counted at ``sample_rate`` from the epoch's first video frame; the sound of
    consecutive panes adjoins without gap or overlap.
    """

    first: int
    sample_rate: int
    samples: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        _check(self.sample_rate > 0, f"sample rate {self.sample_rate}")
        _check(self.samples.ndim == 1, f"samples of shape {self.samples.shape}, expected (n,)")


@dataclass(frozen=True, slots=True)
class Pane:
    """The slice of one epoch that is scored at once: epoch time [number * length, number * length + duration_seconds).

    ``start_seconds`` is its beginning in stream time. ``duration_seconds`` is the pane length, less only in the last pane of
    an epoch, which is marked ``is_last``. ``arrived_at`` is the monotonic time at which its last packet came in. ``frames``,
    ``pictures`` and ``sound`` are None where the epoch has none of that kind.
    """

    epoch: int
    number: int
    start_seconds: float
    duration_seconds: float
    frames: Frames | None
    pictures: Pictures | None
    sound: Sound | None
    arrived_at: float = 0.0
    is_last: bool = False

    def __post_init__(self) -> None:
        _check(self.number >= 0, f"pane number {self.number}")
        _check(self.duration_seconds > 0, f"pane of {self.duration_seconds} s")


@dataclass(frozen=True, slots=True)
class Samples:
    """What one scorer measured in one pane: ``times`` float64 (n,) in epoch seconds, ``values`` float64 (n,), finite.

    ``vectors`` float32 (n, d), each of length one, is what was seen or heard at those times, for comparing moments with one
    another (an embedding, a descriptor); None where the scorer has no such thing.
    """

    times: Float64s
    values: Float64s
    vectors: npt.NDArray[np.float32] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check(
            self.times.shape == self.values.shape and self.times.ndim == 1,
            f"samples with times {self.times.shape} and values {self.values.shape}, expected (n,) both",
        )
        _check(bool(np.isfinite(self.values).all()), "samples that are not finite")
        _check(
            self.vectors is None or (self.vectors.ndim == 2 and len(self.vectors) == len(self.times)),
            f"vectors of shape {getattr(self.vectors, 'shape', None)}, expected ({len(self.times)}, d)",
        )

    @classmethod
    def none(cls) -> "Samples":
        return cls(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Sum:
    """Samples of one signal, added up. Means are taken at the very end, weighted by count."""

    total: float
    count: int

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class PaneScore:
    """All that is remembered of a pane. ``start_seconds`` is stream time; ``signals`` maps signal name to Sum."""

    epoch: int
    number: int
    start_seconds: float
    duration_seconds: float
    signals: Mapping[str, Sum]
    arrived_at: float = 0.0
    is_last: bool = False
    """The epoch ends with this pane."""
    fallen: Mapping[str, str] = field(default_factory=dict)
    """Signals that another kind of scorer measures from this pane on: signal -> that kind."""
    traces: Mapping[str, Samples] = field(default_factory=dict, compare=False, repr=False)
    """Name -> the samples themselves, where ``Scorer.keeps`` says so: for finishing and best shots, never journaled."""


# ---- what is decided ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Stream time [start_seconds, end_seconds). ``values``: signal -> mean over its samples; a signal without any is absent.

    ``panes`` are the numbers of its first pane and of the one after its last. ``is_short``: the rest at an epoch's end.
    ``restarts``: signals that another kind of scorer measures from this window on; its values of them are the new kind's.
    ``nuisance``: the share of it that shows a waiting screen, which is no value to be weighed.
    """

    epoch: int
    number: int
    start_seconds: float
    end_seconds: float
    values: Mapping[str, float]
    panes: tuple[int, int]
    is_short: bool = False
    arrived_at: float = 0.0
    restarts: frozenset[str] = frozenset()
    nuisance: float = 0.0

    def __post_init__(self) -> None:
        _check(self.end_seconds > self.start_seconds, f"window from {self.start_seconds} to {self.end_seconds}")


@dataclass(frozen=True, slots=True)
class ScoredWindow:
    """A window with its saliency. ``deviations``: signal -> how far from its own history (a gap: absent).

    ``score`` is what peak detection compared with ``threshold`` (smoothed); both are NaN before peak detection saw it.
    """

    window: Window
    saliency: float
    deviations: Mapping[str, float]
    score: float = math.nan
    threshold: float = math.nan


@dataclass(frozen=True, slots=True)
class Highlight:
    """One continuous interval of merged peaks, in stream time. ``id`` never changes while it grows.

    ``score`` and ``threshold`` are those of the peak window, ``components`` its signal means, ``deviations`` how unusual
    each was. ``windows`` are all the windows that it was made of, in order.
    """

    id: str
    epoch: int
    start_seconds: float
    end_seconds: float
    peak_seconds: float
    score: float
    threshold: float
    components: Mapping[str, float]
    deviations: Mapping[str, float]
    windows: tuple[ScoredWindow, ...] = ()

    def __post_init__(self) -> None:
        _check(
            self.start_seconds <= self.peak_seconds <= self.end_seconds,
            f"highlight with start {self.start_seconds}, peak {self.peak_seconds}, end {self.end_seconds}",
        )

    @property
    def duration_seconds(self) -> float:
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True, slots=True)
class Change:
    """What detection decided: a highlight opens, grows or closes."""

    type: Literal["open", "grow", "close"]
    highlight: Highlight


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished clip file. ``start_seconds`` (stream time, of its first frame) and ``duration_seconds`` are the file's own.

    ``picture`` is the thumbnail's file name beside it, None where there is no picture. ``fps`` None: not known.
    """

    filename: str
    start_seconds: float
    duration_seconds: float
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    audio: str | None
    cut: Literal["copy", "exact"]
    picture: str | None


# ---- what is told ---------------------------------------------------------------------------------------------------

ALERTS = ("new", "update", "end")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that sinks are told about one channel.

    ``new``, ``update`` and ``end`` are alerts: they come from the journal, in order, with its ``sequence`` number, and are
    delivered at least once. ``state`` and ``window`` are passing news (sequence 0): told once, lost if nobody listens.
    ``payload`` can be written as JSON as it is.
    """

    type: Literal["new", "update", "end", "state", "window"]
    channel: str
    payload: Mapping[str, Any]
    sequence: int = 0
    created_at: float = field(default=0.0)
    """UTC, seconds since 1970."""

    def __post_init__(self) -> None:
        _check((self.sequence > 0) == (self.type in ALERTS), f"{self.type} event with sequence {self.sequence}")

    @property
    def is_alert(self) -> bool:
        return self.type in ALERTS


def frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """A read-only copy."""
    return MappingProxyType(dict(mapping))


replace = dataclasses.replace
