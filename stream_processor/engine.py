"""One thread that scores the panes of all channels together, so that a device sees full batches.

::

    channel A ─put─▶ feed (max_panes) ─┐                                                      ┌─▶ A (max_undecided)
    channel B ─put─▶ feed (max_panes) ─┴─▶ one batch ─▶ each scorer once ─▶ sums ─▶ deliver ──┴─▶ B (max_undecided)

Each channel has a queue, memories and a credit of its own: one that is slow, stuck, broken or ending changes nothing for
another. Channels with the same scorer share its calls; scorers hold no channel's state.
"""

import math
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

import structlog

from stream_processor.contracts import Scorer
from stream_processor.feed import Deliver, Feed
from stream_processor.records import Pane, PaneScore, Samples, Sum, frozen
from stream_processor.redact import redact

Entry = tuple[Feed, Pane]
_log = structlog.get_logger()


class Measured(NamedTuple):
    """What one scorer says of one pane. ``kind``: as what, where a scorer may change that while it runs, else empty."""

    samples: Samples
    kind: str


class Engine:
    """Scores panes in a thread of its own. ``max_panes``: the bound of each channel's queue.

    ``gather_seconds``: a pane waits so long at most for those of other channels, so that they share a batch. A scorer that
    raises costs its signal the samples of that pane and its memory of the channel; nothing else stops.
    """

    def __init__(self, *, max_panes: int, gather_seconds: float = 0.0) -> None:
        self._max_panes = max_panes
        self._gather_seconds = gather_seconds
        self._feeds: tuple[Feed, ...] = ()
        self._feeds_lock = threading.Lock()
        self._doorbell = threading.Event()
        self._closing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def register(
        self, channel: str, scorers: Mapping[str, Scorer], deliver: Deliver, *, max_undecided: int | None = None
    ) -> Feed:
        """A new channel. ``scorers``: signal -> scorer, which several channels may share.

        ``deliver`` is called in the engine's thread, in the order of the channel's panes, and must not block. With
        ``max_undecided`` no more panes are scored ahead of ``Feed.decided`` than that.
        """
        feed = Feed(channel, scorers, deliver, max_panes=self._max_panes, max_undecided=max_undecided, wake=self._doorbell.set)
        with self._feeds_lock:
            if self._failure is not None:
                feed.fail(self._failure)
            elif self._closing:
                feed.close()
            self._feeds = (*self._feeds, feed)
        return feed

    def close(self) -> None:
        """Score and deliver all that was put, then end the thread. Raises what the thread died of, if it did."""
        with self._feeds_lock:
            self._closing = True
            for feed in self._feeds:
                feed.close()
        self._doorbell.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while feeds := self._wait_for_panes():
                self._score([(feed, pane) for feed in feeds for pane in feed.take()])
        except BaseException as error:  # raised again by close and by every feed: nothing may wait for a dead thread
            with self._feeds_lock:
                self._failure, self._closing = error, True
                for feed in self._feeds:
                    feed.fail(error)

    def _wait_for_panes(self) -> list[Feed]:
        """The feeds that have panes to score, once all have or the first has waited long enough; none: closed and done."""
        since: float | None = None
        while True:
            self._doorbell.clear()  # before looking, so that what comes after is not slept through
            with self._feeds_lock:
                self._feeds = tuple(feed for feed in self._feeds if not feed.is_finished)
                feeds, closing = self._feeds, self._closing
            ready = [feed for feed in feeds if feed.is_ready]
            if not ready:
                if closing:
                    return []
                since = None
                self._doorbell.wait()
                continue
            since = time.monotonic() if since is None else since
            left_seconds = since + self._gather_seconds - time.monotonic()
            if len(ready) == len(feeds) or closing or left_seconds <= 0:
                return ready
            self._doorbell.wait(left_seconds)

    def _score(self, batch: Sequence[Entry]) -> None:
        measured: list[dict[str, Measured]] = [{} for _ in batch]
        for signal, scorer, places in _calls(batch):
            found = self._measure(signal, scorer, [batch[place] for place in places])
            for place, one in zip(places, found, strict=True):
                measured[place][signal] = one
        for (feed, pane), of_pane in zip(batch, measured, strict=True):
            sums = {signal: _add_up(of_pane[signal].samples) for signal in feed.scorers}
            fallen = feed.fallen({signal: one.kind for signal, one in of_pane.items()})
            if feed.is_failed:
                continue
            try:
                feed.deliver(_pane_score(pane, sums, fallen))
            except Exception as error:  # the channel's own code: it ends that channel, and is raised in its threads
                feed.fail(error)
            feed.delivered()

    def _measure(self, signal: str, scorer: Scorer, batch: Sequence[Entry]) -> list[Measured]:
        """One call for the batch; where that fails, one for each pane, so that only the culprit goes without samples."""
        try:
            return _call(signal, scorer, batch)
        except Exception as error:  # a scorer may come from outside, and may fail in any way
            for feed, _ in batch:
                feed.forget(signal)
            if len(batch) == 1:
                self._report(signal, batch[0], error)
                return [Measured(Samples.none(), _kind(scorer))]
            return [one for entry in batch for one in self._measure(signal, scorer, [entry])]

    def _report(self, signal: str, entry: Entry, error: Exception) -> None:
        feed, pane = entry
        feed.errors[signal] += 1
        if feed.errors[signal] == 1:
            what = redact(f"{type(error).__name__}: {error}")
            _log.warning("scorer failed", channel=feed.channel, signal=signal, epoch=pane.epoch, pane=pane.number, error=what)


def _calls(batch: Sequence[Entry]) -> list[tuple[str, Scorer, list[int]]]:
    """Each scorer that the batch needs, with the places of the panes that it scores."""
    calls: dict[tuple[str, int], tuple[str, Scorer, list[int]]] = {}
    for place, (feed, _) in enumerate(batch):
        for signal, scorer in feed.scorers.items():
            calls.setdefault((signal, id(scorer)), (signal, scorer, []))[2].append(place)
    return list(calls.values())


def _call(signal: str, scorer: Scorer, batch: Sequence[Entry]) -> list[Measured]:
    pairs = [(feed.memory(signal, scorer, pane.epoch), pane) for feed, pane in batch]
    results = list(scorer.score(pairs))
    if len(results) != len(batch):
        raise ValueError(f"{len(results)} results for {len(batch)} panes")
    kind = _kind(scorer)
    return [Measured(samples, kind) for samples in results]


def _kind(scorer: Scorer) -> str:
    return str(getattr(scorer, "kind", ""))


def _add_up(samples: Samples) -> Sum:
    """Exactly rounded, so that the sum does not depend on anything but the values."""
    return Sum(math.fsum(samples.values), len(samples.values))


def _pane_score(pane: Pane, sums: Mapping[str, Sum], fallen: Mapping[str, str]) -> PaneScore:
    return PaneScore(
        epoch=pane.epoch,
        number=pane.number,
        start_seconds=pane.start_seconds,
        duration_seconds=pane.duration_seconds,
        signals=frozen(sums),
        arrived_at=pane.arrived_at,
        is_last=pane.is_last,
        fallen=frozen(fallen),
    )
