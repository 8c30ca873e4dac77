"""Overlapping windows put together from pane scores: each pane is scored once, a window only adds panes up.

With length 5 s and hop 3 s the panes last gcd(5 s, 3 s) = 1 s:

    panes     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | …
    window 0  [-------------------)
    window 1              [-------------------)

A window never mixes two kinds of scorer. Where another kind measures a signal from pane 4 on, older panes lend it nothing::

    panes     | a | a | a | a | b | b | b | b | …
    window 0  [         b only    )                   restarts the signal
    window 1              [ b only            )

Source: "No pane, no gain" (Li et al., 2005). Membership is integer arithmetic on pane numbers, so that it never drifts.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from stream_processor.errors import SettingsError
from stream_processor.records import PaneScore, Window
from stream_processor.settings import WindowSettings

_SHORTEST_PANE = Fraction(1, 10)
"""Seconds. At five frames a second a shorter pane would be empty more often than not."""
_WHOLE_TOLERANCE_SECONDS = 1e-6
NUISANCE = "nuisance"
"""The signal that is not weighed, but says whether there is anything to be weighed (``Window.nuisance``)."""


class Windows:
    """Takes pane scores in order and gives the windows that they complete.

    SettingsError: length and hop share only a pane shorter than 0.1 s.
    """

    def __init__(self, settings: WindowSettings) -> None:
        pane = _common_divisor(settings.length_seconds, settings.hop_seconds)
        if pane < _SHORTEST_PANE:
            raise SettingsError(
                f"window.length_seconds {settings.length_seconds:g} and window.hop_seconds {settings.hop_seconds:g} "
                f"share no pane of at least {float(_SHORTEST_PANE):g} s: choose multiples of one"
            )
        self.pane_seconds = float(pane)
        self._panes_in_window = int(_exact(settings.length_seconds) / pane)
        self._panes_in_hop = int(_exact(settings.hop_seconds) / pane)
        self._epoch: int | None = None
        self._begin_epoch(None)

    def push(self, pane: PaneScore) -> Sequence[Window]:
        """The windows that this pane completes, oldest first; a pane that was dropped leaves a window with fewer samples."""
        windows: list[Window] = []
        if pane.epoch != self._epoch:
            windows += self.end_epoch()
            self._begin_epoch(pane.epoch)
        self._waiting.append(pane)
        is_whole = pane.duration_seconds >= self.pane_seconds - _WHOLE_TOLERANCE_SECONDS
        windows += self._full_windows(before=pane.number + 1 if is_whole else pane.number)
        if pane.is_last:
            windows += self.end_epoch()
        return windows

    def end_epoch(self) -> Sequence[Window]:
        """What no full window covered, as one short window that begins at the next hop. Nothing where nothing is left."""
        panes, first = self._waiting, self._next * self._panes_in_hop
        left_over = self._uncovered(panes)
        windows = [self._window(panes, (first, left_over[-1].number + 1), is_short=True)] if left_over else []
        self._begin_epoch(None)
        return windows

    def _begin_epoch(self, epoch: int | None) -> None:
        self._epoch = epoch
        self._next = 0
        self._covered = 0
        """Panes below this number lie in a full window."""
        self._waiting: list[PaneScore] = []
        """The panes from the next window's first on: never more than a window holds."""

    def _full_windows(self, before: int) -> Iterable[Window]:
        """All windows that end at or before pane number ``before``; those without a single pane are left out."""
        while self._waiting and (first := self._next * self._panes_in_hop) + self._panes_in_window <= before:
            end = first + self._panes_in_window
            if inside := [pane for pane in self._waiting if first <= pane.number < end]:
                yield self._window(inside, (first, end), is_short=False)
                self._next += 1
            else:  # a hole in the numbers: go straight to the first window that can hold the next pane
                ends_behind = self._waiting[0].number + 1 - self._panes_in_window
                self._next = max(self._next + 1, math.ceil(ends_behind / self._panes_in_hop))
            self._covered = max(self._covered, end)
            self._waiting = [pane for pane in self._waiting if pane.number >= self._next * self._panes_in_hop]

    def _uncovered(self, panes: Sequence[PaneScore]) -> Sequence[PaneScore]:
        """Those that no full window had so far."""
        return [pane for pane in panes if pane.number >= self._covered]

    def _window(self, panes: Sequence[PaneScore], numbers: tuple[int, int], *, is_short: bool) -> Window:
        origin = panes[0].start_seconds - panes[0].number * self.pane_seconds
        last = panes[-1]
        values = _means(panes)
        nuisance = values.pop(NUISANCE, 0.0)
        end = last.start_seconds + last.duration_seconds if is_short else origin + numbers[1] * self.pane_seconds
        return Window(
            epoch=last.epoch,
            number=numbers[0] // self._panes_in_hop,
            start_seconds=origin + numbers[0] * self.pane_seconds,
            end_seconds=end,
            values=values,
            panes=numbers,
            is_short=is_short,
            arrived_at=max(pane.arrived_at for pane in panes),
            restarts=frozenset(signal for pane in self._uncovered(panes) for signal in pane.fallen),
            nuisance=nuisance,
        )


def _means(panes: Sequence[PaneScore]) -> dict[str, float]:
    """Signal -> mean over all samples of all panes since its last fall, weighted by count: never a mean of means."""
    totals: dict[str, tuple[float, int]] = {}
    for pane in panes:
        for signal in pane.fallen:
            totals.pop(signal, None)
        for signal, part in pane.signals.items():
            total, count = totals.get(signal, (0.0, 0))
            totals[signal] = (total + part.total, count + part.count)
    return {signal: total / count for signal, (total, count) in totals.items() if count}


def _exact(seconds: float) -> Fraction:
    """What was written: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(str(seconds))


def _common_divisor(a_seconds: float, b_seconds: float) -> Fraction:
    a, b = _exact(a_seconds), _exact(b_seconds)
    return Fraction(math.gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)
