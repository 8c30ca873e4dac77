"""What ``--stream`` may be given, and which source takes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from stream_processor.errors import SourceUnusable
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources import form_of, source_for


@pytest.mark.parametrize(
    ("stream", "form"),
    [
        ("demo", "demo"),
        ("-", "pipe"),
        ("listen:rtmp://0.0.0.0:1935/live/key", "listen"),
        ("rtmp://host/live/key", "rtmp"),
        ("RTMP://host/live/key", "rtmp"),
        ("film.mp4", "file"),
        ("clips.old/film.mp4", "file"),
        ("./a.b/film", "file"),
        ("../media/film", "file"),
        ("/media/some.folder/film", "file"),
        ("C:\\media\\film.mp4", "file"),
        ("file:film.mp4", "file"),
        ("file:///media/film.mp4", "file"),
        ("https://host/film.MP4?token=x", "file"),
        ("twitch.tv/someone", "streamlink"),
        ("www.youtube.com/watch?v=x", "streamlink"),
        ("https://www.twitch.tv/someone", "streamlink"),
        ("http://host/live/index.m3u8", "streamlink"),
        ("hls://host/live/index.m3u8", "streamlink"),
    ],
)
def test_each_kind_of_stream_is_known_by_its_form(stream: str, form: str) -> None:
    assert form_of(stream) == form


def test_a_file_that_exists_is_a_file_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "twitch.tv").mkdir()
    (tmp_path / "twitch.tv" / "someone").touch()
    monkeypatch.chdir(tmp_path)

    assert form_of("twitch.tv/someone") == "file"


def test_an_address_of_an_unknown_kind_is_refused_without_its_secrets() -> None:
    with pytest.raises(SourceUnusable, match=r"^rtsp://\*\*\*@host/x: rtsp:// is not supported"):
        form_of("rtsp://user:word@host/x")


@pytest.mark.parametrize("stream", ["demo", "-", "listen:rtmp://127.0.0.1:0/live/key", "rtmp://host/live/key", "film.mp4"])
def test_every_source_says_whether_what_arrives_must_be_taken_now(stream: str) -> None:
    source = source_for(stream, source=SourceSettings(), streamlink=StreamlinkSettings())

    assert getattr(source, "is_live") is (form_of(stream) in ("listen", "rtmp"))  # noqa: B009 - not in the contract
    source.close()


def test_only_a_live_stream_may_be_asked_of_any_source_and_streamlink_s_heeds_it() -> None:
    for stream in ("demo", "-", "listen:rtmp://127.0.0.1:0/live/key", "rtmp://host/live/key", "film.mp4", "http://host/x.m3u8"):
        source = source_for(stream, source=SourceSettings(), streamlink=StreamlinkSettings(), only_live=True)
        assert getattr(source, "_only_live", False) is (form_of(stream) == "streamlink")
        source.close()


def test_choosing_a_file_imports_no_other_source() -> None:
    code = """
import sys
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources import source_for
source_for("film.mp4", source=SourceSettings(), streamlink=StreamlinkSettings())
print([name for name in ("streamlink", "cv2", "stream_processor.sources.rtmp") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
