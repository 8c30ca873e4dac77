"""Replay decides what the run decided, bit for bit, and says what other settings would have changed."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.clipping.sidecar import highlight_id
from stream_processor.commands.comparison import compare
from stream_processor.commands.replay import Replay, decide, regrouped, replay, show
from stream_processor.deciding.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.errors import JournalError, SettingsError
from stream_processor.journal import Journal
from stream_processor.records import Highlight, PaneScore, Sum, Window, replace
from stream_processor.settings import Settings, WindowSettings
from stream_processor.windows import Windows

STARTED_AT = datetime(2026, 11, 20, tzinfo=UTC)


def stream(seconds: int, bursts: Sequence[int], epoch: int = 0, start: float = 0.0) -> list[PaneScore]:
    """Pane scores of a calm stream with bursts of twelve seconds; the values have no short binary form."""

    def pane(number: int) -> PaneScore:
        burst = 1.0 if any(first <= number < first + 12 for first in bursts) else 0.0
        calm = 0.05 + 0.01 * ((number * 7) % 5) / 3
        sums = {
            "motion": Sum(5 * (calm + burst), 5),
            "novelty": Sum(5 * (calm / 3 + burst / 2), 5),
            "loudness": Sum(90 * calm, 90),
        }
        return PaneScore(epoch, number, start + number, 1.0, sums, is_last=number == seconds - 1)

    return [pane(number) for number in range(seconds)]


async def watch(
    folder: Path, panes: Sequence[PaneScore], *, is_over: bool = True, baseline: Sequence[Window] = ()
) -> list[Highlight]:
    """What the live run does with its journal: the same steps, and everything saved as it is decided."""
    settings = Settings()
    async with Journal.open(folder / "journal.sqlite3") as journal:
        saved = deciding_settings(settings)
        run_id = await journal.begin_run("x", "demo", STARTED_AT, saved, signals={"motion": "farneback"}, baseline=baseline)
        detection = build_detection(
            build_normaliser(settings.saliency, {name: section.weight for name, section in settings.signals.items()}),
            peaks=settings.peaks,
            window=settings.window,
            identify=lambda epoch, window: highlight_id(run_id, epoch, window),
            nuisance=settings.nuisance,
            baseline=baseline,
        )
        for pane in panes:
            await journal.add_pane(run_id, pane)
        highlights = decide(panes, Windows(settings.window), detection, is_over=is_over).highlights
        for highlight in highlights:
            await journal.save_highlight(run_id, "x", highlight, "done")
        if is_over:
            await journal.end_run(run_id)
    return highlights


def changes(result: Replay) -> list[str]:
    assert result.differences is not None
    return [difference.change for difference in result.differences]


# ---- a journal


async def test_with_the_settings_of_the_run_everything_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    two_epochs = [*stream(200, [90, 150]), *stream(101, [60], epoch=1, start=205.4)]
    live = await watch(tmp_path, two_epochs)
    assert len(live) == 3
    result = replay(tmp_path)
    assert list(result.highlights) == live
    assert changes(result) == ["same"] * 3


async def test_a_run_starts_again_from_the_baseline_it_started_from(tmp_path: Path) -> None:
    """After a wild evening a burst is nothing special; without that baseline it would be a highlight."""
    windows = Windows(Settings().window)
    wild = [window for pane in stream(120, range(0, 120, 14)) for window in windows.push(pane)]
    panes = stream(100, [20])
    assert await watch(tmp_path / "warm", panes, baseline=wild) == []
    assert await watch(tmp_path / "cold", panes) != []
    assert changes(replay(tmp_path / "warm")) == []


async def test_waiting_screens_are_decided_again_as_they_were_and_may_be_judged_after_all(tmp_path: Path) -> None:
    def with_screen(panes: Sequence[PaneScore], first: int, end: int) -> list[PaneScore]:
        share = {number: 5.0 if first <= number < end else 0.0 for number in range(len(panes))}
        return [replace(pane, signals={**pane.signals, "nuisance": Sum(share[pane.number], 5)}) for pane in panes]

    live = await watch(tmp_path, with_screen(stream(300, [100, 160, 220]), 150, 190))
    assert len(live) == 2
    result = replay(tmp_path)
    assert list(result.highlights) == live
    assert changes(result) == ["same"] * 2
    assert changes(replay(tmp_path, overrides=["nuisance.kind=off"])).count("added") == 1


def falling(panes: Sequence[PaneScore], at: int, factor: float = 40.0) -> list[PaneScore]:
    """From pane ``at`` on, novelty is measured by another kind, in another unit."""
    return [
        pane
        if pane.number < at
        else replace(
            pane,
            signals={**pane.signals, "novelty": replace(pane.signals["novelty"], total=factor * pane.signals["novelty"].total)},
            fallen={"novelty": "light"} if pane.number == at else {},
        )
        for pane in panes
    ]


@pytest.mark.parametrize("at", [31, 151, 199])
async def test_a_fall_down_the_device_ladder_is_decided_again_as_it_was(at: int, tmp_path: Path) -> None:
    #  bursts       90      150      in warm-up │ in a burst │ with the last pane
    panes = falling(stream(200, [90, 150]), at)
    live = await watch(tmp_path, panes)
    assert len(live) == 2, "the fall itself is none"
    result = replay(tmp_path)
    assert list(result.highlights) == live
    assert changes(result) == ["same"] * 2
    assert result.notes == [f"novelty was measured by light from {at} s on"]


async def test_without_its_journaled_fall_the_run_would_be_decided_otherwise(tmp_path: Path) -> None:
    panes = falling(stream(200, [90, 150]), at=120)
    assert await watch(tmp_path / "told", panes) != await watch(tmp_path / "kept quiet", [replace(p, fallen={}) for p in panes])


async def test_a_run_whose_beginning_the_journal_has_forgotten_says_so(tmp_path: Path) -> None:
    await watch(tmp_path, stream(400, [200]))
    a_day_and_300_s_later = STARTED_AT.timestamp() + 86400.0 + 300.0
    async with Journal.open(tmp_path / "journal.sqlite3", now=lambda: a_day_and_300_s_later) as journal:
        while (await journal.prune(1.0)).panes:
            pass
    assert replay(tmp_path).notes == ["the journal has forgotten what came before 300 s (output.journal_days)"]


async def test_a_run_that_was_cut_off_is_not_decided_further_than_it_was(tmp_path: Path) -> None:
    panes = [replace(pane, is_last=False) for pane in stream(100, [94])]
    live = await watch(tmp_path, panes, is_over=False)
    result = replay(tmp_path)
    assert list(result.highlights) == live
    assert any("has not ended" in note for note in result.notes)


async def test_other_settings_show_what_they_change(tmp_path: Path) -> None:
    await watch(tmp_path, stream(300, [90, 150, 220]))
    assert changes(replay(tmp_path, overrides=["peaks.min_rise=100"])) == ["gone"] * 3
    assert changes(replay(tmp_path, overrides=["peaks.max_seconds=6"])) != ["same"] * 3


async def test_a_file_of_settings_counts_and_set_wins_over_it(tmp_path: Path) -> None:
    await watch(tmp_path, stream(200, [90]))
    (tmp_path / "my.toml").write_text("[peaks]\nmin_rise = 100\n")
    config = tmp_path / "my.toml"
    assert changes(replay(tmp_path, config=config)) == ["gone"]
    default = Settings().peaks.min_rise
    assert changes(replay(tmp_path, config=config, overrides=[f"peaks.min_rise={default}"])) == ["same"]


async def test_a_warmup_longer_than_any_ring_of_packets_may_be_tried(tmp_path: Path) -> None:
    await watch(tmp_path, stream(300, [90]))
    assert len(replay(tmp_path, overrides=["peaks.warmup_seconds=250"]).highlights) == 1


async def test_other_windows_may_be_any_whole_number_of_stored_panes(tmp_path: Path) -> None:
    await watch(tmp_path, stream(300, [90, 150]))
    for length, hop in ((5, 1), (6, 3), (8, 4), (10, 10)):
        windows = [f"window.length_seconds={length}", f"window.hop_seconds={hop}"]
        result = replay(tmp_path, overrides=[*windows, "peaks.smoothing=none"])
        found = [(one.start_seconds, one.end_seconds) for one in result.highlights]
        assert all(any(start < burst + 12 and end > burst for start, end in found) for burst in (90, 150)), (length, hop, found)
    with pytest.raises(SettingsError, match=r"whole multiples of 1 s"):
        replay(tmp_path, overrides=["window.length_seconds=5.5"])


async def test_the_newest_run_is_replayed_unless_another_is_named(tmp_path: Path) -> None:
    first = await watch(tmp_path, stream(200, [90]))
    second = await watch(tmp_path, stream(200, [120]))
    newest = replay(tmp_path / "journal.sqlite3")
    assert list(newest.highlights) == second
    first_run = first[0].id.split("-")[0]
    assert any(first_run in note for note in newest.notes)
    assert list(replay(tmp_path, run_id=first_run).highlights) == first
    with pytest.raises(JournalError, match="no run nonsense"):
        replay(tmp_path, run_id="nonsense")


async def test_an_hour_is_replayed_in_seconds(tmp_path: Path) -> None:
    await watch(tmp_path, stream(3600, list(range(600, 3500, 900))))
    before = time.perf_counter()
    assert set(changes(replay(tmp_path))) == {"same"}
    assert time.perf_counter() - before < 10


async def test_it_reads_beside_a_run_that_is_still_being_written(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        run_id = await journal.begin_run("x", "demo", STARTED_AT, deciding_settings(Settings()), signals={})
        for pane in stream(200, [90]):
            await journal.add_pane(run_id, replace(pane, is_last=False))
        await journal.flush()
        assert len(replay(tmp_path).highlights) == 1


# ---- printing


async def test_the_table_and_the_json_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (live,) = await watch(tmp_path, stream(200, [90]))
    assert show(tmp_path) == 0
    text = capsys.readouterr().out
    assert live.id in text
    assert "1 highlight in 66 windows, exactly as recorded" in text
    assert show(tmp_path, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in told["highlights"]] == [live.id]
    assert told["changes"][0]["change"] == "same"
    assert told["changes"][0]["recorded"]["score"] == live.score
    show(tmp_path, overrides=["peaks.min_rise=100"])
    assert "1 gone" in capsys.readouterr().out


# ---- comparing


def highlight(start: float, end: float, id: str = "a", epoch: int = 0) -> Highlight:
    return Highlight(id, epoch, start, end, start, 1.0, 0.5, {}, {})


def test_highlights_are_matched_by_where_they_lie() -> None:
    r"""
    recorded  [0 10)          [50 60)   [80 90)
    replayed     [5 12)  [30 40)        [80 90)
    """
    differences = compare(
        [highlight(0, 10), highlight(50, 60, "b"), highlight(80, 90, "c")],
        [highlight(5, 12, "d"), highlight(30, 40, "e"), highlight(80, 90, "c")],
    )
    assert [one.change for one in differences] == ["moved", "added", "gone", "same"]


def test_the_same_place_in_another_epoch_is_another_highlight() -> None:
    assert [one.change for one in compare([highlight(0, 10)], [highlight(0, 10, epoch=1)])] == ["gone", "added"]


# ---- larger panes


@given(numbers=st.sets(st.integers(0, 40), min_size=1), size=st.integers(2, 7))
def test_larger_panes_hold_every_sample_once(numbers: set[int], size: int) -> None:
    panes = [PaneScore(0, number, 2.0 + number, 1.0, {"motion": Sum(float(number), 1)}) for number in sorted(numbers)]
    panes[-1] = replace(panes[-1], is_last=True)
    grouped = regrouped(panes, 1.0, float(size))
    assert sum(pane.signals["motion"].count for pane in grouped) == len(numbers)
    assert sum(pane.signals["motion"].total for pane in grouped) == sum(numbers)
    assert [pane.start_seconds for pane in grouped] == [2.0 + pane.number * size for pane in grouped]
    assert [pane.is_last for pane in grouped] == [False] * (len(grouped) - 1) + [True]
    end = grouped[-1].start_seconds + grouped[-1].duration_seconds
    assert end == pytest.approx(panes[-1].start_seconds + 1.0), "the epoch ends where it ended"


@given(size=st.integers(1, 5), length=st.integers(1, 4), falls=st.sets(st.integers(0, 59)))
def test_windows_of_larger_panes_do_not_mix_kinds_either(size: int, length: int, falls: set[int]) -> None:
    #  stored   0 1 2 │ 3 4 5      a fall with pane 2 is one with the larger pane of 0, 1, 2
    panes, kind = [], 0
    for number in range(60):
        kind += number in falls
        sums = {"motion": Sum(float(kind), 1), "loudness": Sum(1.0, 1)}
        panes.append(PaneScore(0, number, float(number), 1.0, sums, fallen={"motion": str(kind)} if number in falls else {}))
    windows = Windows(WindowSettings(length_seconds=size * length, hop_seconds=size))
    covered = 0
    for window in [window for pane in regrouped(panes, 1.0, float(size)) for window in windows.push(pane)]:
        end = int(window.end_seconds)
        assert window.values == {"motion": len([fall for fall in falls if fall < end]), "loudness": 1.0}
        assert window.restarts == ({"motion"} if falls & set(range(covered, end)) else set())
        covered = end


# ---- tables


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_a_table_of_scores_is_decided_by_its_scores(tmp_path: Path) -> None:
    rows = [f"{3 * row},{8.5 if 50 <= row < 55 else 0.1 * (row % 3)}" for row in range(100)]
    result = replay(write(tmp_path / "scores.csv", ["time,score", *rows]))
    (found,) = result.highlights
    assert found.start_seconds < 165
    assert found.end_seconds > 150
    assert result.windows == 100
    assert result.differences is None


def test_a_table_of_signals_goes_through_windows_and_saliency(tmp_path: Path) -> None:
    rows = [f"{row / 2},{0.5 if 240 <= row < 252 else 0.05},,{0.1 + 0.01 * (row % 2)},9" for row in range(400)]
    result = replay(write(tmp_path / "signals.csv", ["time,motion,novelty,loudness,frame", *rows]))
    (found,) = result.highlights
    assert found.start_seconds < 126
    assert found.end_seconds > 120
    assert result.notes == ["columns not used: frame"]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], "empty"),
        (["score", "1"], "row 1: no column named time"),
        (["time;score", "0;1"], "row 1: no column named time"),
        (["time", "1"], "row 1: nothing but time"),
        (["time,score,score", "0,1,1"], "row 1: .*two of one name"),
        (["time,score"], "no rows"),
        (["time,score", "0,1", "1,high"], "row 3: score is not a number: 'high'"),
        (["time,score", "0,nan"], "row 2: score is not a number: 'nan'"),
        (["time,score", "0,1", "5,1", "5,1"], "row 4: time 5 does not rise above 5"),
        (["time,score", "-1,1"], "row 2: time must be"),
        (["time,score", ",1"], "row 2: time must be"),
        (["time,score", "0,1,2"], "row 2: 3 cells under 2 columns"),
        (["time,frame", "0,1"], "neither score nor a signal"),
    ],
)
def test_a_bad_table_is_one_line_that_names_the_row(lines: Sequence[str], error: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=error) as raised:
        replay(write(tmp_path / "bad.csv", lines))
    assert "bad.csv" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda path: None, SettingsError),
        (lambda path: path.write_bytes(bytes(range(256)) * 20), SettingsError),
        (lambda path: path.mkdir(), SettingsError),
    ],
)
def test_what_is_neither_journal_nor_table_is_one_line(
    prepare: Callable[[Path], object], error: type[Exception], tmp_path: Path
) -> None:
    path = tmp_path / "thing"
    prepare(path)
    with pytest.raises(error, match="thing"):
        replay(path)


def test_a_broken_journal_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(JournalError, match="damaged, or not a journal"):
        replay(tmp_path)
    assert path.read_bytes() == b"x" * 5000


def test_a_run_of_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no runs"):
        replay(write(tmp_path / "a.csv", ["time,score", "0,1"]), run_id="1")
