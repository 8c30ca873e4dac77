"""One scorer's look at a batch: one call for the panes of all channels, and what is wrong with one of them costs only that one.

::

    batch ─┬─ panes of channels that fit in ─────▶ one call ─────────────▶ checked, added up ─▶ a measure per pane
           │                                          │ fails                     ▲
           │                                          ▼                           │
           └─ panes of channels that spoilt one ─▶ one call for each pane ────────┘
"""

import math
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog

from stream_processor.contracts import Scorer
from stream_processor.feed import Feed
from stream_processor.records import Pane, Samples, Sum
from stream_processor.redact import redact

LARGEST_SUM = 1e100
"""What is larger is a mistake, and would overflow in a mean over panes or in a variance."""

Entry = tuple[Feed, Pane]
_log = structlog.get_logger()


class Guarded(NamedTuple):
    """A scorer, and the lock that is held during each of its calls: more than one thread may score with it."""

    scorer: Scorer
    lock: threading.Lock


class Measure(NamedTuple):
    """What one scorer says of one pane. ``kind``: as what, empty where that never changes; None: it failed on the pane.

    ``trace``: its samples, where it keeps them. ``is_signal`` False: they are all there is of it.
    """

    sum: Sum
    kind: str | None
    trace: Samples | None = None
    is_signal: bool = True


def _failed(scorer: Scorer) -> Measure:
    return Measure(Sum(0.0, 0), None, is_signal=_keeps(scorer) != "samples")


def _keeps(scorer: Scorer) -> str:
    return str(getattr(scorer, "keeps", "sum"))


def measure(signal: str, guarded: Guarded, batch: Sequence[Entry]) -> list[Measure]:
    """A measure for each pane of the batch, in its order. Raises nothing: here even ``SystemExit`` says only that a call failed.

    A call that fails costs all its channels what the scorer remembers of them, since that may be half changed. So that it
    costs the others no more than that, panes of whoever failed alone are scored alone from then on (``Feed.is_apart``).
    """
    apart = {place for place, (feed, _) in enumerate(batch) if feed.is_apart(signal)}
    of_others = iter(_together(signal, guarded, [entry for place, entry in enumerate(batch) if place not in apart]))
    return [_alone(signal, guarded, entry) if place in apart else next(of_others) for place, entry in enumerate(batch)]


def _together(signal: str, guarded: Guarded, batch: Sequence[Entry]) -> list[Measure]:
    if len(batch) < 2:
        return [_alone(signal, guarded, entry) for entry in batch]
    try:
        return _call(signal, guarded, batch)
    except BaseException as error:  # a scorer may come from outside, and may fail in any way
        words = _words(error)
    feeds = dict.fromkeys(feed for feed, _ in batch)
    for feed in feeds:
        feed.forget(signal)
    errors = {feed: feed.errors[signal] for feed in feeds}
    found = [_alone(signal, guarded, entry) for entry in batch]
    innocent = [feed for feed in feeds if feed.errors[signal] == errors[feed]]
    for feed in innocent:
        feed.restarts[signal] += 1
        if feed.restarts[signal] == 1:
            _log.warning("scorer begins anew: a call with other panes failed", channel=feed.channel, signal=signal, error=words)
    if len(innocent) == len(feeds):  # it is the company that the scorer cannot stand
        for feed in feeds:
            feed.keep_apart(signal)
    return found


def _alone(signal: str, guarded: Guarded, entry: Entry) -> Measure:
    feed, pane = entry
    try:
        (found,) = _call(signal, guarded, [entry])
    except BaseException as error:
        feed.forget(signal)
        feed.keep_apart(signal)
        feed.errors[signal] += 1
        if feed.errors[signal] == 1:
            where = {"channel": feed.channel, "signal": signal, "epoch": pane.epoch, "pane": pane.number}
            _log.warning("scorer failed", **where, error=_words(error))
        return _failed(guarded.scorer)
    feed.passed(signal)
    return found


def _call(signal: str, guarded: Guarded, batch: Sequence[Entry]) -> list[Measure]:
    for feed, _ in batch:
        feed.measuring = signal
    try:
        return _call_in_turn(signal, guarded, batch)
    finally:
        for feed, _ in batch:
            feed.measuring = ""


def _call_in_turn(signal: str, guarded: Guarded, batch: Sequence[Entry]) -> list[Measure]:
    scorer = guarded.scorer
    with guarded.lock:  # until all is added up: samples may lie in memory that the next call uses again
        began = time.perf_counter()
        try:
            results = list(scorer.score([(feed.memory(signal, scorer, pane.epoch), pane) for feed, pane in batch]))
            if len(results) != len(batch):
                raise ValueError(f"{len(results)} results for {len(batch)} panes")
            kind, keeps = str(getattr(scorer, "kind", "")), _keeps(scorer)
            return [
                Measure(_add_up(samples), kind, samples if keeps != "sum" else None, keeps != "samples") for samples in results
            ]
        finally:
            share_seconds = (time.perf_counter() - began) / len(batch)
            for feed, _ in batch:
                feed.scoring_seconds[signal] += share_seconds


def _add_up(samples: Any) -> Sum:
    """Exactly rounded, so that the sum does not depend on anything but the values."""
    if not isinstance(samples, Samples):
        raise TypeError(f"{type(samples).__name__} instead of Samples")
    total = math.fsum(samples.values)
    if not abs(total) <= LARGEST_SUM:
        raise OverflowError(f"samples that add up to {total:g}")
    return Sum(total, len(samples.values))


def _words(error: BaseException) -> str:
    """Also of an error that fails to say what it is."""
    return redact(" ".join("".join(traceback.format_exception_only(error)).split()))
