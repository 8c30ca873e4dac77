"""Several channels in one process: each for itself, with what they share in common. Real recordings, the whole program."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stream_processor.contracts import Memory
from stream_processor.records import Pane
from tests.program import LIGHT, Done, alerts, run, script, sidecars, start, strict
from tests.scripted_scorer import Script

PATIENCE_SECONDS = 60.0


def watch(folder: Path, *streams: Path, config: Path, arguments: tuple[str, ...] = LIGHT) -> Done:
    named = [word for stream in streams for word in ("--stream", str(stream))]
    return run(*named, "--output", folder / "out", "--config", config, *arguments)


@pytest.fixture
def two(made: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    """The same recording under two names."""
    paths = tmp_path / "first.mp4", tmp_path / "second.mp4"
    for path in paths:
        path.symlink_to(made("h264 in mp4"))
    return paths


def test_each_channel_has_its_folder_its_alerts_and_its_run_in_the_one_journal(two: tuple[Path, Path], tmp_path: Path) -> None:
    done = watch(tmp_path, *two, config=script(tmp_path, [(3.0, 5.0)]))
    assert done.code == 0
    out = tmp_path / "out"
    for name in ("first", "second"):
        (told,) = sidecars(out / name)
        assert told["start_time"] == pytest.approx(3.0, abs=1)
        assert [alert["type"] for alert in alerts(out / name)][:: len(alerts(out / name)) - 1] == ["new", "end"]
        assert {alert["highlight"]["id"] for alert in alerts(out / name)} == {told["id"]}
    with sqlite3.connect(out / "journal.sqlite3") as journal:
        assert sorted(journal.execute("SELECT channel, count(*) FROM runs GROUP BY channel")) == [("first", 1), ("second", 1)]
    assert done.out.index("first:") < done.out.index("second:") < done.out.index("2 channels")


def test_a_channel_is_judged_beside_others_as_it_is_alone(two: tuple[Path, Path], tmp_path: Path) -> None:
    def decided(folder: Path, *streams: Path) -> list[tuple[float, ...]]:
        folder.mkdir()
        lines = [strict(line) for line in watch(folder, *streams, config=config, arguments=as_json).out.splitlines()]
        windows = [line for line in lines if line["type"] == "window" and line["channel"] == "first"]
        return [(window["start_time"], window["score"], *window["signals"].values()) for window in windows]

    config = script(tmp_path, [(3.0, 5.0)], novelty={"weight": 0.5}, loudness={"weight": 0.5})
    as_json = (*LIGHT[:-1], "json")
    first, second = two
    alone = decided(tmp_path / "alone", first)
    assert len(alone) == 7
    assert decided(tmp_path / "beside", first, second) == alone


def test_a_channel_table_has_settings_of_its_own_over_the_common_ones(two: tuple[Path, Path], tmp_path: Path) -> None:
    config = script(tmp_path, [(3.0, 5.0)])
    first, second = two
    config.write_text(
        f'{config.read_text()}\n[[channel]]\nstream = "{first}"\n[channel.clip]\npre_roll_seconds = 0.5\ncut = "exact"\n'
        "[channel.finishing]\nsteps = []\n"
        f'[[channel]]\nstream = "{second}"\nname = "other"\n[channel.peaks]\nmin_rise = 100\n'
    )
    done = watch(tmp_path, config=config)
    assert done.code == 0
    (told,) = sidecars(tmp_path / "out" / "first")
    assert told["clip"]["cut"] == "exact"
    assert told["clip_start_time"] == pytest.approx(told["start_time"] - 0.5, abs=0.05)
    assert not sidecars(tmp_path / "out" / "other")


def test_a_channel_that_fails_says_so_and_the_others_go_on(two: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = two
    second.unlink()
    second.write_text("no film")
    done = watch(tmp_path, second, first, config=script(tmp_path, [(3.0, 5.0)]))
    assert done.code == 1
    assert "the channel has failed" in done.err
    assert "second.mp4" in done.err
    assert "Traceback" not in done.lines_said
    assert len(sidecars(tmp_path / "out" / "first")) == 1


def test_one_that_is_not_there_at_all_fails_alone_too(two: tuple[Path, Path], tmp_path: Path) -> None:
    done = watch(tmp_path, tmp_path / "nowhere.mp4", two[0], config=script(tmp_path, [(3.0, 5.0)]))
    assert done.code == 1
    assert done.err.count("nowhere.mp4: No such file or directory") == 1
    assert "Traceback" not in done.lines_said
    assert len(sidecars(tmp_path / "out" / "first")) == 1


def test_a_channel_that_stands_still_holds_up_no_other(two: tuple[Path, Path], tmp_path: Path) -> None:
    #  pipe    nothing comes …                      │ closed
    #  first   0 ───── highlight ───── clip written │
    config = script(tmp_path, [(3.0, 5.0)])
    out = tmp_path / "out"
    with start("--stream", "-", "--stream", two[0], "--output", out, "--config", config, *LIGHT[:-1], "json") as program:
        assert program.stdout is not None
        assert program.stdin is not None
        types = (strict(line.decode()) for line in program.stdout)
        written = next(line for line in types if line["type"] == "end")
        assert written["channel"] == "first"
        assert (out / "first" / written["highlight"]["filename"]).exists()
        program.stdin.close()
        program.stdin = None
        program.communicate(timeout=PATIENCE_SECONDS)


def test_forever_on_a_recording_ends_with_it_and_says_its_summary_once(two: tuple[Path, Path], tmp_path: Path) -> None:
    done = watch(tmp_path, two[0], config=script(tmp_path, [(3.0, 5.0)]), arguments=(*LIGHT, "--forever"))
    assert done.code == 0
    assert done.out.count("found 1 highlight") == 1


def test_a_scorer_that_breaks_one_channel_costs_the_others_nothing_not_even_their_summary(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    config = script(tmp_path, [(3.0, 5.0)])
    first, second = two
    config.write_text(
        f'{config.read_text()}\n[[channel]]\nstream = "{first}"\n'
        f'[[channel]]\nstream = "{second}"\n[channel.motion]\nkind = "tests.test_channels:Nonsense"\noptions = {{}}\n'
    )
    done = watch(tmp_path, config=config)
    assert len(sidecars(tmp_path / "out" / "first")) == 1
    assert done.out.index("first:") < done.out.index("second:") < done.out.index("2 channels")
    assert done.lines_said.count("scorer failed") == 1


class Nonsense(Script):
    """Gives what is no samples at all."""

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Any:
        return [None for _ in batch]


def test_a_channel_that_breaks_off_is_announced_as_ended(two: tuple[Path, Path], tmp_path: Path) -> None:
    config = script(tmp_path, [(3.0, 5.0)], novelty={"kind": "clip", "weight": 0.5, "pretrained": str(tmp_path / "none.pt")})
    done = watch(tmp_path, two[0], config=config, arguments=("--ui", "json", "--device", "cpu"))
    assert done.code == 1
    states = [line["state"] for line in map(strict, done.out.splitlines()) if line["type"] == "state"]
    assert states == ["live", "ended"]


def test_a_wrong_setting_of_one_channel_names_the_channel(two: tuple[Path, Path], tmp_path: Path) -> None:
    config = script(tmp_path, [])
    config.write_text(
        f'{config.read_text()}\n[[channel]]\nstream = "{two[0]}"\n'
        f'[[channel]]\nstream = "{two[1]}"\n[channel.clip]\nkind = "nope"\n'
    )
    done = watch(tmp_path, config=config)
    assert done.code == 2
    assert "channel second: clip.kind" in done.err
