"""What the exchangeable parts promise. One to three methods each; any object of that shape will do."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from stream_processor.records import Change, Event, Media, Pane, RawPacket, Samples, ScoredWindow, Window

Memory = Any
"""What one scorer must remember of one channel's epoch: made by ``Scorer.start``, changed only by its ``score``."""


class Demuxer(Protocol):
    """One unbroken part of a stream: ``media`` says what it carries, ``codecs`` (``templates.Codecs``) how to decode and mux."""

    media: Media
    codecs: Any

    def packets(self) -> Iterator[RawPacket]:
        """Yield packets in the container's order until this part ends. SourceError: it broke off."""
        ...

    def close(self) -> None:
        """Let go of the connection or file. May be called from another thread and more than once."""
        ...


class Source(Protocol):
    """Where a stream comes from: opened again after every loss, one demuxer for each unbroken part.

    Both are called in threads that are left behind where they hang (``watched``): ``open`` may be called again although an
    earlier call never came back. What a source may say of itself besides, each of it optional:

    - ``is_live``: what arrives must be taken now, and silence is a loss. ``name``, redacted, is for messages.
    - ``quiet_until``: monotonic seconds until which it is right to be silent (an ad runs, nobody streams yet).
    - ``waits_for``: what ``open`` may wait long for. ``is_dialled``: they come to us, so that nobody is stormed by us.
    - of its demuxers ``is_connection``: with the part a connection ends, and the next ``open`` makes a new one.
    """

    def open(self) -> Demuxer:
        """Open the next part, blocking. SourceEnded: there is none. SourceOffline, SourceUnusable, SourceError: as named."""
        ...

    def close(self) -> None:
        """Wake up and end a blocked ``open`` or read, from another thread; afterwards ``open`` raises SourceEnded."""
        ...


class Scorer(Protocol):
    """Measures one signal. Holds no channel's state itself, so that one engine can batch panes of all channels.

    ``keeps``, optional, says what becomes of its samples: ``sum`` (the default), a signal of which the sum alone is kept;
    ``both``, a signal whose samples go with the pane's score, too (``PaneScore.traces``); ``samples``, no signal at all: what it
    notes (cuts, speech) is for finishing steps alone, and never decides where a highlight is.

    ``start`` and ``score`` are never called from two threads at once, but not always from the same one.
    """

    signal: str

    def start(self) -> Memory:
        """The empty memory with which a channel's epoch begins."""
        ...

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        """Samples per pane, in the batch's order: times and values, higher = livelier.

        Panes of one memory come in order. The values must not depend on how frames were cut into panes or batched.
        """
        ...


@runtime_checkable
class Normaliser(Protocol):
    """Makes signals comparable by their own recent history, and adds them up to one saliency.

    A window's ``restarts`` names signals that another kind of scorer measures from it on: nothing older is comparable.
    """

    def learn(self, windows: Sequence[Window]) -> None:
        """Add windows to the history, oldest first."""
        ...

    def score(self, window: Window) -> ScoredWindow:
        """The window's saliency against the history learnt so far; does not change the history."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Decides, window by window, where highlights open, grow and close. What was decided never changes."""

    def learn(self, windows: Sequence[ScoredWindow]) -> None:
        """Add scored windows to the history without deciding anything about them."""
        ...

    def push(self, window: ScoredWindow) -> Sequence[Change]:
        """Take the next window, in order; it becomes part of the history once it is decided."""
        ...

    def end_epoch(self) -> Sequence[Change]:
        """Decide all that is pending and close what is open: nothing crosses an epoch."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Takes events, at its own pace. SinkError from any method: not now, try the same again later.

    A sink that says ``per_channel = True`` refuses for one channel alone: only that one's alerts wait.
    """

    async def __aenter__(self) -> "Sink": ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def deliver(self, event: Event) -> None: ...
