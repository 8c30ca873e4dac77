"""Recordings to tapes, through the real decoder and engine."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from scorers.exposure import Exposure
from scorers.look import Look
from scorers.shared_embedding import ByLight, Shared
from scorers.sharpness import Sharpness
from scorers.smaller import Smaller
from stream_processor.best.numbering import FrameNumbers
from stream_processor.best.reading import Position, Want, check, read_video
from stream_processor.best.settings import BestSettings
from stream_processor.best.tape import Tape
from stream_processor.engine import Engine
from stream_processor.errors import ClipWriteError, SourceUnusable
from stream_processor.settings import SourceSettings
from tests.media_maker import HEIGHT, number_of

SOURCE = SourceSettings()


def want(**settings: object) -> Want:
    scorers = {"look": Look(Shared(ByLight(Smaller()))), "sharpness": Sharpness(), "exposure": Exposure()}
    best = BestSettings(**settings)  # type: ignore[arg-type]
    return Want(scorers, None, (), best, SOURCE, threads=1)


def read(path: Path, folder: Path, tell: Callable[[], None] = lambda: None, **settings: object) -> Tape:
    with Engine(max_panes=1) as engine:
        return read_video(path, "key", want(**settings), engine, folder / "looks", Position(), tell)


@pytest.mark.parametrize(
    "name", ["h264 in mp4", "h264 in ts", "h264 in flv", "vp9 and opus in webm", "hevc with open gops in mp4"]
)
def test_a_sampled_frame_has_the_number_that_it_shows(made: Callable[..., Path], tmp_path: Path, name: str) -> None:
    """With B pictures, too: each frame of the recording shows its own number, and the file has it at the time that is said."""
    path = made(name)
    tape = read(path, tmp_path)
    assert len(tape.times) >= 8 * 3
    with av.open(str(path)) as container:
        decoded = [(frame.time, number_of(frame.to_ndarray(format="yuv420p")[:HEIGHT])) for frame in container.decode(video=0)]
    for row in range(0, len(tape.times), 5):
        at, _ = tape.video.file_span(tape.times[row], tape.times[row])
        seconds, shown = min(decoded, key=lambda one: abs(one[0] - at))
        assert seconds == pytest.approx(at, abs=1e-3)
        assert tape.frames[row] == shown


def test_a_tape_has_what_was_measured_of_each_frame(made: Callable[..., Path], tmp_path: Path) -> None:
    tape = read(made("h264 in mp4"), tmp_path)
    rows = len(tape.times)
    assert (np.diff(tape.times) > 0).all()
    assert (np.diff(tape.frames) > 0).all()
    for name in ("sharpness", "exposure"):
        assert tape.signals[name].times.tolist() == tape.times.tolist()
    assert tape.looks.shape[0] == rows
    assert np.linalg.norm(tape.looks, axis=1) == pytest.approx(np.ones(rows), abs=1e-5)
    assert tape.video.duration_seconds == pytest.approx(8.0, abs=0.1)
    assert (tape.video.has_sound, tape.video.codec, tape.video.fps) == (True, "h264", 25.0)


def test_more_frames_are_looked_at_where_everything_counts_as_busy(made: Callable[..., Path], tmp_path: Path) -> None:
    path = made("h264 without sound")
    assert len(read(path, tmp_path, busy_change=0.0).times) == pytest.approx(8 * 5, abs=1)
    assert len(read(path, tmp_path, busy_change=1.0).times) == pytest.approx(8 * 3, abs=1)


def test_what_an_edit_list_hides_is_not_chosen_from(media: Callable[[str], Path], tmp_path: Path) -> None:
    path = media("odd/media3_edit_list.mp4")
    tape = read(path, tmp_path)
    with av.open(str(path)) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert tape.video.stretches[0].file_seconds == pytest.approx(shown[0], abs=1e-6)
    for row, frame in enumerate(tape.frames):
        assert tape.video.file_span(tape.times[row], tape.times[row])[0] == pytest.approx(shown[frame], abs=1e-6)


def test_a_file_that_begins_later_keeps_its_own_times(media: Callable[[str], Path], tmp_path: Path) -> None:
    tape = read(media("odd/media3_bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4"), tmp_path)
    assert tape.times[0] == 0
    assert tape.video.file_span(1.0, 2.0) == pytest.approx((11.0, 12.0))


def test_ctrl_c_ends_it_at_once_and_in_order(made: Callable[..., Path], tmp_path: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(made("h264 in mp4"), tmp_path, interrupted)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_is_said(made: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "looks").symlink_to("/dev/full")
    said = r"^scores cannot be kept: No space left on device \(set best.cache to another disk\)$"
    with pytest.raises(ClipWriteError, match=said):
        read(made("h264 in mp4"), tmp_path)


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.webp"])
def test_a_picture_is_no_video(tmp_path: Path, name: str) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (64, 64)).save(tmp_path / name)
    with pytest.raises(SourceUnusable, match=r"a picture .*, not a video"):
        check(tmp_path / name, SOURCE)


def test_sound_alone_is_nothing_to_choose_from(made: Callable[..., Path]) -> None:
    with pytest.raises(SourceUnusable, match="has sound alone"):
        check(made("sound alone"), SOURCE)


def test_what_is_not_there_or_no_media_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video " * 100)
    for path, reason in ((tmp_path / "no.mp4", "No such file"), (tmp_path, "a folder"), (tmp_path / "text.mp4", "not a media")):
        with pytest.raises(SourceUnusable, match=reason):
            check(path, SOURCE)


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(made: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "secret.mp4"
    path.write_bytes(made("h264 in mp4").read_bytes())
    path.chmod(0)
    with pytest.raises(SourceUnusable, match="Permission denied"):
        check(path, SOURCE)


def test_the_frames_that_wait_to_be_counted_are_few(
    made: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading runs ahead by a queue of six seconds and the panes on their way, whatever the length."""
    most = 0
    numbers = FrameNumbers.numbers

    def watched(self: FrameNumbers, *arguments: object) -> object:
        nonlocal most
        most = max(most, self.waiting)
        return numbers(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FrameNumbers, "numbers", watched)
    read(made("h264 without sound", seconds=40), tmp_path, sample_height=180)
    assert 0 < most < 20 * 25
