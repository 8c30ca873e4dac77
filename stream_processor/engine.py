"""Scores the panes of all channels: together where they have the same scorers, so that a device sees full batches.

::

    channel A ─put─▶ feed (max_panes) ─┐                                                      ┌─▶ A (max_undecided)
    channel B ─put─▶ feed (max_panes) ─┴─▶ one batch ─▶ each scorer once ─▶ sums ─▶ deliver ──┴─▶ B (max_undecided)
                                                             ║ a lock per scorer
    channel C ─put─▶ feed (max_panes) ───▶ one batch ─▶ each scorer once ─▶ sums ─▶ deliver ────▶ C (max_undecided)

Each row is a lane: a thread for all channels whose scorers are the very same objects, mostly the only one. Channel C has
another novelty, say: as slow as that may be, A and B do not wait for it. Where lanes share a scorer, they call it in turn.

Each channel has a queue, memories and a credit of its own: one that is slow, stuck, broken or ending changes nothing for
another. Scorers hold no channel's state.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from stream_processor.contracts import Scorer
from stream_processor.feed import Clock, Deliver, Feed
from stream_processor.measuring import Entry, Guarded, Measure, measure
from stream_processor.records import Pane, PaneScore, frozen


class Engine:
    """Scores panes in a thread for each set of scorers. ``max_panes``: the bound of each channel's queue.

    ``gather_seconds``: a pane waits so long at most for those of other channels that had one lately, so that they share a
    batch. A scorer that raises costs its signal the samples of that pane and its memory of the channel; one that hangs
    costs all channels that use it their scores. Nothing else stops.
    """

    def __init__(self, *, max_panes: int, gather_seconds: float = 0.0, clock: Clock = time.monotonic) -> None:
        self._max_panes = max_panes
        self._gather_seconds = gather_seconds
        self._clock = clock
        self._lanes: dict[frozenset[tuple[str, int]], _Lane] = {}
        """By the identity of their scorers. They stay until ``close``, with their scorers: no identity is given twice."""
        self._locks: dict[int, threading.Lock] = {}
        self._closing = False
        self._lock = threading.Lock()

    def register(
        self, channel: str, scorers: Mapping[str, Scorer], deliver: Deliver, *, max_undecided: int | None = None
    ) -> Feed:
        """A new channel. ``scorers``: signal -> scorer, which several channels may share.

        ``deliver`` is called in the thread that scores, in the order of the channel's panes, and must not block. With
        ``max_undecided`` no more panes are scored ahead of ``Feed.decided`` than that.
        """
        with self._lock:
            lane = self._lane(scorers)
            feed = Feed(
                channel,
                scorers,
                deliver,
                max_panes=self._max_panes,
                max_undecided=max_undecided,
                wake=lane.wake,
                clock=self._clock,
            )
            lane.add(feed)
        return feed

    def close(self) -> None:
        """Score and deliver all that was put, then end the threads. Raises what the first of them died of, if one did.

        It waits for a scorer that hangs, for as long as that does; all other channels get their scores meanwhile.
        """
        with self._lock:
            self._closing = True
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close()
        for lane in lanes:
            lane.join()
        for lane in lanes:
            if lane.failure is not None:
                raise lane.failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _lane(self, scorers: Mapping[str, Scorer]) -> "_Lane":
        key = frozenset((signal, id(scorer)) for signal, scorer in scorers.items())
        lane = self._lanes.get(key)
        if lane is None or lane.failure is not None:  # what has died is told to the channels that it had, and to no new one
            guarded = {
                signal: Guarded(scorer, self._locks.setdefault(id(scorer), threading.Lock()))
                for signal, scorer in scorers.items()
            }
            name = f"engine-{len(self._lanes) + 1}" if self._lanes else "engine"
            lane = _Lane(name, guarded, self._gather_seconds, self._clock)
            if self._closing:
                lane.close()  # it never starts, and its feeds take no panes
            else:
                self._lanes[key] = lane
                lane.start()
        return lane


class _Lane:
    """One thread, and the channels that have the very same scorers: what a scorer does to one of them, it does to all."""

    def __init__(self, name: str, scorers: Mapping[str, Guarded], gather_seconds: float, clock: Clock) -> None:
        self.failure: BaseException | None = None
        self._scorers = scorers
        self._gather_seconds = gather_seconds
        self._clock = clock
        self._feeds: tuple[Feed, ...] = ()
        self._closing = False
        self._lock = threading.Lock()
        self._doorbell = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.wake, self.start, self.join = self._doorbell.set, self._thread.start, self._thread.join

    def add(self, feed: Feed) -> None:
        with self._lock:
            if self.failure is not None:
                feed.fail(self.failure)
            elif self._closing:
                feed.close()
            self._feeds = (*self._feeds, feed)

    def close(self) -> None:
        """What was put is still scored; then the thread ends."""
        with self._lock:
            self._closing = True
            for feed in self._feeds:
                feed.close()
        self._doorbell.set()

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while feeds := self._wait_for_panes():
                self._score([(feed, pane) for feed in feeds for pane in feed.take()])
        except BaseException as error:  # raised again by close and by every feed: nothing may wait for a dead thread
            with self._lock:
                self.failure, self._closing = error, True
                for feed in self._feeds:
                    feed.fail(error)

    def _wait_for_panes(self) -> list[Feed]:
        """The feeds with panes to score, once all have that are expected to, or the first has waited long enough; none: done."""
        since: float | None = None
        while True:
            self._doorbell.clear()  # before looking, so that what comes after is not slept through
            with self._lock:
                self._feeds = tuple(feed for feed in self._feeds if not feed.is_finished)
                feeds, closing = self._feeds, self._closing
            ready = [feed for feed in feeds if feed.is_ready]
            if not ready:
                if closing:
                    return []
                since = None
                self._doorbell.wait()
                continue
            now = self._clock()
            since = now if since is None else since
            left_seconds = since + self._gather_seconds - now
            is_complete = not any(feed.is_expected(now) for feed in feeds if feed not in ready)
            if is_complete or closing or left_seconds <= 0:
                return ready
            self._doorbell.wait(left_seconds)

    def _score(self, batch: Sequence[Entry]) -> None:
        found = {signal: measure(signal, guarded, batch) for signal, guarded in self._scorers.items()}
        for place, (feed, pane) in enumerate(batch):
            measures = {signal: found[signal][place] for signal in feed.scorers}
            fallen = feed.fallen({signal: one.kind for signal, one in measures.items() if one.kind is not None})
            if feed.is_failed:
                continue
            try:
                feed.deliver(_pane_score(pane, measures, fallen))
            except Exception as error:  # the channel's own code: it ends that channel, and is raised in its threads
                feed.fail(error)
            feed.delivered()


def _pane_score(pane: Pane, measures: Mapping[str, Measure], fallen: Mapping[str, str]) -> PaneScore:
    return PaneScore(
        epoch=pane.epoch,
        number=pane.number,
        start_seconds=pane.start_seconds,
        duration_seconds=pane.duration_seconds,
        signals=frozen({signal: one.sum for signal, one in measures.items() if one.is_signal}),
        arrived_at=pane.arrived_at,
        is_last=pane.is_last,
        fallen=frozen({signal: kind for signal, kind in fallen.items() if measures[signal].is_signal}),
        traces=frozen({name: one.trace for name, one in measures.items() if one.trace is not None}),
    )
