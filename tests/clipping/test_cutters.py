"""Cutters from outside, held to what they promise."""

from pathlib import Path
from typing import Any

import pytest

from stream_processor.clipping.cut import CutJob
from stream_processor.clipping.cutters import Checked, build_cutter
from stream_processor.errors import SettingsError
from stream_processor.settings import ClipSettings
from tests.faults.odd_parts import OddCutter
from tests.test_journal import CLIP

JOB = CutJob(Path("s.mkv"), None, Path("clip"), 0.0, 1.0, 0.5, 0.0, "copy")


class Giving:
    def __init__(self, given: Any) -> None:
        self._given = given

    def cut(self, job: CutJob) -> Any:
        return self._given


def test_a_clip_is_passed_on() -> None:
    assert Checked(Giving(CLIP)).cut(JOB) is CLIP


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("none", TypeError, "NoneType instead of a Clip"),
        ("path", TypeError, "instead of a Clip"),
        ("exits", RuntimeError, "wanted to exit: a cutter that thinks it is a program"),
        ("raises", ZeroDivisionError, "a bug in a cutter"),
    ],
)
def test_all_else_is_an_error_that_costs_one_clip(how: str, error: type[Exception], words: str) -> None:
    cutter = build_cutter(ClipSettings(kind="tests.faults.odd_parts:OddCutter", options={"how": how}))
    with pytest.raises(error, match=words):
        cutter.cut(JOB)


def test_options_that_it_does_not_take_are_one_line_with_the_setting() -> None:
    with pytest.raises(SettingsError, match=r"clip\.options"):
        build_cutter(ClipSettings(kind=f"{OddCutter.__module__}:OddCutter", options={"why": "because"}))
