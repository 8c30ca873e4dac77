"""What can be wrong with what was asked for is said before anything slow is begun."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stream_processor.best.asked import Asked, checked, named, weights_of
from stream_processor.errors import SettingsError, SourceUnusable
from stream_processor.settings import Settings

Made = Callable[..., Path]


def asked(*videos: Path, weights: dict[str, float] | None = None, **options: Any) -> Asked:
    return Asked(videos, Path("out"), Settings.model_validate({"best_weights": weights or {}}), **options)


def test_of_several_files_those_that_are_no_videos_are_left_out(made: Made, tmp_path: Path) -> None:
    """As with ``main best holiday/*``."""
    (tmp_path / "notes.txt").write_text("not a video " * 100)
    video, sound = made("h264 in mp4"), made("sound alone")
    videos, failed = checked(asked(sound, video, tmp_path / "notes.txt"))
    assert videos == [video]
    assert [line.split(": ", 1)[1].split(" (")[0] for line in failed] == [
        "has sound alone, no picture to choose from",
        "text, not a media file",
    ]


def test_where_none_is_a_video_that_is_an_error(made: Made, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a video " * 100)
    with pytest.raises(SourceUnusable, match=r"none of the 2 files is a video: .* has sound alone"):
        checked(asked(made("sound alone"), tmp_path / "notes.txt"))


def test_a_name_that_is_mistyped_is_said_at_once(made: Made, tmp_path: Path) -> None:
    with pytest.raises(SourceUnusable, match=r"take2\.mp4: No such file"):
        checked(asked(made("h264 in mp4"), tmp_path / "take2.mp4"))


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ({"likeness": 0.0}, {"like": Path("a.jpg")}, r"--like would do nothing: best_weights\.likeness is 0"),
        ({"prompt": 0.0}, {"prompts": ["snow"]}, r"--prompt would do nothing: best_weights\.prompt is 0"),
        ({"aesthetics": 0.0, "sharpness": 0.0}, {}, r"nothing to choose by is left without --prompt and --like"),
    ],
)
def test_weights_that_leave_nothing_of_what_is_asked_for(
    weights: dict[str, float], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        weights_of(asked(weights=weights, **options))


def test_what_is_not_asked_for_has_no_weight() -> None:
    found = weights_of(asked())
    assert (found.prompt, found.likeness, found.sharpness) == (0.0, 0.0, 0.3)


def test_too_little_memory_is_said_with_what_to_lower() -> None:
    assert str(named(Path("a.mp4"), MemoryError())) == (
        "a.mp4: there is not enough memory: lower best.sample_height, best.max_sample_fps or process.threads"
    )
