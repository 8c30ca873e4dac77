"""Windows in, decisions out: normaliser and detector put together, with a warm-up that delays and never mutes.

warm-up   | held, held, held … |  baseline complete: all held windows are judged against it at once
after it                       |  each window is judged against the history before it, then becomes part of it

waiting   | decided at once, neither judged nor learnt; the detector is told that its epoch ends, and goes on with the next window
screen    | in warm-up what is held from before it is judged by itself, and counts for the warm-up that goes on after it

A window that restarts a signal (another kind of scorer measures it from there on) changes nothing that was decided. Windows from
before it that are still to be compared with what comes after it, in warm-up and in a kept baseline, go without that signal.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from stream_processor.contracts import Detector, Normaliser
from stream_processor.deciding.history import new_seconds
from stream_processor.records import Change, ScoredWindow, Window, replace

STANDBY_SHARE = 0.5
"""A window of which more than this shows a waiting screen neither opens a highlight nor lets one grow."""


def is_standby(window: Window) -> bool:
    """Whether the window shows a waiting screen, as ``scorers.nuisance`` recognises it."""
    return window.nuisance > STANDBY_SHARE


@dataclass(frozen=True, slots=True)
class Step:
    """What one window led to: the windows decided now, oldest first, and what that changed."""

    scored: Sequence[ScoredWindow] = ()
    changes: Sequence[Change] = ()


@runtime_checkable
class Explaining(Protocol):
    """A detector that tells with which score and threshold it decided; from others, windows are passed on as scored."""

    decided: Sequence[ScoredWindow]


class Detection:
    """All decisions of one channel's run. They depend on the sequence of windows alone, never on clock or pace.

    ``warmup_seconds`` of stream are held until they are a baseline to judge by; with a ``baseline`` kept from an earlier
    run nothing is held. Nothing crosses an epoch except the history. Bounds: the warm-up's windows, and ``keep_seconds``
    of windows for the next run's baseline.

    ``standby_after_seconds``: for so long a waiting screen has been there when its first window says so; infinite: windows
    are judged whatever they show.
    """

    def __init__(
        self,
        normaliser: Normaliser,
        detector: Detector,
        warmup_seconds: float,
        baseline: Sequence[Window] = (),
        keep_seconds: float = 600.0,
        *,
        standby_after_seconds: float = math.inf,
    ) -> None:
        self._normaliser = normaliser
        self._detector = detector
        self._warmup_left_seconds = 0.0 if baseline else warmup_seconds
        self._standby_after_seconds = standby_after_seconds
        self._held: list[Window] = []
        self._newest: Window | None = None
        self._epoch: int | None = None
        self._keep_seconds = keep_seconds
        self._kept_seconds = 0.0
        self._kept: deque[tuple[float, Window]] = deque()
        if baseline:
            self._learn(_before_this_run(baseline))

    @property
    def warmup_left_seconds(self) -> float:
        """Seconds of stream until held windows are judged; 0 from then on."""
        return self._warmup_left_seconds

    def push(self, window: Window) -> Step:
        """Take the next window. In warm-up the step is empty; the step that ends it brings all that was held."""
        seen_seconds = new_seconds(window, self._newest)
        self._newest = window
        if is_standby(window) and self._standby_after_seconds < math.inf:
            return self._stand_by(window)
        self._keep(window, seen_seconds)
        if self._warmup_left_seconds <= 0:
            return self._judge(window, learn=True)
        self._held.append(window)
        self._warmup_left_seconds -= seen_seconds
        return self._end_warmup() if self._warmup_left_seconds <= 0 else Step()

    def end_epoch(self) -> Step:
        """No more windows come in this epoch: decide what is pending and close what is open, unless it is held."""
        if self._held:
            return Step()
        self._epoch = None
        return self._explained(self._detector.end_epoch())

    def finish(self) -> Step:
        """The stream is over: judge what warm-up still holds, decide what is pending, close what is open."""
        return _joined([self._end_warmup(), self.end_epoch()])

    def kept(self) -> Sequence[Window]:
        """The newest windows, oldest first: what the next run of this channel may start from as its baseline."""
        return comparable([window for _, window in self._kept])

    def _keep(self, window: Window, seconds: float) -> None:
        self._kept.append((seconds, window))
        self._kept_seconds += seconds
        while self._kept_seconds - self._kept[0][0] >= self._keep_seconds:
            self._kept_seconds -= self._kept.popleft()[0]

    def _stand_by(self, window: Window) -> Step:
        """What came before the screen is over: the end of a stretch of stream, as an epoch's is."""
        steps: list[Step] = []
        if self._held:
            shown_since = window.start_seconds - self._standby_after_seconds
            screen = [held for held in self._held if held.epoch == window.epoch and held.end_seconds > shown_since]
            self._held, earlier = self._held[: len(self._held) - len(screen)], [None, *self._held]
            screen_seconds = sum(map(new_seconds, screen, earlier[len(self._held) :]))
            left_seconds = self._warmup_left_seconds + screen_seconds
            if self._held:
                steps.append(self._end_warmup())
            steps.append(Step([self._unjudged(held) for held in screen]))
            self._held, self._warmup_left_seconds = [], left_seconds
        if self._epoch is not None:
            steps.append(self.end_epoch())
        return _joined([*steps, Step([self._unjudged(window)])])

    def _unjudged(self, window: Window) -> ScoredWindow:
        """Decided, and never held against a threshold: NaN."""
        scored = self._normaliser.score(window)
        return replace(scored, score=scored.saliency)

    def _learn(self, windows: Sequence[Window]) -> None:
        self._normaliser.learn(windows)
        self._detector.learn([self._normaliser.score(window) for window in windows])

    def _end_warmup(self) -> Step:
        held, self._held = comparable(self._held), []
        self._warmup_left_seconds = 0.0
        self._learn(held)
        return _joined([self._judge(window, learn=False) for window in held])

    def _judge(self, window: Window, *, learn: bool) -> Step:
        ended = self.end_epoch() if self._epoch not in (None, window.epoch) else Step()
        self._epoch = window.epoch
        scored = self._normaliser.score(window)
        if learn:
            self._normaliser.learn([window])
        changes = self._detector.push(scored)
        step = self._explained(changes) if isinstance(self._detector, Explaining) else Step([scored], changes)
        return _joined([ended, step])

    def _explained(self, changes: Sequence[Change]) -> Step:
        return Step(self._detector.decided if isinstance(self._detector, Explaining) else (), changes)


def comparable(windows: Sequence[Window]) -> list[Window]:
    """The windows, oldest first, with every signal as its last kind measured it: without what came before its last restart."""
    restarted: frozenset[str] = frozenset()
    made: list[Window] = []
    for window in reversed(windows):
        if restarted or window.restarts:
            values = {signal: value for signal, value in window.values.items() if signal not in restarted}
            restarted |= window.restarts
            made.append(replace(window, values=values, restarts=frozenset()))
        else:
            made.append(window)
    return made[::-1]


def _joined(steps: Sequence[Step]) -> Step:
    return Step([window for step in steps for window in step.scored], [change for step in steps for change in step.changes])


def _before_this_run(baseline: Sequence[Window]) -> Sequence[Window]:
    """An earlier run's windows under negative epoch numbers, so that none is taken for one of this run."""
    newest = max(window.epoch for window in baseline)
    return [replace(window, epoch=window.epoch - newest - 1) for window in baseline]
