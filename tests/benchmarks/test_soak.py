"""The soak's judgement, on small journals and folders in which one thing each is wrong; and its encoder's bad days."""

import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak_encoder import FAULTS, Day, damaged
from benchmarks.soak_files import is_whole
from benchmarks.soak_observer import Answer, Judged, Sums, judge
from benchmarks.soak_stalls import seconds_to_notice
from benchmarks.soak_tally import Tally, tally
from benchmarks.soak_world import End

CHANNEL = "channel"
CLIP, PICTURE = "20261120T201500Z-a.mp4", "20261120T201500Z-a.jpg"
ALERTS: list[tuple[str, dict[str, Any]]] = [
    ("new", {"id": "a", "score": 0.5}),
    ("update", {"id": "a", "score": 0.7}),
    ("end", {"id": "a", "score": 0.7, "clip": {"codec": "h264"}, "filename": CLIP, "picture": PICTURE}),
]


class Left:
    """What a soak left behind, all of it as it should be, until a test spoils it."""

    def __init__(self, output: Path, film: Path) -> None:
        self.output = output
        self.folder = output / CHANNEL
        self.folder.mkdir(parents=True)
        self.clip = self.folder / CLIP
        self.clip.write_bytes(film.read_bytes())
        self.clip.with_suffix(".json").write_text("{}")
        self.clip.with_suffix(".jpg").write_bytes(b"picture")
        self.journaled = list(ALERTS)
        self.written = list(ALERTS)
        self.heard = list(ALERTS)
        self.state = "done"

    def tally(self) -> Tally:
        with sqlite3.connect(self.output / "journal.sqlite3") as journal:
            journal.execute("CREATE TABLE highlights (id, state)")
            journal.execute("CREATE TABLE events (sequence INTEGER PRIMARY KEY, type, payload)")
            journal.execute("INSERT INTO highlights VALUES ('a', ?)", (self.state,))
            rows = [(kind, json.dumps(highlight)) for kind, highlight in self.journaled]
            journal.executemany("INSERT INTO events (type, payload) VALUES (?, ?)", rows)
        lines = [json.dumps({"type": kind, "highlight": highlight}) + "\n" for kind, highlight in self.written]
        (self.folder / "alerts.jsonl").write_text("".join(lines))
        told = [(kind, highlight["id"], json.dumps(highlight, sort_keys=True)) for kind, highlight in self.heard]
        return tally(self.output, CHANNEL, told)


@pytest.fixture
def left(tmp_path: Path, made: Callable[..., Path]) -> Left:
    return Left(tmp_path / "out", made("h264 in mp4"))


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def troubles(result: Tally) -> list[str]:
    return [*result.lost, *result.broken, *result.out_of_order]


def test_where_nothing_is_wrong_nothing_is_found(left: Left) -> None:
    left.heard.insert(2, ALERTS[1])  # at least once: twice is well
    result = left.tally()
    assert troubles(result) == []
    assert (result.highlights, result.alerts, result.clips, result.repeats) == (1, 3, 1, 1)


SPOILT: dict[str, tuple[Callable[[Left], object], str]] = {
    "an alert that the broker never got": (lambda left: left.heard.pop(1), "the broker never got update of a"),
    "a line that is missing in alerts.jsonl": (lambda left: left.written.pop(0), "alerts.jsonl never got new of a"),
    "alerts out of order": (lambda left: left.heard.reverse(), "the broker"),
    "an alert of nobody": (
        lambda left: left.heard.append(("new", {"id": "b"})),
        "the broker got new of b, which no journal knows",
    ),
    "an update after the end": (
        lambda left: left.journaled.append(("update", {"id": "a", "score": 9})),
        "a: new update end update",
    ),
    "a highlight without an end": (lambda left: left.journaled.pop(), "highlight a has no end"),
    "a highlight that was never finished": (lambda left: setattr(left, "state", "closing"), "never finished: closing"),
    "a clip that is missing": (lambda left: left.clip.unlink(), f"{CLIP} is not there"),
    "a picture that is missing": (lambda left: left.clip.with_suffix(".jpg").unlink(), "jpg is not there"),
    "half a clip": (lambda left: spoil(left.clip), f"{CLIP} is not whole"),
    "half a sidecar": (lambda left: left.clip.with_suffix(".json").write_text('{"id": '), "json is not whole"),
    "a file that belongs to nothing": (lambda left: (left.folder / f".{CLIP}.part").touch(), "belongs to nothing"),
    "a spool that was left behind": (lambda left: spool(left.folder), "a.mkv was left behind"),
}


def spool(folder: Path) -> None:
    (folder / ".spool").mkdir()
    (folder / ".spool" / "a.mkv").touch()


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_wrong_is_found(what: str, left: Left) -> None:
    do, said = SPOILT[what]
    do(left)
    found = troubles(left.tally())
    assert [trouble for trouble in found if said in trouble], found


def test_why_there_is_no_clip_is_counted_without_what_differs(left: Left) -> None:
    gone = {"id": "a", "clip": None, "reason": "motion 4.0", "clip_reason": "the ring was too small: 17 packets are gone"}
    for alerts in (left.journaled, left.written, left.heard):
        alerts[-1] = ("end", gone)
    for path in (left.clip, left.clip.with_suffix(".jpg"), left.clip.with_suffix(".json")):
        path.unlink()
    result = left.tally()
    assert troubles(result) == []
    assert dict(result.reasons) == {"the ring was too small: packets are gone": 1}


def test_a_clip_of_which_no_picture_could_be_taken_promises_none(left: Left) -> None:
    for alerts in (left.journaled, left.written, left.heard):
        alerts[-1] = ("end", {**ALERTS[-1][1], "picture": None})
    left.clip.with_suffix(".jpg").unlink()
    assert troubles(left.tally()) == []


