"""``main best`` on small recordings: the whole program, from the command line to the files."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.program import Done, run

Made = Callable[..., Path]


def best(folder: Path, *arguments: str | Path, cache: bool = True) -> Done:
    """Light, and with everything below ``folder``."""
    keeping = ("--set", f"best.cache={folder / 'cache'}") if cache else ("--no-cache",)
    where = ("--output", folder / "out", *keeping)
    return run("best", *arguments, "--set", "novelty.kind=light", "--device", "cpu", *where, "--set", "best.finishing=[]")


def metadata(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "out" / "metadata.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def first(made: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    folder = tmp_path_factory.mktemp("best")
    return folder, best(folder, made("h264 in mp4"), "-k", "2")


def test_clips_and_all_that_tells_of_them_are_written(first: tuple[Path, Done]) -> None:
    folder, done = first
    assert done.code == 0, done.lines_said
    assert (folder / "out" / "highlights" / "clip_001.mp4").exists()
    for name in ("metadata.json", "contact_sheet.jpg", "scores.png", "selection.edl"):
        assert (folder / "out" / name).exists(), name
    assert not list(folder.rglob(".*")), "nothing temporary is left"
    clips = metadata(folder)["clips"]
    assert isinstance(clips, list)
    assert clips[0]["filename"] == "clip_001.mp4"
    assert "clip_001.mp4" in done.out
    assert "sharpness" in done.out


def test_what_needs_clip_is_left_out_with_one_line(first: tuple[Path, Done]) -> None:
    assert len(re.findall(r"(?i)aesthetics is left out", first[1].lines_said)) == 1


def test_a_second_run_with_other_weights_decodes_nothing(first: tuple[Path, Done], made: Made) -> None:
    folder, before = first
    assert "scored in" in before.err
    done = best(folder, made("h264 in mp4"), "-k", "1", "--set", "best_weights.exposure=0.05", "--set", "best.smooth_seconds=1")
    assert done.code == 0
    assert "scores kept from an earlier run" in done.err
    assert "scored in" not in done.err


def test_a_signal_that_is_asked_for_later_is_added(first: tuple[Path, Done], made: Made) -> None:
    folder, _ = first
    arguments = (made("h264 in mp4"), "-k", "1", "--set", "best_weights.loudness=0.5")
    assert "scored in" in best(folder, *arguments, "--set", "best.min_score=1").err
    again = best(folder, *arguments)
    assert "scores kept from an earlier run" in again.err
    assert "loudness" in again.out


def test_without_a_cache_nothing_is_kept(made: Made, tmp_path: Path) -> None:
    for _ in range(2):
        done = best(tmp_path, made("h264 without sound"), "--set", "best.min_score=1", cache=False)
        assert "scored in" in done.err
    assert not (tmp_path / "cache").exists()


def test_several_takes_are_compared(made: Made, tmp_path: Path) -> None:
    done = best(tmp_path, made("h264 in mp4"), made("vp9 and opus in webm"), "-k", "2", "--set", "best.light_min_distance=0")
    assert done.code == 0, done.lines_said
    assert re.search(r"^Best take: \S+", done.out, re.MULTILINE)
    assert len(re.findall(r"on average, \d of the 2 clips", done.out)) == 2


def test_a_video_shorter_than_a_clip_says_what_to_set_and_others_go_on(made: Made, tmp_path: Path) -> None:
    short = made("h264 in ts", seconds=2)
    alone = best(tmp_path, short)
    assert alone.code == 1
    assert re.search(r"2\.\d\d s long, shorter than a clip of 3 s: lower best.min_seconds", alone.err)
    assert not (tmp_path / "out" / "metadata.json").exists()
    both = best(tmp_path, short, made("h264 in mp4"), "-k", "1")
    assert both.code == 1
    assert "left out: " in both.err
    assert "left out: 1 of 2 videos" in both.out
    assert (tmp_path / "out" / "highlights" / "clip_001.mp4").exists()


def test_no_moment_is_no_error_and_says_which_setting_to_lower(made: Made, tmp_path: Path) -> None:
    done = best(tmp_path, made("h264 in mp4"), "--set", "best.min_score=1")
    assert done.code == 0
    assert "no clips; how everything scored is in" in done.out
    assert re.search(r"no moments instead of 5: for more, lower best.min_score \(\d+ score too low\)", done.out)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no.mp4"], 1, r"error: no\.mp4: No such file"),
        (["VIDEO", "-k", "0"], 2, r"error: -k: best\.k = 0: must be a whole number >= 1"),
        (["VIDEO", "--prompt", " "], 2, r"error: --prompt ' ' has no words in it"),
        (["VIDEO", "VIDEO"], 2, r"error: .* is given twice"),
        (["VIDEO", "--like", "no.png"], 1, r"error: .*no\.png"),
        (["VIDEO", "--set", "best.finishing=[\"nap\"]"], 2, r"error: best\.finishing: unknown kind 'nap'"),
        (["VIDEO", "--set", "best.min_seconds=4"], 2, r"error: .*must lie between best\.min_seconds = 4"),
        (["VIDEO", "--set", "best.max_sample_fps=2"], 2, r"error: .*must be at least best\.sample_fps"),
        (["VIDEO", "--set", "best_weights.sharpness=0", "--set", "best_weights.aesthetics=0"], 2,
         r"error: best_weights: nothing to choose by is left without --prompt and --like"),
        (["VIDEO", "--output", "FILE"], 2, r"error: --output .*: there is a file of that name"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(made: Made, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    (tmp_path / "file").touch()
    named = {"VIDEO": str(made("h264 in mp4")), "FILE": str(tmp_path / "file")}
    done = run(
        "best", *[named.get(one, one) for one in arguments], *([] if "FILE" in arguments else ["--output", tmp_path / "out"])
    )
    assert done.code == code
    assert re.fullmatch(message + r"[^\n]*\n", done.err), done.err
    assert not (tmp_path / "out" / "metadata.json").exists()


def test_the_same_content_under_two_names_is_taken_once(made: Made, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(made("h264 in mp4").read_bytes())
    done = best(tmp_path, made("h264 in mp4"), copy, "-k", "1")
    assert done.code == 1
    assert "has the same content as" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_ends_it_with_130_and_nothing_half_left(made: Made, tmp_path: Path) -> None:
    """Asked as soon as scoring has begun: the folder for looks is the sign of it."""
    path = made("h264 in mp4", seconds=40)
    command = [sys.executable, "-m", "stream_processor", "best", path, "--output", tmp_path / "out", "--threads", "1"]
    command += ["--set", "novelty.kind=light", "--set", f"best.cache={tmp_path / 'cache'}", "--set", "best_weights.motion=1"]
    program = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"})
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("cache/v1/.working-*/looks.f32")) and time.monotonic() < deadline and program.poll() is None:
        time.sleep(0.005)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert program.returncode == 130, err
    assert err.splitlines()[-1] == "interrupted: nothing was written"
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()] == []
