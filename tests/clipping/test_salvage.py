"""A disk without room for the clip: the spool, which is there already, becomes the clip."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_processor.clipping.cut import CutJob
from stream_processor.errors import ClipWriteError
from stream_processor.records import Clip
from tests.channel import cut, highlight, read
from tests.clip_reader import play
from tests.media_maker import FPS


class NoRoom:
    def cut(self, job: CutJob) -> Clip:
        raise ClipWriteError("No space left on device")


@pytest.mark.parametrize("recipe", ["h264 in mp4", "vp9 and opus in webm", "sound alone"])
def test_at_the_end_of_a_run_the_spool_becomes_the_clip(recipe: str, made: Callable[..., Path], tmp_path: Path) -> None:
    outcome = cut(read(made(recipe)), highlight(2.0, 5.0), tmp_path, cutter=NoRoom())
    assert outcome.reason == "not cut, this is all of its spool: No space left on device"
    clip = outcome.clip
    assert clip is not None
    assert clip.filename == "clip-a-0-1.mkv"
    assert clip.start_seconds <= 2.0
    assert clip.start_seconds + clip.duration_seconds >= 5.0
    assert (clip.cut, clip.picture) == ("copy", None)
    (spool,) = tmp_path.glob(".spool/*")
    assert spool.samefile(tmp_path / clip.filename), "a second name, not a copy: there is no room"


def test_the_salvaged_clip_plays_from_its_first_frame(made: Callable[..., Path], tmp_path: Path) -> None:
    clip = cut(read(made("h264 in mp4")), highlight(2.0, 5.0), tmp_path, cutter=NoRoom()).clip
    assert clip is not None
    played = play(tmp_path / clip.filename)
    assert played.numbers[0] / FPS == pytest.approx(clip.start_seconds, abs=0.05)
