"""How well clips hold planted highlights: cut at fixed times, and finished by ``context``. At the level of pane scores."""

import asyncio
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from benchmarks.measure import Interval
from benchmarks.methods import WEIGHTS
from benchmarks.quality import VARIED
from benchmarks.report import Cell, Report, RunSettings, Skipped, Table
from benchmarks.streams import MEDIA, SYNTHETIC, Stream, planted_dev, synthetic, varied
from stream_processor.deciding.decisions import build_detection, build_normaliser
from stream_processor.deciding.detection import Step
from stream_processor.finishing.context import Context
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.live import Finished, LiveFinishing, plan
from stream_processor.packets import PacketRing
from stream_processor.records import AudioFormat, Epoch, Media
from stream_processor.settings import Settings
from stream_processor.windows import Windows

SETTINGS = Settings()
ROLLS = {"pre_roll_seconds": SETTINGS.clip.pre_roll_seconds, "post_roll_seconds": SETTINGS.clip.post_roll_seconds}
EPOCH = Epoch(0, 0.0, datetime(2026, 1, 1, tzinfo=UTC), 0.0, Media("none", None, AudioFormat("none", 48000, 1)))
TEMPLATE = cast("Any", None)
"""Nothing is cut here."""


class Fit(NamedTuple):
    """One clip against the one planted interval that its highlight meets."""

    lead_seconds: float
    """From the clip's start to the interval's; below 0: it begins too late."""
    tail_seconds: float
    """From the interval's end to the clip's."""
    held: float
    """Share of the interval that is in the clip."""
    seconds: float


def run(settings: RunSettings) -> Report:
    if not MEDIA.is_dir():
        raise Skipped("the test media are not there")
    seeds, kinds = (VARIED[:3], SYNTHETIC[:1]) if settings.quick else (VARIED, SYNTHETIC)
    sets = {
        "planted_dev": [planted_dev()],
        f"varied ({len(seeds)})": [varied(seed) for seed in seeds],
        f"synthetic ({4 * len(kinds)})": [synthetic(seed, kind) for kind in kinds for seed in range(4)],
    }
    rows: list[list[Cell]] = []
    for name, streams in sets.items():
        settings.say(f"context: {name}")
        made = [(stream, asyncio.run(clips(stream))) for stream in streams]
        rows.append([name, "fixed", *_row([fit for stream, drafts in made for fit in fits(stream, map(planned, drafts))])])
        rows.append([name, "context", *_row([fit for stream, drafts in made for fit in fits(stream, drafts)])])
    columns = ["streams", "cut", "clips", "lead, s", "lead, 8 of 10", "tail, s", "begin too late", "held", "length, s"]
    note = (
        "Lead: from the clip's start to the planted interval's; tail: from its end to the clip's; medians. Held: the share of a "
        "planted interval that is in the clip, mean. Clips whose highlight meets no planted interval, or several, are left out."
    )
    return Report("Context: clips against what was planted", [Table("Pre-roll 3 s, post-roll 2 s", columns, rows)], [note])


async def clips(stream: Stream) -> list[Draft]:
    """Finished as they would be live, a pane after the other."""
    finished: list[Finished] = []
    live = LiveFinishing(
        [Context(SETTINGS.context)],
        finished.append,
        ring=PacketRing(SETTINGS.ring),
        place=lambda *_: None,
        trace_seconds=SETTINGS.ring.seconds + SETTINGS.peaks.max_seconds,
        channel="benchmark",
    )
    detection = build_detection(
        build_normaliser(SETTINGS.saliency, WEIGHTS),
        peaks=SETTINGS.peaks,
        window=SETTINGS.window,
        identify=lambda epoch, window: f"{epoch}.{window}",
        nuisance=SETTINGS.nuisance,
    )

    def take(step: Step) -> None:
        for scored in step.scored:
            live.decided(scored)
        for change in step.changes:
            if change.type == "close":
                draft = plan(change.highlight, EPOCH, **ROLLS)
                live.expect(draft, EPOCH, TEMPLATE, EPOCH.start_seconds)

    windows = Windows(SETTINGS.window)
    for pane in stream.panes:
        live.see(pane, EPOCH)
        for window in windows.push(pane):
            take(detection.push(window))
        await live.advance()
    take(detection.finish())
    await live.advance(is_over=True)
    await live.drain()
    await live.close()
    return [one.draft for one in finished]


def planned(draft: Draft) -> Draft:
    """The clip without finishing."""
    return plan(draft.highlight, EPOCH, **ROLLS)


def fits(stream: Stream, drafts: Iterable[Draft]) -> list[Fit]:
    found = []
    for draft in drafts:
        highlight = draft.highlight
        met = [(a, b) for a, b in stream.planted if a < highlight.end_seconds and b > highlight.start_seconds]
        if len(met) == 1:
            found.append(fit(draft, met[0]))
    return found


def fit(draft: Draft, planted: Interval) -> Fit:
    start, end = planted
    held = max(0.0, min(draft.end_seconds, end) - max(draft.start_seconds, start)) / (end - start)
    return Fit(start - draft.start_seconds, draft.end_seconds - end, held, draft.duration_seconds)


def _row(found: Sequence[Fit]) -> list[Cell]:
    leads = sorted(one.lead_seconds for one in found)
    low, high = leads[len(leads) // 10], leads[-1 - len(leads) // 10]
    return [
        len(found),
        statistics.median(leads),
        f"{low:.1f} to {high:.1f}",
        statistics.median(one.tail_seconds for one in found),
        sum(lead < 0 for lead in leads),
        statistics.mean(one.held for one in found),
        statistics.mean(one.seconds for one in found),
    ]
