"""``main replay``: decides a recorded run again, from its stored panes, with other settings or the same.

With the settings of the run the decisions are those of the run, bit for bit: the same panes go through the same windows,
saliency and detection, from the same baseline.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stream_processor.clipping.sidecar import highlight_id
from stream_processor.commands.comparison import Difference, compare, told
from stream_processor.commands.recordings import JournaledRun, Table, panes_of, read, score_windows
from stream_processor.configuring.configuration import load
from stream_processor.contracts import Normaliser
from stream_processor.deciding.decisions import build_detection, build_normaliser
from stream_processor.deciding.detection import Detection, Step
from stream_processor.errors import SettingsError
from stream_processor.records import Highlight, PaneScore, ScoredWindow, Sum, Window
from stream_processor.settings import Settings
from stream_processor.windows import Windows

_LARGEST_RING_SECONDS = 3600.0
"""A live run's warm-up and windows must fit into its ring; a replay holds no packets and may try any."""


@dataclass(frozen=True)
class Replay:
    """What came out. ``differences`` is None where there is nothing recorded to compare with."""

    name: str
    settings: Settings
    windows: int
    highlights: Sequence[Highlight]
    differences: Sequence[Difference] | None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Decided:
    """``count``: windows there were; ``windows``: those decided, with score and threshold; ``highlights`` by opening."""

    count: int
    windows: Sequence[ScoredWindow]
    highlights: Sequence[Highlight]


class Given:
    """The normaliser for a CSV that has scores: they are the saliency, no signal is weighed."""

    def learn(self, windows: Sequence[Window]) -> None:
        pass

    def score(self, window: Window) -> ScoredWindow:
        return ScoredWindow(window, window.values["score"], {})


