"""Codecs that MP4 cannot hold, or that players do not look for there, go to Matroska; the others to MP4. All of them play."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.channel import cut, highlight, read

PICTURES = {"h264": ("-c:v", "libx264", "-preset", "ultrafast"), "vp8": ("-c:v", "libvpx", "-deadline", "realtime")}
PICTURES |= {"av1": ("-c:v", "libsvtav1", "-preset", "12"), "mpeg2video": ("-c:v", "mpeg2video"), "ffv1": ("-c:v", "ffv1")}
SOUNDS = {"opus": "libopus", "flac": "flac", "vorbis": "libvorbis", "mp2": "mp2", "mp3": "libmp3lame", "ac3": "ac3"}
SOUNDS |= {"eac3": "eac3", "pcm_s16le": "pcm_s16le", "aac": "aac"}
IN_MP4 = {"h264", "av1", "mpeg2video", "opus", "flac", "mp2", "mp3", "ac3", "eac3", "aac"}

PAIRS = [("h264", sound) for sound in SOUNDS] + [(picture, "aac") for picture in PICTURES if picture != "h264"]


@pytest.mark.parametrize(("picture", "sound"), PAIRS)
def test_each_goes_where_it_can_be_played(
    picture: str, sound: str, need_program: Callable[..., Path], made: Callable[..., Path], tmp_path: Path
) -> None:
    source = tmp_path / "source.mkv"
    command = [str(need_program("ffmpeg")), "-v", "error", "-i", str(made("h264 in ts")), "-t", "4", *PICTURES[picture]]
    done = subprocess.run(
        [*command, "-g", "25", "-c:a", SOUNDS[sound], str(source)], check=False, capture_output=True, text=True, timeout=99
    )
    if "Unknown encoder" in done.stderr:
        pytest.skip(f"this ffmpeg has no encoder for {picture} or {sound}")
    assert done.returncode == 0, done.stderr

    outcome = cut(read(source), highlight(1.0, 3.0), tmp_path)

    assert outcome.clip is not None, outcome.reason
    assert Path(outcome.clip.filename).suffix == (".mp4" if {picture, sound} <= IN_MP4 else ".mkv")
    assert (outcome.clip.codec, outcome.clip.audio, outcome.clip.cut) == (picture, sound, "copy")
    with av.open(str(tmp_path / outcome.clip.filename)) as clip:
        seen = {"video": 0.0, "audio": 0.0}
        for packet in clip.demux(clip.streams.video[0], clip.streams.audio[0]):
            for frame in packet.decode():
                assert frame.time is not None
                seen[packet.stream.type] = max(seen[packet.stream.type], frame.time)
    assert all(1.8 <= seconds <= 3.5 for seconds in seen.values()), seen
