"""What was promised against what was counted, read from what the soak left behind: journal, alerts, clips."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.soak_files import is_whole

Told = tuple[str, str, str]
"""An alert: its type, its highlight's id, and all that it says."""


@dataclass
class Tally:
    """``lost`` and ``broken`` should be empty. ``reasons``: why highlights have no clip, and how many."""

    highlights: int = 0
    alerts: int = 0
    repeats: int = 0
    clips: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    """Alerts that somebody who should have did not get, and highlights without an end."""
    broken: list[str] = field(default_factory=list)
    """Files that are not whole, are missing, or should not be there."""
    out_of_order: list[str] = field(default_factory=list)


def tally(output: Path, channel: str, heard: Sequence[Told]) -> Tally:
    """``heard``: the broker's subscriber's."""
    result = Tally()
    journaled = _journaled(output / "journal.sqlite3", result)
    lines = [
        json.loads(line) for path in _alert_files(output / channel) for line in path.read_text(encoding="utf-8").splitlines()
    ]
    written = [_told(line["type"], line["highlight"]) for line in lines]
    result.alerts = len(journaled)
    result.repeats = len(heard) - len(set(heard))
    _compare("alerts.jsonl", journaled, written, result)
    _compare("the broker", journaled, heard, result)
    _series(journaled, result)
    _clips(output / channel, lines, result)
    return result


def _journaled(path: Path, result: Tally) -> list[Told]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        states = database.execute("SELECT id, state FROM highlights").fetchall()
        events = database.execute("SELECT type, payload FROM events ORDER BY sequence").fetchall()
    finally:
        database.close()
    result.highlights = len(states)
    result.lost += [f"highlight {identity} was never finished: {state}" for identity, state in states if state != "done"]
    ended = {json.loads(payload)["id"] for kind, payload in events if kind == "end"}
    result.lost += [f"highlight {identity} has no end" for identity, _ in states if identity not in ended]
    return [_told(kind, json.loads(payload)) for kind, payload in events]


def _compare(who: str, journaled: Sequence[Told], got: Sequence[Told], result: Tally) -> None:
    """All that was journaled, at least once each, and each for the first time in the journal's order."""
    firsts = list(dict.fromkeys(got))
    missing = set(journaled) - set(firsts)
    result.lost += [f"{who} never got {kind} of {identity}" for kind, identity, _ in missing]
    places = {alert: place for place, alert in enumerate(journaled)}
    order = [places[alert] for alert in firsts if alert in places]
    if order != sorted(order):
        result.out_of_order.append(who)
    strangers = [alert for alert in firsts if alert not in places]
    result.broken += [f"{who} got {kind} of {identity}, which no journal knows" for kind, identity, _ in strangers]


def _series(journaled: Iterable[Told], result: Tally) -> None:
    """Of each highlight: `new` first and once, `end` last and once."""
    kinds: dict[str, list[str]] = {}
    for kind, identity, _ in journaled:
        kinds.setdefault(identity, []).append(kind)
    for identity, series in kinds.items():
        if series[0] != "new" or series[-1] != "end" or series.count("new") != 1 or series.count("end") != 1:
            result.out_of_order.append(f"{identity}: {' '.join(series)}")


def _clips(folder: Path, lines: Iterable[dict[str, Any]], result: Tally) -> None:
    clips, known = set(), set()
    for line in lines:
        if line["type"] != "end":
            continue
        highlight = line["highlight"]
        if highlight.get("clip") is None:
            result.reasons[_class_of(str(highlight.get("clip_reason")))] += 1
            continue
        clip = Path(highlight["filename"])
        pictures = {highlight["picture"]} if highlight.get("picture") is not None else set()
        clips.add(clip.name)
        known |= {clip.name, clip.with_suffix(".json").name, *pictures}
    result.clips = len(clips)
    for name in sorted(known):
        path = folder / name
        if not path.exists():
            result.broken.append(f"{name} is not there")
        elif path.suffix != ".jpg" and not is_whole(path):
            result.broken.append(f"{name} is not whole")
    there = {path.name for path in folder.iterdir() if path.is_file()}
    result.broken += [f"{name} belongs to nothing" for name in sorted(there - known) if not name.startswith("alerts.")]
    spools = folder / ".spool"
    result.broken += [f"{path.name} was left behind" for path in (spools.iterdir() if spools.is_dir() else ())]


def _alert_files(folder: Path) -> list[Path]:
    """Older ones first."""
    return [path for name in ("alerts.1.jsonl", "alerts.jsonl") if (path := folder / name).exists()]


def _class_of(reason: str) -> str:
    """The reason without what differs from one highlight to the next."""
    return " ".join(word for word in reason.split() if not any(character.isdigit() for character in word))


def _told(kind: str, highlight: dict[str, Any]) -> Told:
    return kind, highlight["id"], json.dumps(highlight, sort_keys=True)
