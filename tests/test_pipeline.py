"""From source to sinks when a part fails or is exchanged; the ordinary way is in test_app, each part's own tests beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_processor.clipping.cut import CutJob, FfmpegCutter
from stream_processor.errors import ClipImpossible
from stream_processor.finishing import STEPS
from stream_processor.records import Clip
from stream_processor.settings import Settings
from tests.media_maker import FPS
from tests.program import LIGHT, Done, alerts, files, run, script, sidecars, strict


class RefusingCutter:
    """From outside the repository, as far as the program knows."""

    def cut(self, job: CutJob) -> Clip:
        raise ClipImpossible("the scissors are blunt")


class ShoutingCutter:
    def cut(self, job: CutJob) -> Clip:
        clip = FfmpegCutter().cut(job)
        (job.stem.parent / "shouted.txt").write_text(clip.filename)
        return clip


class BrokenCutter:
    def cut(self, job: CutJob) -> Clip:
        raise ZeroDivisionError("a bug in a cutter")


AS_PLANNED = ("--set", "finishing.steps=[]")


def watch(path: Path, folder: Path, *arguments: str, lively: tuple[float, float] = (3.0, 5.0)) -> Done:
    return run("--stream", path, "--output", folder / "out", "--config", script(folder, [lively]), *LIGHT, *arguments)


def channel(folder: Path) -> Path:
    (found,) = (path for path in (folder / "out").iterdir() if path.is_dir())
    return found


# ---- parts from outside ----------------------------------------------------------------------------------------------


def test_a_cutter_from_outside_cuts(made: Callable[..., Path], tmp_path: Path) -> None:
    watch(made("h264 in mp4"), tmp_path, "--set", "clip.kind=tests.test_pipeline:ShoutingCutter")
    (told,) = sidecars(channel(tmp_path))
    assert (channel(tmp_path) / "shouted.txt").read_text() == told["filename"]


@pytest.mark.parametrize(
    ("setting", "value"), [("clip.kind", "ffmpgeg"), ("saliency.kind", "robust"), ("peaks.kind", "tests.nowhere:Detector")]
)
def test_an_unknown_kind_is_one_line_with_the_setting(
    made: Callable[..., Path], tmp_path: Path, setting: str, value: str
) -> None:
    done = watch(made("h264 in mp4"), tmp_path, "--set", f"{setting}={value}")
    assert done.code == 2
    assert setting in done.err
    assert "Traceback" not in done.lines_said
    assert not any(path.is_dir() for path in tmp_path.glob("out/*"))


# ---- parts that fail -------------------------------------------------------------------------------------------------


def test_a_highlight_without_a_clip_ends_with_the_reason_and_leaves_no_file(made: Callable[..., Path], tmp_path: Path) -> None:
    done = watch(made("h264 in mp4"), tmp_path, "--set", "clip.kind=tests.test_pipeline:RefusingCutter")
    assert done.code == 0
    told = alerts(channel(tmp_path))
    assert told[0]["type"] == "new"
    last = told[-1]["highlight"]
    assert (told[-1]["type"], last["clip"], last["filename"]) == ("end", None, None)
    assert last["clip_reason"] == "the scissors are blunt"
    assert files(channel(tmp_path)) == ["alerts.jsonl"]
    assert "1 clips could not be written" in done.out


def test_a_bug_in_a_cutter_costs_its_clips_is_told_and_never_ends_the_stream(made: Callable[..., Path], tmp_path: Path) -> None:
    done = watch(made("h264 in mp4"), tmp_path, "--set", "clip.kind=tests.test_pipeline:BrokenCutter")
    assert done.code == 0
    last = alerts(channel(tmp_path))[-1]
    assert (last["type"], last["highlight"]["clip"]) == ("end", None)
    assert last["highlight"]["clip_reason"] == "ZeroDivisionError: a bug in a cutter"
    assert done.lines_said.count("Traceback") == 1
    assert "1 clips could not be written" in done.out


def test_a_scorer_that_fails_costs_its_signal_and_nothing_else(made: Callable[..., Path], tmp_path: Path) -> None:
    config = script(tmp_path, [(3.0, 5.0)], **{"motion.options": {"fails_at": 6.0}})
    done = run("--stream", made("h264 in mp4"), "--output", tmp_path / "out", "--config", config, *LIGHT)
    assert done.code == 0
    assert done.lines_said.count("scorer failed") == 1
    (told,) = sidecars(channel(tmp_path))
    assert told["start_time"] == pytest.approx(3.0, abs=1)


# ---- finishing -------------------------------------------------------------------------------------------------------


def finished(path: Path, folder: Path, *steps: str) -> Done:
    config = script(folder, [(3.0, 5.0)], finishing={"steps": list(steps)})
    exact = ("--set", "clip.cut=exact", "--set", "clip.pre_roll_seconds=1", "--set", "clip.post_roll_seconds=1")
    return run("--stream", path, "--output", folder / "out", "--config", config, *exact, *LIGHT)


def test_a_step_from_outside_moves_a_clip_and_its_highlight_stays_where_it_is(made: Callable[..., Path], tmp_path: Path) -> None:
    finished(made("h264 in mp4"), tmp_path)
    (planned,) = sidecars(channel(tmp_path))
    again = tmp_path / "again"
    again.mkdir()
    finished(made("h264 in mp4"), again, "tests.finishing.odd_steps:Later")
    (moved,) = sidecars(channel(again))
    assert moved["clip_start_time"] == pytest.approx(planned["clip_start_time"] + 0.5, abs=1 / FPS)
    assert moved["clip_duration"] == pytest.approx(planned["clip_duration"], abs=1 / FPS)
    assert all(moved[name] == planned[name] for name in ("start_time", "end_time", "peak_time", "score"))
    assert moved["finishing"] == [{"step": "later", "reason": "half a second later"}]
    assert planned["finishing"] == []
    types = [[alert["type"] for alert in alerts(channel(folder))] for folder in (tmp_path, again)]
    assert types[1] == [*types[0][:-1], "update", "end"]


def test_a_bug_in_a_step_costs_the_step_and_never_the_clip(made: Callable[..., Path], tmp_path: Path) -> None:
    done = finished(made("h264 in mp4"), tmp_path, "tests.finishing.odd_steps:Broken", "tests.finishing.odd_steps:Later")
    assert done.code == 0
    (told,) = sidecars(channel(tmp_path))
    assert [note["reason"] for note in told["finishing"]] == ["left out: it failed (ZeroDivisionError)", "half a second later"]
    assert done.lines_said.count("Traceback") == 1
    assert "1 clip had to do without broken, the log says why" in done.out


def test_a_highlight_that_is_not_kept_is_told_with_its_reason_and_leaves_no_file(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    done = finished(made("h264 in mp4"), tmp_path, "tests.finishing.odd_steps:Choosy", "tests.finishing.odd_steps:Later")
    assert done.code == 0
    told = alerts(channel(tmp_path))
    types = [alert["type"] for alert in told]
    assert types == ["new", *["update"] * (len(types) - 2), "end"]
    last = told[-1]["highlight"]
    reason = "ranked 7th of the last hour, 6 are kept"
    assert (last["clip"], last["clip_reason"], last["kept"]) == (None, reason, False)
    assert last["finishing"] == [{"step": "choosy", "reason": reason}]
    assert told[-2]["highlight"]["finishing"] == last["finishing"]
    assert files(channel(tmp_path)) == ["alerts.jsonl"]
    assert ", 1 not kept" in done.out
    assert f"not kept: {reason}" in done.out
    assert "could not be written" not in done.out


def test_all_steps_of_the_program_make_a_clip_that_holds_its_highlight(made: Callable[..., Path], tmp_path: Path) -> None:
    done = finished(made("h264 in mp4"), tmp_path, *STEPS)
    assert done.code == 0
    (told,) = sidecars(channel(tmp_path))
    most_seconds = Settings().speech.max_shift_seconds  # inwards
    assert told["clip_start_time"] <= told["start_time"] + most_seconds
    assert told["clip_start_time"] + told["clip_duration"] >= told["end_time"] - most_seconds
    assert set(STEPS) <= set(told["parameters"])
    assert not any("left out" in note["reason"] for note in told["finishing"])


# ---- what comes out --------------------------------------------------------------------------------------------------


def test_json_lines_tell_the_states_the_windows_and_the_alerts_in_order(made: Callable[..., Path], tmp_path: Path) -> None:
    config = script(tmp_path, [(3.0, 5.0)])
    done = run("--stream", made("h264 in mp4"), "--output", tmp_path / "out", "--config", config, *LIGHT[:-1], "json")
    lines = [strict(line) for line in done.out.splitlines()]
    types = [line["type"] for line in lines]
    assert [line["state"] for line in lines if line["type"] == "state"] == ["live", "ended"]
    assert types.count("window") == 7
    starts = [line["start_time"] for line in lines if line["type"] == "window"]
    assert starts == sorted(starts)
    assert types.index("new") < types.index("end")
    assert types[-1] == "summary"


def test_a_highlight_at_the_very_end_is_closed_with_what_there_is(made: Callable[..., Path], tmp_path: Path) -> None:
    done = watch(made("h264 in mp4"), tmp_path, lively=(6.0, 60.0))
    assert done.code == 0
    (told,) = sidecars(channel(tmp_path))
    assert told["end_time"] >= 7.0
    assert told["clip_start_time"] + told["clip_duration"] == pytest.approx(8.0, abs=0.1)


def test_the_liveliest_window_is_one_that_had_a_threshold(made: Callable[..., Path], tmp_path: Path) -> None:
    done = watch(made("h264 in mp4"), tmp_path, "--set", "peaks.min_rise=100")
    assert "nothing found" in done.out
    assert "the liveliest window" in done.out
    assert "nan" not in done.out


def test_an_exact_cut_is_asked_for_by_a_setting(made: Callable[..., Path], tmp_path: Path) -> None:
    watch(made("h264 in mp4"), tmp_path, "--set", "clip.cut=exact", "--set", "clip.pre_roll_seconds=0.5", *AS_PLANNED)
    (told,) = sidecars(channel(tmp_path))
    assert told["clip"]["cut"] == "exact"
    assert told["clip_start_time"] == pytest.approx(told["start_time"] - 0.5, abs=0.05)