def show(
    path: Path, *, run_id: str | None = None, config: Path | None = None, overrides: Sequence[str] = (), as_json: bool = False
) -> int:
    """The command: replay, print, and give the exit code. Errors as ``replay``."""
    result = replay(path, run_id=run_id, config=config, overrides=overrides)
    if as_json:
        json.dump(as_dict(result), sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
        print()
    else:
        from stream_processor.commands.replay_table import print_table

        print_table(result)
    return 0


def replay(path: Path, *, run_id: str | None = None, config: Path | None = None, overrides: Sequence[str] = ()) -> Replay:
    """Decide again. Settings are the run's own (a CSV's: the defaults), then ``config``, then ``overrides``.

    SettingsError: a bad setting, a bad CSV (with its row), or windows that are not a whole number of stored panes.
    JournalError: no journal, no such run.
    """
    said = load(config, overrides, flags={"ring.seconds": ("replay", _LARGEST_RING_SECONDS)})
    recording = read(path, run_id)
    return _replay_table(recording, said) if isinstance(recording, Table) else _replay_run(recording, said)


def _replay_run(recorded: JournaledRun, said: Settings) -> Replay:
    run = recorded.run
    settings = settings_of(recorded, said)
    decided = decide_again(recorded, settings)
    others = [other.id for other in recorded.others]
    notes = [f"{len(others)} other runs here: --run {' '.join(others[-5:])}"] if others else []
    if run.ended_at is None:
        notes.append("the run has not ended, or was cut off: what it had not decided stays undecided")
    notes += recorded.notes()
    differences = compare(recorded.highlights, decided.highlights)
    return Replay(f"{run.channel}, run {run.id}", settings, decided.count, decided.highlights, differences, notes)


def settings_of(recorded: JournaledRun, said: Settings | None = None) -> Settings:
    """The settings that the run was decided by, with what was ``said`` above them. SettingsError: they do not go together."""
    above = {} if said is None else said.model_dump(mode="json", exclude_unset=True)
    return _settings(_merged(recorded.run.settings, above))


def normaliser_of(settings: Settings) -> Normaliser:
    """As in a live run with all of its signals."""
    return build_normaliser(settings.saliency, {name: section.weight for name, section in settings.signals.items()})


def decide_again(recorded: JournaledRun, settings: Settings, normaliser: Normaliser | None = None) -> Decided:
    """The run's panes through the same windows, saliency and detection as live. SettingsError: see ``regrouped``."""
    run = recorded.run
    of_run = _settings(run.settings)
    panes = regrouped(recorded.panes, Windows(of_run.window).pane_seconds, Windows(settings.window).pane_seconds)
    detection = build_detection(
        normaliser_of(settings) if normaliser is None else normaliser,
        peaks=settings.peaks,
        window=settings.window,
        identify=lambda epoch, window: highlight_id(run.id, epoch, window),
        nuisance=settings.nuisance,
        baseline=run.baseline,
    )
    return decide(panes, Windows(settings.window), detection, is_over=run.ended_at is not None)


def _replay_table(table: Table, settings: Settings) -> Replay:
    notes = []
    normaliser: Any
    if "score" in table.columns:
        signals, normaliser = ["score"], Given()
    else:
        signals = [name for name in table.columns if name in settings.signals]
        if not signals:
            known = ", ".join(settings.signals)
            raise SettingsError(f"{table.name}: neither score nor a signal among its columns (known: {known})")
        normaliser = build_normaliser(settings.saliency, {name: settings.signals[name].weight for name in signals})
    if ignored := [name for name in table.columns if name not in signals]:
        notes.append(f"columns not used: {', '.join(ignored)[:200]}")
    detection = build_detection(
        normaliser,
        peaks=settings.peaks,
        window=settings.window,
        identify=lambda epoch, window: highlight_id("csv", epoch, window),
        nuisance=settings.nuisance,
    )
    if "score" in table.columns:
        steps = [detection.push(window) for window in score_windows(table, settings.window.length_seconds)]
        count, highlights = len(steps), _last_states([*steps, detection.finish()])
    else:
        windows = Windows(settings.window)
        decided = decide(panes_of(table, signals, windows.pane_seconds), windows, detection, is_over=True)
        count, highlights = decided.count, list(decided.highlights)
    return Replay(table.name, settings, count, highlights, None, notes)


def decide(panes: Sequence[PaneScore], windows: Windows, detection: Detection, *, is_over: bool) -> Decided:
    """The pipeline's own steps, without its clips and sinks."""
    count = 0
    steps: list[Step] = []
    for pane in panes:
        for window in windows.push(pane):
            count += 1
            steps.append(detection.push(window))
        if pane.is_last:
            steps.append(detection.end_epoch())
    if is_over:
        steps.append(detection.finish())
    return Decided(count, [scored for step in steps for scored in step.scored], _last_states(steps))


def regrouped(panes: Sequence[PaneScore], stored_seconds: float, wanted_seconds: float) -> Sequence[PaneScore]:
    """Panes of ``wanted_seconds``, each the sum of as many stored ones as it is long.

    SettingsError: it is no whole number of them; a pane cannot be cut up.
    """
    ratio = Fraction(str(wanted_seconds)) / Fraction(str(stored_seconds))
    if ratio == 1:
        return panes
    if ratio.denominator != 1:
        raise SettingsError(
            f"window.length_seconds and window.hop_seconds must be whole multiples of {stored_seconds:g} s: "
            "the run's scores are stored in panes of that length"
        )
    groups: dict[tuple[int, int], list[PaneScore]] = {}
    for pane in panes:
        groups.setdefault((pane.epoch, pane.number // ratio.numerator), []).append(pane)
    followed = {(epoch, number - 1) for epoch, number in groups}
    return [_group(key[1], group, ratio.numerator, stored_seconds, key in followed) for key, group in groups.items()]


def _group(number: int, panes: Sequence[PaneScore], size: int, stored_seconds: float, is_followed: bool) -> PaneScore:
    """``is_followed``: the stream went on, so that the pane is whole even where analysis dropped its last parts."""
    first, last = panes[0], panes[-1]
    start = first.start_seconds - (first.number - number * size) * stored_seconds
    signals: dict[str, Sum] = {}
    fallen: dict[str, str] = {}
    for pane in panes:
        fallen |= pane.fallen
        for signal in pane.fallen:  # what another kind measured before is not added to it
            signals.pop(signal, None)
        for signal, part in pane.signals.items():
            before = signals.get(signal, Sum(0.0, 0))
            signals[signal] = Sum(before.total + part.total, before.count + part.count)
    end = last.start_seconds + last.duration_seconds
    duration = size * stored_seconds if is_followed else end - start
    return PaneScore(first.epoch, number, start, duration, signals, is_last=last.is_last, fallen=fallen)


def as_dict(result: Replay) -> dict[str, Any]:
    """For ``--json``; the names are those of a sidecar."""
    return {
        "name": result.name,
        "windows": result.windows,
        "highlights": [told(highlight) for highlight in result.highlights],
        "changes": None
        if result.differences is None
        else [
            {
                "change": difference.change,
                "recorded": None if difference.recorded is None else told(difference.recorded),
                "replayed": None if difference.replayed is None else told(difference.replayed),
            }
            for difference in result.differences
        ],
        "notes": list(result.notes),
    }


def _last_states(steps: Sequence[Step]) -> list[Highlight]:
    """Each highlight as it was last, in the order of opening."""
    return list({change.highlight.id: change.highlight for step in steps for change in step.changes}.values())


def _settings(tree: Mapping[str, Any]) -> Settings:
    try:
        return Settings(**_merged(tree, {"ring": {"seconds": _LARGEST_RING_SECONDS}}))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise SettingsError(f"the run's settings with these changes: {key}: {fault['msg']}") from error


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` wins, key by key."""
    return dict(below) | {
        key: _merged(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in above.items()
    }
