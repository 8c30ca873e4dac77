"""Does the program find the same highlights where its motion is measured otherwise? On the one long recording with a truth."""

from collections.abc import Sequence

from benchmarks.agreement import Track
from benchmarks.measure import quality
from benchmarks.methods import online
from benchmarks.movement import Candidate, kept, reference, tracks
from benchmarks.report import Cell, Table
from benchmarks.streams import MEDIA, planted_dev
from stream_processor.records import PaneScore, Sum

NAME, SECONDS = "planted_dev.mp4", 418.0


def finalists(measured: Sequence[Candidate]) -> Table:
    """Some minutes: 2090 pairs, each by full-size Farneback too."""
    stream = planted_dev()
    path = MEDIA / NAME
    full = reference(path, SECONDS)
    names = ["full size", *(each.name for each in measured)]
    rows: list[Sequence[Cell]] = []
    for name, track in zip(names, [full, *tracks(path, SECONDS, measured)], strict=True):
        keeps = kept([track], [full])
        found = quality(online()(with_motion(stream.panes, track)), stream.planted)
        rows.append((name, keeps.pair.median, keeps.pane.median, keeps.window.median, found.f1, found.cover, found.highlights))
    columns = ("motion by", "per pair", "per pane", "per window", "F1", "cover", "highlights")
    return Table(f"The finalists on {NAME}: Spearman's correlation, and what is detected", columns, rows)


def with_motion(panes: Sequence[PaneScore], track: Track) -> list[PaneScore]:
    """The same panes, their motion replaced by a track in frame heights per second."""
    sums: dict[int, tuple[float, int]] = {}
    for seconds, value in zip(track.seconds.tolist(), track.values.tolist(), strict=True):
        total, count = sums.get(int(seconds), (0.0, 0))
        sums[int(seconds)] = (total + value, count + 1)
    return [_replaced(pane, sums.get(pane.number)) for pane in panes]


def _replaced(pane: PaneScore, motion: tuple[float, int] | None) -> PaneScore:
    signals = {signal: part for signal, part in pane.signals.items() if signal != "motion"}
    if motion is not None:
        signals["motion"] = Sum(*motion)
    return PaneScore(pane.epoch, pane.number, pane.start_seconds, pane.duration_seconds, signals, is_last=pane.is_last)
