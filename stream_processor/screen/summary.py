"""What is said at the end of a run: what was seen, scored, fired and written, and where nothing was, why. Pure text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stream_processor.records import ScoredWindow
from stream_processor.status import ChannelStatus, HighlightRow

FEWEST_WINDOWS = 4
"""With fewer there is hardly a past to compare with."""

FLAT = 0.46
"""Deviations below this, one standard deviation as ``saliency.RobustZ`` limits it, are what calm stream has."""


@dataclass(frozen=True)
class Planted:
    """A moment that is known to be there, in stream seconds: the demo's bursts."""

    start_seconds: float
    end_seconds: float
    why: str


def summarise(
    status: ChannelStatus,
    *,
    now: float,
    folder: str,
    best: ScoredWindow | None,
    planted: Sequence[Planted] = (),
    among_others: bool = False,
) -> list[str]:
    """The lines of the summary. ``now`` is monotonic seconds; ``best`` the window that came nearest to being a highlight.

    ``among_others``: what concerns all channels is left to ``totals``.
    """
    return [
        *_seen(status, now),
        *_found(status, folder),
        *([] if status.highlights_opened else [f"nothing found: {why_nothing(status, best)}"]),
        *_lost(status),
        *([] if among_others else _undelivered(status.outbox_waiting, status.alerts_expired)),
        *(_against_planted(status, planted) if planted else []),
    ]


def totals(channels: Sequence[ChannelStatus]) -> list[str]:
    """What all channels come to together: a line, and one for alerts that are still to be delivered."""
    failed = sum(channel.state == "failed" for channel in channels)
    found = _count(sum(channel.highlights_opened for channel in channels), "highlight")
    wrote = _count(sum(channel.clips_written for channel in channels), "clip")
    parts = [
        f"watched {clock(sum(channel.stream_seconds for channel in channels))} of stream",
        f"found {found}",
        f"wrote {wrote}",
    ]
    lost = {
        "packets not analysed": sum(channel.frames_dropped for channel in channels),
        "packets gone before they were written": sum(channel.packets_dropped for channel in channels),
    }
    parts += [f"{number} {what}" for what, number in lost.items() if number]
    if clips := sum(channel.clips_not_kept for channel in channels):
        parts.append(f"kept no file of {clips}")
    if clips := sum(channel.clips_lost for channel in channels):
        parts.append(f"clips that could not be written: {clips}")
    waiting = max((channel.outbox_waiting for channel in channels), default=0)  # all have the same outbox
    who = f"{_count(len(channels), 'channel')}{f' ({failed} failed)' if failed else ''}"
    expired = max((channel.alerts_expired for channel in channels), default=0)
    return [f"{who}: {', '.join(parts)}", *_undelivered(waiting, expired)]


def why_nothing(status: ChannelStatus, best: ScoredWindow | None) -> str:
    """Why a run has no highlight, in one line."""
    if status.epochs == 0:
        return "nothing came from the stream"
    if status.panes == 0:
        return "no second of the stream could be scored"
    if best is None and status.standby_seconds:
        return "nothing but a waiting screen was shown"
    if best is None:
        return "the stream was too short for one window"
    if status.windows < FEWEST_WINDOWS:
        return f"{clock(status.stream_seconds)} of stream are too short to tell what stands out in it"
    where = f"{clock(best.window.start_seconds)}–{clock(best.window.end_seconds)}"
    flat = all(abs(deviation) < FLAT for deviation in best.deviations.values())
    kind = "the stream is flat" if flat else "no moment stood out enough"
    scored = f"scored {best.score:.2f} where {best.threshold:.2f} was needed"
    return f"{kind}; the liveliest window, {where}, {scored} (peaks.min_rise, peaks.percentile)"


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _seen(status: ChannelStatus, now: float) -> Iterator[str]:
    passed = max(now - status.started_at, 1e-9)
    yield (
        f"watched {clock(status.stream_seconds)} of {status.channel} in {clock(passed)} "
        f"({status.stream_seconds / passed:.1f}x real time)"
    )
    scorers = ", ".join(f"{signal} ({kind})" for signal, kind in status.scorers.items())
    parts = f" in {status.epochs} parts" if status.epochs > 1 else ""
    if scorers:  # else none was ever needed
        yield f"scored {_count(status.windows, 'window')}{parts} for {scorers}"
    if status.standby_seconds:
        yield f"{clock(status.standby_seconds)} showed a waiting screen, where nothing is a highlight (nuisance.kind)"


def _found(status: ChannelStatus, folder: str) -> Iterator[str]:
    if not status.highlights_opened:
        return
    found, wrote = _count(status.highlights_opened, "highlight"), _count(status.clips_written, "clip")
    not_kept = f", {status.clips_not_kept} not kept" if status.clips_not_kept else ""
    yield f"found {found}, wrote {wrote} to {folder}{not_kept}"
    for row in status.highlights:
        yield f"  {clock(row.start_seconds)}–{clock(row.end_seconds)}  {row.reason}  {row.clip}"


def _lost(status: ChannelStatus) -> Iterator[str]:
    if status.frames_dropped:
        yield f"analysis was behind: {status.frames_dropped} packets were kept for clips but not analysed"
    if status.packets_dropped:
        yield f"the packet ring was too small: {status.packets_dropped} packets were gone before they were written (ring.max_mb)"
    if status.clips_lost:
        yield f"{status.clips_lost} clips could not be written"
    if status.decode_errors:
        yield f"{_count(status.decode_errors, 'packet')} could not be decoded"
    for signal, number in status.scorer_errors.items():
        yield f"{signal} failed on {_count(number, 'pane')}, the log says why"
    for step, number in status.step_failures.items():
        yield f"{_count(number, 'clip')} had to do without {step}, the log says why"
    if status.reconnects:
        reasons = ", ".join(f"{reason} {number}" for reason, number in status.reconnects_by_reason.items() if number)
        yield f"the stream broke off {_count(status.reconnects, 'time')}{f' ({reasons})' if reasons else ''}"


def _undelivered(alerts: int, expired: int) -> Iterator[str]:
    if alerts:
        yield f"not delivered yet: {_count(alerts, 'alert')}; the next run does it"
    if expired:
        yield f"never delivered: {_count(expired, 'alert')} older than outbox.max_days"


def _against_planted(status: ChannelStatus, planted: Sequence[Planted]) -> Iterator[str]:
    rows = list(status.highlights)
    yield "planted           found"
    for moment in planted:
        hits = [row for row in rows if _overlap(row, moment)]
        found = ", ".join(f"{clock(row.start_seconds)}–{clock(row.end_seconds)}" for row in hits) or "missed"
        yield f"{clock(moment.start_seconds):>5}–{clock(moment.end_seconds):<5}  {found:<16} {moment.why}"
    hit = sum(any(_overlap(row, moment) for row in rows) for moment in planted)
    false = sum(not any(_overlap(row, moment) for moment in planted) for row in rows)
    yield f"{hit} of {_count(len(planted), 'planted burst')} found, {false} false"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _overlap(row: HighlightRow, moment: Planted) -> bool:
    return row.start_seconds < moment.end_seconds and moment.start_seconds < row.end_seconds
