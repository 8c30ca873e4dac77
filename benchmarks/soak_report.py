"""What the soak has counted, as tables."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Cell, Report, Table
from benchmarks.soak_observer import Judged, Sums
from benchmarks.soak_tally import Tally
from benchmarks.soak_world import Program

MOST_TROUBLES = 50
"""That are named; all are counted."""
NO_FAULTS = ("connected", "left", "cut off")
COUNTERS = {
    "reconnects": "stream lost",
    "clips": "clips",
    "frames_dropped": "packets not analysed",
    "packets_lost": "packets that the ring dropped before a clip had them",
    "decode_errors": "packets that could not be decoded",
    "scorer_errors": "panes that a scorer failed on",
}


@dataclass(frozen=True)
class Outcome:
    """``encoder``: the lines of its log. ``notices``: for each stall the seconds until it was noticed."""

    program: Program
    struck: Mapping[str, int]
    tally: Tally
    encoder: Sequence[Mapping[str, Any]]
    notices: Sequence[float | None]
    answers: Judged
    sums: Sums
    files_read: int
    files_half: Sequence[str]
    journal_mb: float
    took_seconds: float


def report(outcome: Outcome) -> Report:
    """``raw["broken"]``: every broken promise, in words."""
    promises = _promises(outcome)
    broken = [f"{what}: {trouble}" for what, _, troubles in promises for trouble in troubles]
    rows = [[what, count, len(troubles)] for what, count, troubles in promises]
    reasons = [[reason, count] for reason, count in outcome.tally.reasons.most_common()]
    ends = outcome.program.ends
    return Report(
        "Soak",
        [
            Table("Promised against counted", ["what", "count", "broken promises"], rows),
            Table("Faults", ["fault", "times"], _faults(outcome)),
            Table("Figures", ["what", "value"], _figures(outcome)),
            Table("Told by /metrics", ["what", "count"], _counted(outcome.sums)),
            *([Table("Highlights without a clip", ["why", "count"], reasons)] if reasons else []),
        ],
        [
            "Counters of /metrics: at least so many, since what came after a life's last scrape is not known.",
            *(f"broken: {trouble}" for trouble in broken[:MOST_TROUBLES]),
        ],
        {
            "broken": broken,
            "ends": [end._asdict() for end in ends],
            "notices": list(outcome.notices),
            "slow_answers": outcome.answers.slow,
            "memory_mb": [(round(at, 1), round(mb)) for at, mb in outcome.program.samples[::20]],
        },
    )


def _promises(outcome: Outcome) -> list[tuple[str, int, list[str]]]:
    """What was promised, how often it was counted, and each time that it was broken."""
    program, tally = outcome.program, outcome.tally
    bad_ends = [f"exit code {end.code} at an age of {end.life_seconds:.1f} s" for end in program.ends if not end.is_in_order]
    wrong = [f"{path} answered {status}" for path, status in outcome.answers.wrong]
    crashes = [f"exit code {code}" for code in program.crashes]
    return [
        ("highlights opened, each with `new` first and `end` last", tally.highlights, tally.out_of_order),
        ("alerts journaled, and in alerts.jsonl and at the broker at least once, in order", tally.alerts, tally.lost),
        ("clips told of, whole, with picture and sidecar, and nothing beside them", tally.clips, tally.broken),
        (
            "files read whole the moment they had their name",
            outcome.files_read,
            [f"{each} was half" for each in outcome.files_half],
        ),
        ("ends in order after SIGTERM, exit code 0", len(program.ends), bad_ends),
        ("the program never ends by itself", program.kills + len(program.ends), crashes),
        ("/healthz, /readyz and /metrics answer as they should", outcome.answers.answers, wrong),
    ]


def _faults(outcome: Outcome) -> list[list[Cell]]:
    encoder = Counter(f"encoder: {line['what']}" for line in outcome.encoder if line["what"] not in NO_FAULTS)
    return [[name, count] for name, count in sorted({**outcome.struck, **encoder}.items())]


def _figures(outcome: Outcome) -> list[list[Cell]]:
    program = outcome.program
    ends = [end.seconds for end in program.ends]
    sizes = [mb for _, mb in program.samples]
    noticed = [seconds for seconds in outcome.notices if seconds is not None]
    slow = [seconds for _, seconds in outcome.answers.slow]
    return [
        ["stream, h", max((line["sent_seconds"] for line in outcome.encoder), default=0.0) / 3600],
        ["took, min", outcome.took_seconds / 60],
        ["connections of the encoder", sum(line["what"] == "connected" for line in outcome.encoder)],
        ["alerts that came more than once", outcome.tally.repeats],
        ["SIGTERM to exit, s, median", statistics.median(ends) if ends else None],
        ["SIGTERM to exit, s, longest", max(ends, default=None)],
        ["of these before the program could hear it", sum(end.was_starting for end in program.ends)],
        ["encoder silent to noticed, s, median", statistics.median(noticed) if noticed else None],
        ["encoder silent to noticed, s, longest", max(noticed, default=None)],
        ["silences over before they were noticed: program restarted or suspended", len(outcome.notices) - len(noticed)],
        ["answers that took more than 2 s, none of them while suspended", len(slow)],
        ["answers, longest, s", max(slow, default=None)],
        ["resident memory, MB, median", statistics.median(sizes) if sizes else None],
        ["resident memory, MB, peak", program.peak_mb],
        ["threads, most", program.most_threads],
        ["open files, most", program.most_files],
        ["journal, MB", outcome.journal_mb],
    ]


def _counted(sums: Sums) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for name, words in COUNTERS.items():
        found = sums.total(name)
        rows += [[f"{words}: {label}" if label else words, int(value)] for label, value in sorted(found.items())]
    return rows


def json_lines(path: Path) -> list[dict[str, Any]]:
    """A log's. What is no JSON is passed over: a program that was killed may have written half a line."""
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
