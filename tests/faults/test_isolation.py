"""Parts from outside that do what they may not: it costs what they were asked for, is counted and said, and the stream goes on.

The real program each time; beside the odd part stands a scripted one that finds its moment all the same.
"""

import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.clip_reader import play
from tests.faults.live_world import LiveWorld, live_world
from tests.faults.odd_parts import CUTTER_FAULTS, SCORER_FAULTS, SINK_FAULTS
from tests.faults.watched import DEADLINE_SECONDS, wait_until
from tests.program import LIGHT, Done, alerts, run, script, sidecars

ODD = "tests.faults.odd_parts"
LIVELY = [(3.0, 5.0)]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def film(made: Callable[..., Path]) -> Path:
    return made("h264 in mp4")


def watch(folder: Path, film: Path, **sections: dict[str, Any]) -> Done:
    return run("--stream", film, "--output", folder / "out", "--config", script(folder, LIVELY, **sections), *LIGHT)


def channel(folder: Path) -> Path:
    (found,) = (path for path in (folder / "out").iterdir() if path.is_dir())
    return found


def assert_found(folder: Path, done: Done) -> None:
    assert done.code == 0, done.lines_said
    (told,) = sidecars(channel(folder))
    assert told["start_time"] == pytest.approx(3.0, abs=1.0)
    assert play(channel(folder) / told["filename"]).first_is_key
    types = [alert["type"] for alert in alerts(channel(folder))]
    assert (types[0], types[-1], types.count("end")) == ("new", "end", 1)


def test_whatever_scorers_do_costs_each_its_own_signal_alone(film: Path, tmp_path: Path) -> None:
    sections: dict[str, dict[str, Any]] = {}
    for how in SCORER_FAULTS:
        sections[f"scorers.{how}"] = {"kind": f"{ODD}:OddScorer", "weight": 0.0001}
        sections[f"scorers.{how}.options"] = {"how": how}
    done = watch(tmp_path, film, **sections)
    assert_found(tmp_path, done)
    assert "scorer failed" in done.lines_said  # for each of them, as far as the log lets the same words come in at once
    with closing(sqlite3.connect(tmp_path / "out" / "journal.sqlite3")) as journal:
        measured = dict(journal.execute("SELECT signal, sum(count > 0) FROM sums GROUP BY signal"))
    assert measured == {"motion": 8, "novelty": 8, "loudness": 8, "nuisance": 8, **dict.fromkeys(SCORER_FAULTS, 2)}
    (told,) = sidecars(channel(tmp_path))
    assert told["components"]["motion"] == pytest.approx(1.0, abs=0.3), "another scorer wrote into its picture"


def test_whatever_sinks_do_costs_each_its_own_alerts_alone(film: Path, tmp_path: Path) -> None:
    sections: dict[str, dict[str, Any]] = {}
    for how in SINK_FAULTS:
        sections[f"sinks.{how}"] = {"kind": f"{ODD}:OddSink"}
        sections[f"sinks.{how}.options"] = {"how": how}
    done = watch(tmp_path, film, **sections)
    assert_found(tmp_path, done)
    for how in ("raises", "exits", "cancelled"):
        assert 1 <= sum("a sink failed" in line and f"sink={how}" in line for line in done.lines_said.splitlines()) <= 2
    assert "not delivered yet" in done.out


@pytest.mark.parametrize("how", CUTTER_FAULTS)
def test_whatever_a_cutter_does_costs_its_own_clip_alone(film: Path, tmp_path: Path, how: str) -> None:
    done = watch(tmp_path, film, clip={"kind": f"{ODD}:OddCutter"}, **{"clip.options": {"how": how}})
    assert done.code == 0, done.lines_said
    last = alerts(channel(tmp_path))[-1]
    assert (last["type"], last["highlight"]["clip"]) == ("end", None)
    assert "Error" in last["highlight"]["clip_reason"]
    assert "1 clips could not be written" in done.out


def test_a_detector_that_fails_again_and_again_leaves_the_stream_going_and_says_so_once(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    #  windows   0 1 ✗ 3 4 5 ✗ 7 ▇▇ ✗ …         highlights as far as it lets them be
    done = watch(tmp_path, made("h264 in mp4"), peaks={"kind": f"{ODD}:OddPeaks"}, **{"peaks.options": {"every": 3}})
    assert done.code == 0, done.lines_said
    assert done.lines_said.count("the normaliser or the detector failed") == 1
    assert "watched 0:08" in done.out
    told = (
        alerts(channel(tmp_path))
        if (tmp_path / "out").exists() and any(path.is_dir() for path in (tmp_path / "out").iterdir())
        else []
    )
    for highlight_id in {alert["highlight"]["id"] for alert in told}:
        types = [alert["type"] for alert in told if alert["highlight"]["id"] == highlight_id]
        assert (types[0], types[-1]) == ("new", "end")


def test_a_normaliser_that_cannot_say_what_it_lacks_costs_nothing_but_those_words(film: Path, tmp_path: Path) -> None:
    done = watch(tmp_path, film, saliency={"kind": f"{ODD}:Silent"})
    assert_found(tmp_path, done)
    assert "the normaliser does not say which signals it lacks" in done.lines_said


def test_a_card_that_is_lost_costs_a_fall_that_is_said_and_journaled(film: Path, tmp_path: Path) -> None:
    done = watch(tmp_path, film, motion={"kind": f"{ODD}:ladder"})
    assert done.code == 0, done.lines_said
    assert done.lines_said.count("motion is measured by plain on the CPU from now on") == 1
    assert "scorer failed" not in done.lines_said
    with closing(sqlite3.connect(tmp_path / "out" / "journal.sqlite3")) as journal:
        fallen = [json.loads(text) for (text,) in journal.execute("SELECT fallen FROM panes WHERE fallen IS NOT NULL")]
        (panes,) = journal.execute("SELECT count(*) FROM sums WHERE signal = 'motion' AND count > 0").fetchone()
    assert fallen == [{"motion": "plain"}]
    assert panes == 8


def test_a_channel_that_dies_of_a_bug_completes_what_it_had_open_begins_again_and_harms_no_other(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path
) -> None:
    #  x   highlight opens ✗ its clip, its end │ waits │ begins again, a run of its own ── highlight
    #  y   highlight ─────────────────────────────────────────────────────────────────────────────
    channels = {"x": {"saliency": {"kind": f"{ODD}:BreaksDown"}}, "y": {}}
    with live_world(tmp_path, made("h264 in flv", seconds=60), need_program, channels) as world:
        program = world.start("--forever")
        try:
            wait_until(lambda: program.poll() is not None or len(ended(world, "x")) >= 2, "another highlight of x")
            assert program.poll() is None, world.said
            program.send_signal(signal.SIGTERM)
            assert program.wait(DEADLINE_SECONDS) == 0, world.said
        finally:
            program.kill()
            program.wait()
        assert world.said.count("the channel has failed, and begins again in") == 1
        assert "the channel has failed" not in "".join(line for line in world.said.splitlines() if "channel=y" in line)
        assert [len(world.rows(f"SELECT id FROM runs WHERE channel = '{name}'")) for name in ("x", "y")] == [2, 1]
        assert ended(world, "x")[0]["clip"] is not None
        world.all_heard()


def ended(world: LiveWorld, name: str) -> list[dict[str, Any]]:
    path = world.output / name / "alerts.jsonl"
    return [alert["highlight"] for alert in alerts(path.parent) if alert["type"] == "end"] if path.exists() else []
