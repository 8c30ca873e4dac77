"""The main job end to end on small recordings: what is found, what lies on disk afterwards, and how it ends."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clip_reader import play
from tests.media_maker import FPS
from tests.program import LIGHT, Done, alerts, files, run, script, sidecars, start

LIVELY = [(12.0, 18.0), (30.0, 33.0)]
SIDECAR_NAMES = {
    *("schema", "id", "filename", "source_video", "start_time", "end_time", "duration", "peak_time", "clip_start_time"),
    *("clip_duration", "started_at", "score", "threshold", "components", "windows", "clip", "parameters"),
}


@pytest.fixture(scope="module")
def watched(made: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """One run over 40 s with two lively moments: how it ended, and its output folder."""
    folder = tmp_path_factory.mktemp("watched")
    done = run(
        *("--stream", made("h264 in ts", seconds=40), "--output", folder / "out", "--config", script(folder, LIVELY)), *LIGHT
    )
    return done, folder / "out"


def channel_of(output: Path) -> Path:
    (channel,) = (path for path in output.iterdir() if path.is_dir())
    return channel


# ---- what is found and written ---------------------------------------------------------------------------------------


def test_the_chase_and_the_dragon_are_found(media: Callable[[str], Path], tmp_path: Path) -> None:
    trailer = media("sintel_trailer_480p.mp4")
    done = run("--stream", trailer, "--output", tmp_path, "--set", "peaks.warmup_seconds=0", *LIGHT)
    assert done.code == 0
    found = sidecars(channel_of(tmp_path))
    assert any(clip["start_time"] < 34 and clip["end_time"] > 20 for clip in found)
    assert "[Stream Processor] Ending the stream, exiting." in done.lines_said


def test_each_lively_moment_becomes_a_clip_a_picture_and_a_sidecar_and_nothing_else_remains(
    watched: tuple[Done, Path],
) -> None:
    done, output = watched
    assert done.code == 0
    channel = channel_of(output)
    names = [Path(name) for name in files(channel)]
    stems = sorted({name.stem for name in names if name.name != "alerts.jsonl"})
    assert len(stems) == 2
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{20}-\d+-\d+", stem) for stem in stems)
    assert names == sorted(
        [Path("alerts.jsonl"), *(Path(stem + suffix) for stem in stems for suffix in (".mp4", ".jpg", ".json"))]
    )
    assert [name for name in files(output) if "/" not in name and not name.startswith("journal.sqlite3")] == []


def test_the_highlights_are_where_it_was_lively(watched: tuple[Done, Path]) -> None:
    found = sidecars(channel_of(watched[1]))
    for clip, (begins, ends) in zip(found, LIVELY, strict=True):
        assert abs(clip["start_time"] - begins) <= 2
        assert abs(clip["end_time"] - ends) <= 2
        assert begins <= clip["peak_time"] <= ends


def test_each_clip_plays_and_covers_its_highlight_and_what_finishing_has_added_to_it(watched: tuple[Done, Path]) -> None:
    channel = channel_of(watched[1])
    for told in sidecars(channel):
        played = play(channel / told["filename"])
        assert played.first_is_key
        assert played.times[0] == 0.0
        assert all(abs(late) <= 0.04 for late in played.out_of_step_seconds())
        assert played.numbers[0] == round(told["clip_start_time"] * FPS)
        planned = told["clip_planned"]
        assert planned["start_time"] <= told["start_time"]
        assert planned["end_time"] >= told["end_time"]
        assert played.numbers[0] <= round(planned["start_time"] * FPS, 3)
        assert played.numbers[-1] + 1 >= round(planned["end_time"] * FPS, 3)
        assert told["clip_duration"] == pytest.approx(len(played.times) / FPS, abs=0.1)


def test_the_sidecar_has_the_designs_names_in_strict_json(watched: tuple[Done, Path]) -> None:
    for told in sidecars(channel_of(watched[1])):
        assert set(told) >= SIDECAR_NAMES
        assert set(told["clip"]) == {"codec", "width", "height", "fps", "audio", "cut"}
        assert set(told["components"]) == {"motion", "novelty", "loudness"}
        assert told["windows"]
        assert all(set(window) >= {"start_time", "end_time", "score", "components"} for window in told["windows"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["started_at"])
        assert told["duration"] == pytest.approx(told["end_time"] - told["start_time"])
        assert told["score"] >= told["threshold"]
        assert told["parameters"]["window"] == {"length_seconds": 2.0, "hop_seconds": 1.0}


def test_alerts_are_new_then_updates_then_one_end_that_carries_the_clip(watched: tuple[Done, Path]) -> None:
    channel = channel_of(watched[1])
    told = alerts(channel)
    assert [alert["sequence"] for alert in told] == list(range(1, len(told) + 1))
    for clip in sidecars(channel):
        own = [alert for alert in told if alert["highlight"]["id"] == clip["id"]]
        types = [alert["type"] for alert in own]
        assert types == ["new", *["update"] * (len(types) - 2), "end"]
        assert own[-1]["highlight"] == clip
        assert all(alert["highlight"]["start_time"] == clip["start_time"] for alert in own)


def test_the_journal_knows_the_run_every_pane_and_each_highlight(watched: tuple[Done, Path]) -> None:
    _, output = watched
    database = sqlite3.connect(output / "journal.sqlite3")
    try:
        assert database.execute("SELECT count(*) FROM runs WHERE ended_at IS NOT NULL").fetchone() == (1,)
        numbers = [number for (number,) in database.execute("SELECT number FROM panes ORDER BY id")]
        states = [state for (state,) in database.execute("SELECT state FROM highlights")]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) in (40, 41)
        assert states == ["done", "done"]
        assert database.execute("SELECT count(*) FROM epochs").fetchone() == (1,)
    finally:
        database.close()


def test_the_summary_says_what_was_seen_found_and_written_and_that_nothing_waits(watched: tuple[Done, Path]) -> None:
    out = watched[0].out
    assert re.search(r"watched 0:40 of made-40s in \d:\d\d", out)
    assert "found 2 highlights, wrote 2 clips" in out
    assert "wait for their sink" not in out


def test_black_and_silence_give_nothing_and_a_reason(media: Callable[[str], Path], tmp_path: Path) -> None:
    black = media("odd/media3_silent_black_25s.mp4")
    done = run("--stream", black, "--output", tmp_path, "--set", "peaks.warmup_seconds=0", *LIGHT)
    assert done.code == 0
    assert "nothing found: the stream is flat" in done.out
    assert not [name for name in files(tmp_path) if not name.startswith("journal")]


# ---- the same again --------------------------------------------------------------------------------------------------


def decisions(output: Path) -> list[dict[str, Any]]:
    """All that was decided, without what differs between any two runs: ids, and the names made of them."""
    changing = ("id", "filename", "picture")
    told_of = sidecars(channel_of(output))
    run_ids = {told["id"].partition("-")[0] for told in told_of}  # a repeat names another highlight
    same = [json.loads(re.sub("|".join(run_ids), "RUN", json.dumps(told))) for told in told_of]
    found = [{key: value for key, value in told.items() if key not in changing} for told in same]
    return [{**told, "id": json.dumps(told["start_time"])} for told in found]


def panes(output: Path) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(output / "journal.sqlite3")
    try:
        columns = "epoch, number, duration_seconds, signal, total, count"
        return database.execute(f"SELECT {columns} FROM panes JOIN sums ON pane_id = id ORDER BY id, position").fetchall()
    finally:
        database.close()


def test_the_same_file_twice_is_judged_the_same(watched: tuple[Done, Path], made: Callable[..., Path], tmp_path: Path) -> None:
    path = made("h264 in ts", seconds=40)
    run("--stream", path, "--output", tmp_path / "out", "--config", script(tmp_path, LIVELY), *LIGHT)
    assert decisions(tmp_path / "out") == decisions(watched[1])
    assert panes(tmp_path / "out") == panes(watched[1])


@pytest.mark.slow
def test_at_live_pace_it_takes_as_long_as_it_lasts_and_is_judged_the_same(made: Callable[..., Path], tmp_path: Path) -> None:
    outputs = {}
    for pace in ("fast", "live"):
        outputs[pace] = tmp_path / pace
        began = time.monotonic()
        config = script(tmp_path, [(2.0, 4.0)])
        done = run(
            "--stream", made("h264 in ts", seconds=5), "--output", outputs[pace], "--config", config, "--pace", pace, *LIGHT
        )
        took = time.monotonic() - began
        assert done.code == 0
        assert took >= 4.5 or pace == "fast"
    assert len(decisions(outputs["fast"])) == 1
    assert decisions(outputs["live"]) == decisions(outputs["fast"])
    assert panes(outputs["live"]) == panes(outputs["fast"])


def test_duration_ends_a_run_that_would_go_on(made: Callable[..., Path], tmp_path: Path) -> None:
    path = made("h264 in ts", seconds=40)
    began = time.monotonic()
    done = run("--stream", path, "--output", tmp_path, "--pace", "live", "--duration", "1.5", *LIGHT)
    assert done.code == 0
    assert time.monotonic() - began < 20
    seconds = int(re.search(r"watched 0:(\d\d) of", done.out)[1])  # type: ignore[index]
    assert 1 <= seconds <= 5


# ---- streams that lack something -------------------------------------------------------------------------------------


def test_sound_alone_is_judged_by_its_loudness_and_that_is_said_once(media: Callable[[str], Path], tmp_path: Path) -> None:
    done = run("--stream", media("odd/audio_only_in_mp4_52s.mp4"), "--output", tmp_path, *LIGHT)
    assert done.code == 0
    assert done.lines_said.count("the stream has no picture") == 1
    scored = {signal for _, _, _, signal, _, count in panes(tmp_path) if count}
    assert scored == {"loudness"}


def test_picture_alone_is_judged_without_loudness_and_that_is_said_once(made: Callable[..., Path], tmp_path: Path) -> None:
    config = script(tmp_path, [(3.0, 5.0)], loudness={"weight": 0.5})
    done = run("--stream", made("h264 without sound"), "--output", tmp_path / "out", "--config", config, *LIGHT)
    assert done.code == 0
    assert done.lines_said.count("the stream has no sound") == 1
    (told,) = sidecars(channel_of(tmp_path / "out"))
    assert told["absent_signals"] == ["loudness"]
    assert told["clip"]["audio"] is None


# ---- what cannot be done is said in one line -------------------------------------------------------------------------


def one_error_line(done: Done, code: int = 1) -> str:
    assert done.code == code, done.lines_said
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.lines_said
    return line


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    line = one_error_line(run("--stream", tmp_path / "no.mp4", "--output", tmp_path / "out", *LIGHT))
    assert line == f"error: {tmp_path / 'no.mp4'}: No such file or directory"


def test_a_file_without_anything_to_score(media: Callable[[str], Path], tmp_path: Path) -> None:
    line = one_error_line(run("--stream", media("odd/media3_ts/sample_ac4.ts"), "--output", tmp_path, *LIGHT))
    assert line.endswith("sample_ac4.ts: no video or audio stream that can be decoded")


def test_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a film\n" * 1000)
    assert "notes.txt" in one_error_line(run("--stream", tmp_path / "notes.txt", "--output", tmp_path / "out", *LIGHT))


def test_an_output_folder_that_cannot_be_written(made: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    line = one_error_line(run("--stream", made("h264 in mp4"), "--output", tmp_path / "file" / "out", *LIGHT))
    assert line == f"error: output folder {tmp_path / 'file' / 'out'} cannot be written: Not a directory"


def test_two_programs_for_one_output_folder(made: Callable[..., Path], tmp_path: Path) -> None:
    with start("--stream", "-", "--output", tmp_path, *LIGHT) as first:
        try:
            wait_for((tmp_path / "journal.sqlite3").exists)
            assert str(tmp_path) in one_error_line(run("--stream", made("h264 in mp4"), "--output", tmp_path, *LIGHT))
        finally:
            first.kill()


# ---- interrupted -----------------------------------------------------------------------------------------------------


def wait_for(holds: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture
def open_highlight(made: Callable[..., Path], tmp_path: Path) -> Callable[[], "subprocess.Popen[bytes]"]:
    """The program watching a pipe that stays open, with a highlight that is open: it began at 12 s and goes on."""

    def begin() -> "subprocess.Popen[bytes]":
        config = script(tmp_path, [(12.0, 1000.0)], peaks={"max_seconds": 600.0})
        process = start("--stream", "-", "--output", tmp_path / "out", "--config", config, *LIGHT, stderr=subprocess.STDOUT)
        assert process.stdin is not None
        # Were more than half of it lively, that would be the usual thing, and the highlight would close by itself.
        process.stdin.write(made("h264 in ts", seconds=22).read_bytes())
        process.stdin.flush()
        spool = tmp_path / "out" / "pipe" / ".spool"
        told = tmp_path / "out" / "pipe" / "alerts.jsonl"
        wait_for(
            lambda: (
                process.poll() is not None or (told.exists() and any(path.stat().st_size > 2000 for path in spool.glob("*.mkv")))
            )
        )
        assert process.poll() is None, process.communicate()[0].decode()
        return process

    return begin


def assert_that_the_highlight_was_closed_and_written(channel: Path) -> None:
    (told,) = sidecars(channel)
    assert told["start_time"] == pytest.approx(12.0, abs=2)
    assert told["end_time"] > told["start_time"]
    played = play(channel / told["filename"])
    assert played.first_is_key
    assert played.times[0] == 0.0
    assert played.numbers[-1] + 1 >= int(told["end_time"] * FPS)  # the sound may end within a frame's time of the picture
    types = [alert["type"] for alert in alerts(channel)]
    assert types.count("end") == 1
    assert types[-1] == "end"
    assert files(channel / ".spool") == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_closes_and_writes_what_is_open(
    open_highlight: Callable[[], "subprocess.Popen[bytes]"], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with open_highlight() as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    text = out.decode()
    assert process.returncode == code, text
    assert "Traceback" not in text
    assert "[Stream Processor] Ending the stream, exiting." in text
    assert_that_the_highlight_was_closed_and_written(tmp_path / "out" / "pipe")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_after_a_kill_the_next_start_completes_the_highlight(
    open_highlight: Callable[[], "subprocess.Popen[bytes]"], made: Callable[..., Path], tmp_path: Path
) -> None:
    with open_highlight() as process:
        process.kill()
    channel = tmp_path / "out" / "pipe"
    assert files(channel / ".spool") != []
    assert sidecars(channel) == []
    done = run("--stream", made("h264 in mp4"), "--output", tmp_path / "out", *LIGHT)
    assert done.code == 0
    assert "completed a highlight of an earlier run" in done.lines_said
    (told,) = sidecars(channel)
    played = play(channel / told["filename"])
    assert played.first_is_key
    assert played.times[0] == 0.0
    assert all(abs(late) <= 0.04 for late in played.out_of_step_seconds())
    types = [alert["type"] for alert in alerts(channel)]
    assert (types[0], types[-1], types.count("end")) == ("new", "end", 1)
    assert files(channel / ".spool") == []


def test_the_pipe_is_closed_when_the_stream_ends(made: Callable[..., Path], tmp_path: Path) -> None:
    config = script(tmp_path, [(3.0, 5.0)])
    with start("--stream", "-", "--output", tmp_path / "out", "--config", config, *LIGHT) as process:
        out, err = process.communicate(made("h264 in ts").read_bytes(), timeout=60)
    assert process.returncode == 0, err
    assert b"found 1 highlight, wrote 1 clip" in out
    assert files(tmp_path / "out" / "pipe" / ".spool") == []
