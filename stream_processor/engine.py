"""One thread that scores the panes of all channels together, so that a device sees full batches.

::

    channel A ─put─▶ feed (max_panes) ─┐
    channel B ─put─▶ feed (max_panes) ─┴─▶ one batch ─▶ each scorer once ─▶ sums ─▶ deliver, per channel in order

Each channel has a queue and memories of its own: one that is slow, broken or ending changes nothing for another.
"""

import math
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import structlog

from stream_processor.contracts import Scorer
from stream_processor.feed import Deliver, Feed
from stream_processor.records import Pane, PaneScore, Samples, Sum, frozen
from stream_processor.redact import redact

Entry = tuple[Feed, Pane]
_log = structlog.get_logger()


class Engine:
    """Scores panes in a thread of its own. ``scorers``: signal -> scorer; ``max_panes``: the bound of each channel's queue.

    A scorer that raises costs its signal the samples of that pane and its memory of the channel; nothing else stops.
    """

    def __init__(self, scorers: Mapping[str, Scorer], *, max_panes: int) -> None:
        self._scorers = dict(scorers)
        self._max_panes = max_panes
        self._feeds: tuple[Feed, ...] = ()
        self._feeds_lock = threading.Lock()
        self._doorbell = threading.Event()
        self._closing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def register(self, channel: str, deliver: Deliver) -> Feed:
        """A new channel. ``deliver`` is called in the engine's thread, in the order of its panes, and should be quick."""
        feed = Feed(channel, deliver, max_panes=self._max_panes, wake=self._doorbell.set)
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

    def _run(self) -> None:
        try:
            while True:
                closing = self._closing  # read first: once it is true, no feed takes another pane
                if batch := self._take():
                    self._score(batch)
                elif closing:
                    return
                else:
                    self._doorbell.wait()
                    self._doorbell.clear()
        except BaseException as error:  # raised again by close and by every feed: nothing may wait for a dead thread
            with self._feeds_lock:
                self._failure, self._closing = error, True
                for feed in self._feeds:
                    feed.fail(error)

    def _take(self) -> list[Entry]:
        with self._feeds_lock:
            self._feeds = tuple(feed for feed in self._feeds if not feed.is_finished)
            feeds = self._feeds
        return [(feed, pane) for feed in feeds for pane in feed.take()]

    def _score(self, batch: Sequence[Entry]) -> None:
        measured = {signal: self._measure(signal, scorer, batch) for signal, scorer in self._scorers.items()}
        for index, (feed, pane) in enumerate(batch):
            sums = {signal: _add_up(samples[index]) for signal, samples in measured.items()}
            if feed.is_failed:
                continue
            try:
                feed.deliver(_pane_score(pane, sums))
            except Exception as error:  # the channel's own code: it ends that channel, and is raised in its threads
                feed.fail(error)
            feed.delivered()

    def _measure(self, signal: str, scorer: Scorer, batch: Sequence[Entry]) -> list[Samples]:
        """One call for the batch; where that fails, one for each pane, so that only the culprit goes without samples."""
        try:
            return _call(signal, scorer, batch)
        except Exception as error:  # a scorer may come from outside, and may fail in any way
            for feed, _ in batch:
                feed.forget(signal)
            if len(batch) == 1:
                self._report(signal, batch[0], error)
                return [Samples.none()]
            return [samples for entry in batch for samples in self._measure(signal, scorer, [entry])]

    def _report(self, signal: str, entry: Entry, error: Exception) -> None:
        feed, pane = entry
        feed.errors[signal] += 1
        if feed.errors[signal] == 1:
            what = redact(f"{type(error).__name__}: {error}")
            _log.warning("scorer failed", channel=feed.channel, signal=signal, epoch=pane.epoch, pane=pane.number, error=what)


def _call(signal: str, scorer: Scorer, batch: Sequence[Entry]) -> list[Samples]:
    pairs = [(feed.memory(signal, scorer, pane.epoch), pane) for feed, pane in batch]
    results = list(scorer.score(pairs))
    if len(results) != len(batch):
        raise ValueError(f"{len(results)} results for {len(batch)} panes")
    return results


def _add_up(samples: Samples) -> Sum:
    """Exactly rounded, so that the sum does not depend on anything but the values."""
    return Sum(math.fsum(samples.values), len(samples.values))


def _pane_score(pane: Pane, sums: Mapping[str, Sum]) -> PaneScore:
    return PaneScore(
        epoch=pane.epoch,
        number=pane.number,
        start_seconds=pane.start_seconds,
        duration_seconds=pane.duration_seconds,
        signals=frozen(sums),
        arrived_at=pane.arrived_at,
        is_last=pane.is_last,
    )
