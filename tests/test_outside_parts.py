"""A scorer, a normaliser, a detector, a cutter and a sink from outside the program, all in one run."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.program import LIGHT, run, script

HERE = "tests.outside_parts"


def test_every_exchangeable_part_can_come_from_outside(made: Callable[..., Path], tmp_path: Path) -> None:
    note = {name: {"note": str(tmp_path / name)} for name in ("normaliser", "peaks", "cutter", "sink")}
    configuration = script(
        tmp_path,
        [(8.0, 12.0)],
        **{
            "scorers.brightness": {"kind": f"{HERE}:Brightness", "weight": 0.1},
            "scorers.brightness.options": {"scale": 2.0},
            "saliency": {"kind": f"{HERE}:Normaliser"},
            "saliency.options": note["normaliser"],
            "peaks": {"kind": f"{HERE}:Peaks"},
            "peaks.options": note["peaks"],
            "clip": {"kind": f"{HERE}:Cutter"},
            "clip.options": note["cutter"],
            "sinks.mine": {"kind": f"{HERE}:Sink"},
            "sinks.mine.options": note["sink"],
        },
    )
    done = run("--stream", made("h264 in mp4", seconds=20), "--output", tmp_path / "out", "--config", configuration, *LIGHT)
    assert done.code == 0, done.err
    assert (tmp_path / "normaliser").read_text() == "motion,novelty,loudness,brightness"
    assert (tmp_path / "peaks").read_text() == "none"
    assert (tmp_path / "cutter").read_text() == "copy"
    told = [tuple(json.loads(line)) for line in (tmp_path / "sink").read_text().splitlines()]
    assert told[0][0] == "new"
    assert told[-1][0] == "end"
    assert 0 < told[0][1]["brightness"] <= 2


def test_a_class_that_does_not_exist_is_one_line(made: Callable[..., Path], tmp_path: Path) -> None:
    stream = made("h264 in mp4", seconds=20)
    for setting in ("motion.kind", "saliency.kind", "peaks.kind", "clip.kind"):
        done = run("--stream", stream, "--output", tmp_path, "--set", f"{setting}={HERE}:Nothing", *LIGHT)
        assert done.code == 2
        assert done.err.strip().splitlines()[-1].startswith(f"error: {setting}: cannot load")


def test_options_that_a_class_does_not_take_are_one_line(made: Callable[..., Path], tmp_path: Path) -> None:
    done = run(
        *("--stream", made("h264 in mp4", seconds=20), "--output", tmp_path),
        *("--set", f"clip.kind={HERE}:Cutter", "--set", "clip.options={colour = 1}", *LIGHT),
    )
    assert done.code == 2
    assert "clip.options" in done.err