@pytest.mark.parametrize("recipe", ["h264 in mp4", "h264 in mkv"])
def test_half_a_file_is_told_from_a_whole_one(recipe: str, made: Callable[..., Path], tmp_path: Path) -> None:
    whole = made(recipe)
    half = tmp_path / f"half{whole.suffix}"
    half.write_bytes(whole.read_bytes())
    assert is_whole(half)
    spoil(half)
    assert not is_whole(half)
    assert not is_whole(tmp_path / "gone.mp4")


# ---- the encoder -----------------------------------------------------------------------------------------------------


@given(data=st.binary(min_size=1, max_size=3000), seed=st.integers())
def test_damage_keeps_the_length_and_leaves_the_data_itself_alone(data: bytes, seed: int) -> None:
    before = bytes(data)
    changed = damaged(data, random.Random(seed))
    assert len(changed) == len(data)
    assert data == before
    assert sum(one != other for one, other in zip(changed, data, strict=True)) <= 1 + len(data) // 400


def lived(seed: int) -> list[tuple[float, str | None, bool, bool, float]]:
    day = Day(random.Random(seed))
    times = [number / 5 for number in range(5 * 1900)]
    return [(at, day.strikes(at), day.sends(at, is_key=False), day.damages(at), day.jump_seconds) for at in times]


def test_the_seed_decides_what_befalls_an_encoder() -> None:
    assert lived(7) == lived(7)
    assert lived(7) != lived(8)
    faults = {fault for seed in range(40) for _, fault, *_ in lived(seed) if fault is not None}
    assert faults == set(FAULTS)


def test_what_a_fault_does_lasts_for_its_time() -> None:
    """A hole sends nothing, garbage damages, timestamps stay ahead once they have jumped."""
    for seed in range(40):
        life = lived(seed)
        holes = [at for at, _, sends, _, _ in life if not sends]
        begun = {kind: [at for at, fault, *_ in life if fault == kind] for kind in FAULTS}
        assert bool(holes) == bool(begun["hole"])
        assert all(any(0 <= at - begin <= 15.0 for begin in begun["hole"]) for at in holes)
        assert any(damages for _, _, _, damages, _ in life) == bool(begun["garbage"])
        jumps = [jump for *_, jump in life]
        assert jumps == sorted(jumps)
        assert len(set(jumps)) == 1 + len(begun["jumps"])


# ---- who looks on ----------------------------------------------------------------------------------------------------


def log(at: float, event: str) -> dict[str, Any]:
    return {"type": "log", "time": f"1970-01-01T00:{int(at) // 60:02}:{at % 60:06.3f}Z", "event": event}


def test_a_silence_is_noticed_so_many_seconds_after_it_began() -> None:
    #  encoder   stalls 100          stalls 200    stalls 300
    #  program        broke off 105       restarted     (nothing)
    encoder = [
        {"what": what, "at": at} for what, at in (("stalls", 100.0), ("hole", 150.0), ("stalls", 200.0), ("stalls", 300.0))
    ]
    program = [
        log(90.0, "the stream broke off"),
        log(105.5, "the stream broke off"),
        {"type": "progress"},
        log(203.0, "computes with 2 threads"),
        log(204.0, "the stream broke off"),
        log(399.0, "the stream broke off"),
    ]
    assert seconds_to_notice(encoder, program) == [5.5, None, None]


def test_answers_that_are_slow_or_wrong_are_counted_and_those_of_a_program_that_sleeps_are_not() -> None:
    #  asleep               10────20 settles 25
    #  answers   1 2 3   9──────11         24     30──33
    answers = [
        Answer("/healthz", 1.0, 1.1, 200),
        Answer("/readyz", 2.0, 2.1, 503),
        Answer("/healthz", 3.0, 3.1, 503),
        Answer("/healthz", 9.0, 20.5, 200),
        Answer("/healthz", 24.0, 24.1, 503),
        Answer("/metrics", 30.0, 33.0, 200),
        Answer("/metrics", 40.0, 40.1, None),
    ]
    assert judge(answers, [(10.0, 20.0)], 5.0) == Judged(4, [("/metrics", 3.0)], [("/healthz", 503)])


def test_counters_of_many_lives_are_added_up() -> None:
    def scrape(began: int, lost: int, frames: int) -> str:
        return (
            f'clip_highlights_reconnects_total{{channel="a",reason="stalled"}} {lost}.0\n'
            'clip_highlights_reconnects_total{channel="a",reason="reset"} 0.0\n'
            f'clip_highlights_frames_dropped_total{{channel="a"}} {frames}.0\nprocess_start_time_seconds {began}.5\n'
        )

    sums = Sums()
    for text in (scrape(1, 1, 7), scrape(1, 2, 9), scrape(2, 0, 0), scrape(2, 5, 1), scrape(3, 6, 1)):
        sums.take(text)
    assert sums.total("reconnects") == {"stalled": 13}
    assert sums.total("frames_dropped") == {"": 11}


@pytest.mark.parametrize(
    ("end", "is_in_order"),
    [
        (End(0, 0.5, 30.0, False), True),
        (End(-15, 0.0, 0.2, True), True),
        (End(-15, 0.0, 0.2, False), False),
        (End(-15, 0.0, 30.0, True), False),
        (End(-9, 60.0, 30.0, False), False),
        (End(1, 0.5, 0.2, True), False),
    ],
)
def test_only_a_program_that_cannot_hear_yet_may_end_by_the_signal_itself(end: End, is_in_order: bool) -> None:
    assert end.is_in_order == is_in_order
