"""HLS through streamlink's session, against an HTTP server on loopback."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stream_processor.errors import SourceEnded, SourceError, SourceOffline, SourceUnusable
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource, handles
from tests.peers.hls_media import FPS, Segment, playlist, record
from tests.peers.hls_server import HlsServer, Request
from tests.sources.conftest import Part, Recordings, read

Opener = Callable[..., StreamlinkSource]
SEGMENTS = 6
FRAMES = 2 * FPS  # in a segment
PROMPT_SECONDS = 4.0
"""Less than any time-out here."""


@pytest.fixture
def source(server: HlsServer) -> Iterator[Opener]:
    """``source("/live.m3u8", **options)``; options with underscores for dashes."""
    made = []

    def make(
        path: str, read_timeout_seconds: float = 5.0, quality: str = "best", only_live: bool = False, **options: Any
    ) -> StreamlinkSource:
        streamlink = StreamlinkSettings(quality=quality, **{key.replace("_", "-"): value for key, value in options.items()})
        settings = SourceSettings(open_timeout_seconds=5.0, read_timeout_seconds=read_timeout_seconds)
        url = server.url + path if path.startswith("/") else path
        made.append(StreamlinkSource(url, streamlink, settings, only_live=only_live))
        return made[-1]

    yield make
    for each in made:
        each.close()


def all_parts(source: StreamlinkSource) -> list[Part]:
    parts = []
    while True:
        try:
            parts.append(read(source.open()))
        except SourceEnded:
            return parts


def ts(name: str, *numbers: int, discontinuity: bool = False) -> list[Segment]:
    """Segments of a TS recording; the first may stand after a discontinuity."""
    return [Segment(f"/{name}/index{n}.ts", discontinuity=discontinuity and n == numbers[0]) for n in numbers]


def fmp4(name: str, *numbers: int, discontinuity: bool = False, map: str = "init.mp4") -> list[Segment]:
    return [
        Segment(f"/{name}/index{n}.m4s", discontinuity=discontinuity and n == numbers[0], map=f"/{name}/{map}") for n in numbers
    ]


def test_a_recorded_stream_comes_as_one_part_and_whole(server: HlsServer, source: Opener, media: Callable[[str], Path]) -> None:
    server.folders["/bbb/"] = media("hls/bbb")
    stream = source("/bbb/playlist.m3u8")
    (part,) = all_parts(stream)
    assert (part.count("video"), part.count("audio")) == (576, 1795)
    assert part.demuxer.media.video is not None
    assert (part.demuxer.media.video.width, part.demuxer.media.video.height) == (1280, 720)
    assert part.seconds("video")[-1] - part.seconds("video")[0] == pytest.approx(575 / 15, abs=0.01)
    assert not stream.is_live
    assert stream.duration_seconds == pytest.approx(12 * 3.2)


@pytest.mark.parametrize("kind", ["ts", "fmp4"])
def test_it_ends_once_and_for_all(server: HlsServer, source: Opener, recordings: Recordings, kind: str) -> None:
    server.folders["/x/"] = getattr(recordings, kind)
    stream = source("/x/index.m3u8")
    (part,) = all_parts(stream)
    assert part.count("video") == part.frames() == SEGMENTS * FRAMES
    for _ in range(2):
        with pytest.raises(SourceEnded):
            stream.open()


@pytest.mark.parametrize(("kind", "line"), [("ts", ts), ("fmp4", fmp4)])
def test_a_discontinuity_begins_a_new_part(
    server: HlsServer, source: Opener, recordings: Recordings, kind: str, line: Callable[..., list[Segment]]
) -> None:
    """```
    main  0 1 2 │ other 0 1 │ main 3 4 5       timestamps jump back at both │, pictures change their size
    ```"""
    server.folders.update({"/main/": getattr(recordings, kind), "/other/": getattr(recordings, f"other_{kind}")})
    segments = [*line("main", 0, 1, 2), *line("other", 0, 1, discontinuity=True), *line("main", 3, 4, 5, discontinuity=True)]
    server.pages["/x.m3u8"] = playlist(segments)
    parts = all_parts(source("/x.m3u8"))
    assert [part.count("video") for part in parts] == [3 * FRAMES, 2 * FRAMES, 3 * FRAMES]
    assert [part.frames() for part in parts] == [3 * FRAMES, 2 * FRAMES, 3 * FRAMES]
    assert [part.demuxer.media.video.height for part in parts if part.demuxer.media.video] == [180, 90, 180]
    assert parts[2].seconds("video")[0] - parts[0].seconds("video")[0] == pytest.approx(3 * 2, abs=0.001)


def test_a_new_initialization_begins_a_new_part(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders.update({"/main/": recordings.fmp4, "/other/": recordings.other_fmp4})
    server.pages["/x.m3u8"] = playlist([*fmp4("main", 0, 1), *fmp4("other", 0, 1)])
    assert [part.frames() for part in all_parts(source("/x.m3u8"))] == [2 * FRAMES, 2 * FRAMES]


def test_an_initialization_that_only_moved_does_not(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    """Some servers give it a new token with every playlist."""
    server.folders["/main/"] = recordings.fmp4
    server.pages["/x.m3u8"] = playlist([*fmp4("main", 0, 1), *fmp4("main", 2, 3, map="init.mp4?token=2")])
    assert [part.frames() for part in all_parts(source("/x.m3u8"))] == [4 * FRAMES]


def test_byte_ranges_of_one_file(server: HlsServer, source: Opener, need_program: Callable[..., Path], tmp_path: Path) -> None:
    options = ("-hls_segment_type", "fmp4", "-hls_flags", "single_file", "index.m3u8")
    server.folders["/x/"] = record(need_program("ffmpeg"), tmp_path / "single", *options, seconds=4)
    (part,) = all_parts(source("/x/index.m3u8"))
    assert part.frames() == 4 * FPS
    assert len({request.headers["Range"] for request in server.requests if "Range" in request.headers}) == 3


def test_encrypted_segments(server: HlsServer, source: Opener, need_program: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(16)))
    (tmp_path / "info").write_text(f"/x/key\n{tmp_path / 'key'}\n")
    options = ("-hls_key_info_file", str(tmp_path / "info"), "index.m3u8")
    server.folders["/x/"] = record(need_program("ffmpeg"), tmp_path / "secret", *options, seconds=4)
    server.pages["/x/key"] = bytes(range(16))
    (part,) = all_parts(source("/x/index.m3u8"))
    assert part.frames() == 4 * FPS


def test_a_lost_segment_is_a_hole_not_the_end(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/main/index2.ts"] = 404
    server.pages["/x.m3u8"] = playlist(ts("main", *range(SEGMENTS)))
    (part,) = all_parts(source("/x.m3u8", stream_segment_attempts=1))
    seconds = part.seconds("video")
    assert len(seconds) == (SEGMENTS - 1) * FRAMES
    assert max(b - a for a, b in pairwise(seconds)) == pytest.approx(2 + 1 / FPS, abs=0.01)


class Sliding:
    """A live playlist over ``segments`` that shows ``width`` of them and moves on by one with every request for it.

    ``ends`` says whether it says so; ``stalled_at`` is how many segments it has shown when it stops moving.
    """

    def __init__(self, segments: list[Segment], width: int = 4, ends: bool = True, stalled_at: int | None = None) -> None:
        self.segments = segments
        self.width = width
        self.ends = ends
        self.shown = width - 1
        self.stalled_at = stalled_at

    def __call__(self, request: Request) -> bytes:
        limit = len(self.segments) if self.stalled_at is None else self.stalled_at
        is_over = self.shown >= len(self.segments)
        self.shown = min(self.shown + 1, limit)
        first = self.shown - self.width
        window = self.segments[first : self.shown]
        return playlist(window, sequence=first, target_seconds=0.05, ended=is_over and self.ends)


def test_a_live_stream_begins_at_its_edge(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    """```
    0 1 2 3│4 5      four are in the playlist when the plugin looks, 1 2 3 4 when the download begins: at its last three
        └──────
    ```"""
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = Sliding(ts("main", *range(SEGMENTS)))
    stream = source("/x.m3u8")
    (part,) = all_parts(stream)
    assert stream.is_live
    assert stream.duration_seconds is None
    assert part.frames() == 4 * FRAMES
    assert "/main/index1.ts" not in server.paths()


def test_or_at_its_first_segment_when_asked(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/main/"] = recordings.ts
    sliding = Sliding(ts("main", *range(SEGMENTS)))
    sliding.shown = 2  # so that the plugin's own look does not move it off the beginning
    sliding.width = 3
    server.pages["/x.m3u8"] = sliding
    (part,) = all_parts(source("/x.m3u8", hls_live_restart=True))
    assert part.frames() == 5 * FRAMES


def test_a_live_stream_with_a_discontinuity(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders.update({"/main/": recordings.ts, "/other/": recordings.other_ts})
    segments = [*ts("main", 0, 1, 2, 3), *ts("other", 0, 1, discontinuity=True), *ts("main", 4, 5, discontinuity=True)]
    server.pages["/x.m3u8"] = Sliding(segments)
    parts = all_parts(source("/x.m3u8"))
    assert [part.frames() for part in parts] == [2 * FRAMES, 2 * FRAMES, 2 * FRAMES]


def test_a_lost_live_stream_goes_on_after_its_last_segment(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/main/"] = recordings.ts
    sliding = Sliding(ts("main", *range(SEGMENTS)), stalled_at=5)
    server.pages["/x.m3u8"] = sliding
    stream = source("/x.m3u8", read_timeout_seconds=2.0)
    packets = stream.open().packets()
    with pytest.raises(SourceError, match="no data for 2 s"):
        for _ in packets:
            pass
    sliding.stalled_at = None
    (part,) = all_parts(stream)
    assert part.frames() == FRAMES  # the sixth segment, none of the others again
    assert server.paths().count("/main/index4.ts") == 1


def test_a_live_stream_that_is_gone_when_asked_for_again_has_ended(
    server: HlsServer, source: Opener, recordings: Recordings
) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = Sliding(ts("main", *range(SEGMENTS)), stalled_at=5)
    stream = source("/x.m3u8", read_timeout_seconds=2.0)
    with pytest.raises(SourceError, match="no data"):
        read(stream.open())
    del server.pages["/x.m3u8"]
    with pytest.raises(SourceEnded, match="HTTP 404, no stream there now"):
        stream.open()


def test_a_recording_is_offline_for_who_waits_for_the_next_broadcast_until_that_is_there(
    server: HlsServer, source: Opener, recordings: Recordings
) -> None:
    """```
    main   0 1 2 3 4 5 end │ the same playlist again, twice │ live: 0 1 2 3 …
                             offline           offline        ───────────▶
    ```"""
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = playlist(ts("main", *range(SEGMENTS)))
    stream = source("/x.m3u8", only_live=True)
    for _ in range(2):
        with pytest.raises(SourceOffline, match=r"x\.m3u8: a recording, no live stream there now"):
            stream.open()
    assert not any(path.startswith("/main/") for path in server.paths())  # nothing of it was even fetched
    server.pages["/x.m3u8"] = Sliding(ts("main", *range(SEGMENTS)))
    (part,) = all_parts(stream)
    assert part.frames() == 4 * FRAMES
    assert stream.was_live


@pytest.mark.parametrize("only_live", [False, True])
def test_what_a_lost_live_stream_still_had_to_say_is_taken_from_its_finished_playlist(
    server: HlsServer, source: Opener, recordings: Recordings, only_live: bool
) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = Sliding(ts("main", *range(SEGMENTS)), stalled_at=5)
    stream = source("/x.m3u8", read_timeout_seconds=2.0, only_live=only_live)
    with pytest.raises(SourceError, match="no data"):
        read(stream.open())
    server.pages["/x.m3u8"] = playlist(ts("main", *range(SEGMENTS)))
    (part,) = all_parts(stream)
    assert part.frames() == FRAMES
    assert (stream.is_live, stream.was_live) == (False, True)


def test_a_lost_live_stream_that_comes_back_as_a_recording_under_other_names_is_not_watched_again(
    server: HlsServer, source: Opener, recordings: Recordings
) -> None:
    server.folders |= {"/main/": recordings.ts, "/archive/": recordings.ts}
    server.pages["/x.m3u8"] = Sliding(ts("main", *range(SEGMENTS)), stalled_at=5)
    stream = source("/x.m3u8", read_timeout_seconds=2.0)
    with pytest.raises(SourceError, match="no data"):
        read(stream.open())
    server.pages["/x.m3u8"] = playlist(ts("archive", *range(SEGMENTS)))
    with pytest.raises(SourceOffline, match="a recording"):
        stream.open()


def test_closing_does_not_wait_for_the_network(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = playlist(ts("main", *range(SEGMENTS)))
    server.hanging.add("/main/index5.ts")
    stream = source("/x.m3u8", read_timeout_seconds=20)
    stream.open()
    assert server.hangs.wait(10)
    download = stream._feeds[0].thread
    stream.close()
    download.join(10)
    assert not download.is_alive()  # its connection was closed under it


def test_a_playlist_that_is_not_there_is_a_channel_that_is_offline(source: Opener) -> None:
    with pytest.raises(SourceOffline, match=r"nothing\.m3u8: HTTP 404, no stream there now"):
        source("/nothing.m3u8").open()


def test_a_server_in_trouble_can_be_asked_again(server: HlsServer, source: Opener) -> None:
    server.pages["/x.m3u8"] = 503
    with pytest.raises(SourceError, match="HTTP 503") as caught:
        source("/x.m3u8").open()
    assert type(caught.value) is SourceError


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("http://127.0.0.1:1/x.m3u8?token=SECRET", SourceError, "connection refused"),
        ("http://nowhere.invalid/x.m3u8?token=SECRET", SourceError, "host not found"),
        ("http://user:SECRET@127.0.0.1:1/x.m3u8", SourceError, "connection refused"),
        ("http://[bad/x.m3u8", SourceUnusable, "bad"),
    ],
)
def test_one_clear_line_without_secrets(source: Opener, url: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match="(?i)" + words) as caught:
        source(url).open()
    assert "SECRET" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_playlist_never_will_be(server: HlsServer, source: Opener) -> None:
    server.pages["/x.m3u8"] = b"<html>hello</html>"
    with pytest.raises(SourceUnusable, match="EXTM3U"):
        source("/x.m3u8").open()


def test_segments_without_media_are_unusable(server: HlsServer, source: Opener) -> None:
    server.pages |= {"/x.m3u8": playlist([Segment("/s.ts")]), "/s.ts": b"not media " * 1000}
    with pytest.raises(SourceUnusable, match="not a media stream"):
        source("/x.m3u8").open()


def test_a_page_that_no_plugin_knows(server: HlsServer, source: Opener) -> None:
    server.pages["/page"] = b"<html>hello</html>"
    with pytest.raises(SourceUnusable, match="neither an HLS playlist nor a site that streamlink knows"):
        source("/page").open()


def test_an_unknown_quality_names_the_known_ones(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/x/"] = recordings.ts
    with pytest.raises(SourceUnusable, match="no quality '4k' there, only live, worst, best"):
        source("/x/index.m3u8", quality="4k").open()
    assert source("/x/index.m3u8", quality="4k, live").open().media.video


def test_a_bad_part_in_the_middle_is_skipped(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/bad.ts"] = b"not media " * 1000
    bad = Segment("/bad.ts", discontinuity=True)
    server.pages["/x.m3u8"] = playlist([*ts("main", 0, 1), bad, *ts("main", 2, 3, discontinuity=True)])
    assert [part.frames() for part in all_parts(source("/x.m3u8"))] == [2 * FRAMES, 2 * FRAMES]


@pytest.mark.parametrize("hanging", ["/x.m3u8", "/main/index0.ts", "/main/index5.ts"])
def test_closing_ends_whatever_waits_for_the_network(
    server: HlsServer, source: Opener, recordings: Recordings, hanging: str
) -> None:
    """The plugin's look at the playlist, the first segment (``open`` waits), the last one (``packets`` waits)."""
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = playlist(ts("main", *range(SEGMENTS)))
    server.hanging.add(hanging)
    stream = source("/x.m3u8", read_timeout_seconds=20)
    outcome: list[Any] = []

    def watch() -> None:
        try:
            outcome.append(read(stream.open()))
            stream.open()
        except SourceEnded as error:
            outcome.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert server.hangs.wait(10)
    begun = time.monotonic()
    stream.close()
    watcher.join(10)
    assert time.monotonic() - begun < PROMPT_SECONDS
    assert isinstance(outcome[-1], SourceEnded)


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("http://host/live.m3u8", True),
        ("https://host/live.m3u8?token=x", True),
        ("hls://host/live", True),
        ("twitch.tv/somebody", True),
        ("https://www.twitch.tv/somebody", True),
        ("https://www.youtube.com/watch?v=aqz-KE-bpKQ", True),
        ("http://host/film.mp4", False),
        ("rtmp://host/live/key", False),
        ("rtmp://host/live/key.m3u8", False),
        ("folder/live.m3u8", False),
        ("-", False),
        ("demo", False),
    ],
)
def test_what_is_for_streamlink(url: str, is_ours: bool) -> None:
    assert handles(url) is is_ours
