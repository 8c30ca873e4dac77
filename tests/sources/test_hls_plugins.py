"""Plugins of streamlink that fail in every way, loaded as streamlink loads them, and what a page may call its qualities."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_processor.errors import SourceEnded, SourceError, SourceOffline, SourceUnusable
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource
from tests.peers.hls_media import FPS, Segment, playlist
from tests.peers.hls_server import HlsServer
from tests.sources.conftest import Recordings, read

Opener = Callable[..., StreamlinkSource]
_PLUGIN = """
import re, threading
from pathlib import Path
from streamlink.exceptions import NoStreamsError, PluginError
from streamlink.plugin import Plugin, pluginmatcher
from streamlink.stream.hls import HLSStream
from streamlink.stream.stream import Stream, StreamIO

class Silent(StreamIO):
    def __init__(self):
        super().__init__()
        self.closing = threading.Event()

    def read(self, size=-1):
        self.closing.wait()
        return b""

    def close(self):
        self.closing.set()
        super().close()

class Endless(Stream):
    def open(self):
        return Silent()

@pluginmatcher(re.compile("http://127.0.0.1/odd/"))
class Odd(Plugin):
    def _get_streams(self):
        {body}

__plugin__ = Odd
"""


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Opener]:
    """A source whose plugin does ``body``."""
    made = []

    def make(body: str, **options: object) -> StreamlinkSource:
        (tmp_path / "odd.py").write_text(_PLUGIN.replace("{body}", body))
        made.append(StreamlinkSource("http://127.0.0.1/odd/", StreamlinkSettings(**options), SourceSettings()))
        assert made[-1].session.plugins.load_path(tmp_path)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    "raised",
    ["KeyError('data')", "RecursionError()", "ZeroDivisionError('x')", "TypeError('a\\nb\\x1b[31m' * 1000)", "OSError('x')"],
)
def test_a_plugin_that_raises_anything_is_asked_again_later(odd: Opener, raised: str) -> None:
    with pytest.raises(SourceError) as caught:
        odd(f"raise {raised}").open()
    assert type(caught.value) in (SourceError, SourceUnusable)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("body", ["raise NoStreamsError", "return None", "return {}", "yield from ()"])
def test_a_plugin_that_finds_nothing_means_offline(odd: Opener, body: str) -> None:
    with pytest.raises(SourceOffline, match="no stream there now"):
        odd(body).open()


def test_a_quality_that_vanished_gives_way_to_the_best(
    server: HlsServer, odd: Opener, recordings: Recordings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """```
    720p, 480p: 480p wanted │ lost │ 720p, 160p: 720p taken, with one line
    ```"""
    server.folders |= {"/main/": recordings.ts, "/other/": recordings.other_ts}
    stalled = playlist([Segment("/other/index0.ts")], target_seconds=0.05, ended=False)
    server.pages |= {"/480.m3u8": stalled, "/720.m3u8": playlist([Segment("/main/index0.ts")])}
    server.pages["/160.m3u8"] = 500
    state = tmp_path / "state"
    state.write_text("720p 480p")
    names = f"Path({str(state)!r}).read_text().split()"
    body = f"return {{name: HLSStream(self.session, f'{server.url}/{{name[:-1]}}.m3u8') for name in {names}}}"
    source = odd(body, quality="480p", **{"stream-segment-attempts": 1})
    source._settings = SourceSettings(read_timeout_seconds=2)
    with pytest.raises(SourceError, match="no data"):
        read(source.open())
    state.write_text("720p 160p")
    source.was_live = False  # else the finished playlist would count as offline
    assert read(source.open()).frames() == 2 * FPS
    said = "".join(capfd.readouterr())
    assert said.count("the quality is gone, taking the best") == 1


def test_a_quality_that_never_was_there_is_named_with_the_others_however_they_are_called(server: HlsServer) -> None:
    media = "x\x1b[31m" + "x" * 5000
    server.pages["/x.m3u8"] = (
        f'#EXTM3U\n#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="v",NAME="{media}"\n'
        f'#EXT-X-STREAM-INF:BANDWIDTH=1000,VIDEO="v"\n{server.url}/y.m3u8\n'
    ).encode()
    source = StreamlinkSource(f"{server.url}/x.m3u8", StreamlinkSettings(quality="4k"), SourceSettings())
    with pytest.raises(SourceUnusable, match="no quality '4k' there, only") as caught:
        source.open()
    source.close()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_stop_is_not_held_up_by_a_file_of_streamlinks_own_that_waits_for_ever(odd: Opener) -> None:
    source = odd("return {'live': Endless(self.session)}")
    outcome: list[BaseException] = []

    def watch() -> None:
        try:
            source.open()
        except SourceEnded as error:
            outcome.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    deadline = time.monotonic() + 30
    while not (source._feeds and getattr(source._feeds[0].download, "_file", None)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    download = source._feeds[0].thread
    source.close()
    watcher.join(30)
    assert outcome
    download.join(30)
    assert not download.is_alive()
