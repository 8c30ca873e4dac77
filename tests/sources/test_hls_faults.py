"""What HLS servers do wrong, each by a real server: how it is noticed, what it is called, and what is not lost by it."""

import contextlib
import gzip
import itertools
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource
from stream_processor.sources.streams.bodies import MOST_PLAYLIST_BYTES, MOST_WHOLE_BYTES
from stream_processor.sources.streams.fetching import HOLES_IN_A_ROW
from tests.peers.hls_media import FPS, Segment, playlist
from tests.peers.hls_server import Answer, HlsServer, Request, TornDown
from tests.sources.conftest import Part, Recordings, read

Opener = Callable[..., StreamlinkSource]
FRAMES = 2 * FPS  # in a segment
QUICK_SECONDS = 2.0


@pytest.fixture
def source(server: HlsServer, recordings: Recordings) -> Iterator[Opener]:
    """Of /x.m3u8, or the path given; the segments are /main/index0.ts to 5."""
    made = []
    server.folders["/main/"] = recordings.ts

    def make(path: str = "/x.m3u8", read_timeout_seconds: float = 10.0, open_timeout_seconds: float = 5.0, **options: Any) -> Any:
        settings = SourceSettings(open_timeout_seconds=open_timeout_seconds, read_timeout_seconds=read_timeout_seconds)
        streamlink = StreamlinkSettings(**{key.replace("_", "-"): value for key, value in options.items()})
        made.append(StreamlinkSource(server.url + path, streamlink, settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def ts(*numbers: int, query: str = "", folder: str = "main") -> list[Segment]:
    return [Segment(f"/{folder}/index{n}.ts{query}") for n in numbers]


def live(*segments: Segment, sequence: int = 0, target_seconds: float = 0.05) -> bytes:
    return playlist(segments, sequence=sequence, target_seconds=target_seconds, ended=False)


def parts_until_lost(stream: StreamlinkSource) -> tuple[list[Part], SourceError]:
    parts = []
    while True:
        demuxer = stream.open()
        part = Part(demuxer, [])
        parts.append(part)
        try:
            for packet in demuxer.packets():
                part.packets.append(packet)  # they are wanted though an error follows
        except SourceError as error:
            return parts, error


def requests_of(server: HlsServer, name: str) -> int:
    return sum(path.endswith(name) for path in server.paths())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ---- addresses that expire -----------------------------------------------------------------------------------------------


class Signed:
    """A channel page that gives a new token with each look, and refuses whatever has the old one.

    ```
    /x.m3u8 (master) ─▶ /media.m3u8?t=N ─▶ /main/indexK.ts?t=N       N grows by ``expire``
    ```"""

    def __init__(self, server: HlsServer, *, upto: int = 3, status: int = 403) -> None:
        self.token, self.upto, self.status = 1, upto, status
        self.looks, self.ended = 0, False
        self.guards_segments, self.guards_playlist = True, True
        self._server = server
        server.pages["/x.m3u8"] = self._master
        server.pages["/media.m3u8"] = self._media
        for n in range(6):
            server.pages[f"/main/index{n}.ts"] = self._segment

    def has_given(self, name: str) -> bool:
        """The segment, and the playlist once more since then."""
        paths = self._server.paths()
        return f"/main/{name}" in paths and "/media.m3u8" in paths[paths.index(f"/main/{name}") :]

    def _master(self, _: Request) -> bytes:
        self.looks += 1
        return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180\n/media.m3u8?t={self.token}\n".encode()

    def _media(self, request: Request) -> bytes | int:
        if self.guards_playlist and request.query != f"t={self.token}":
            return self.status
        segments = ts(*range(self.upto), query=f"?{request.query}")
        return playlist(segments) if self.ended else live(*segments)

    def _segment(self, request: Request) -> bytes | int:
        if self.guards_segments and request.query != f"t={self.token}":
            return self.status
        return (self._server.folders["/main/"] / request.path.rpartition("/")[2]).read_bytes()


@pytest.mark.parametrize("status", [401, 403])
def test_a_playlist_whose_token_has_expired_is_resolved_anew_and_the_old_address_left_alone(
    server: HlsServer, source: Opener, status: int
) -> None:
    """```
    0 1 2 │ expired │ resolved │ 3 4        none twice, none left out
    ```"""
    signed = Signed(server, status=status)
    stream = source()
    packets = stream.open().packets()
    wait_until(lambda: signed.has_given("index2.ts"))
    signed.token, signed.upto = 2, 5
    with pytest.raises(SourceError, match=f"HTTP {status} for the playlist, its address has expired") as caught:
        list(packets)
    assert caught.value.reason == "token"
    refused = [request for request in server.requests if request.path == "/media.m3u8" and request.query == "t=1"]
    assert len(refused) > 1
    signed.ended = True
    assert read(stream.open()).frames() == 2 * FRAMES
    assert [request for request in server.requests if request.query == "t=1"][-1] is refused[-1]
    assert signed.looks == 2
    assert {requests_of(server, f"index{n}.ts") for n in range(5)} == {1}


def test_a_segment_whose_token_has_expired_is_fetched_from_the_new_address(server: HlsServer, source: Opener) -> None:
    signed = Signed(server)
    signed.guards_playlist = False
    stream = source()
    packets = stream.open().packets()
    wait_until(lambda: signed.has_given("index2.ts"))
    signed.token, signed.upto = 2, 4
    with pytest.raises(SourceError, match="HTTP 403 for a segment, its address has expired") as caught:
        list(packets)
    assert caught.value.reason == "token"
    assert requests_of(server, "index3.ts") == 1  # not asked for again with the same token
    signed.ended = True
    assert read(stream.open()).frames() == FRAMES
    assert requests_of(server, "index3.ts") == 2


def test_a_segment_that_stays_forbidden_is_a_hole_and_no_endless_loop(server: HlsServer, source: Opener) -> None:
    server.pages["/main/index2.ts"] = 403
    server.pages["/x.m3u8"] = playlist(ts(0, 1, 2, 3, 4))
    stream = source()
    parts, error = parts_until_lost(stream)
    assert [part.frames() for part in parts] == [2 * FRAMES]
    assert error.reason == "token"
    assert read(stream.open()).frames() == 2 * FRAMES  # 3 and 4
    with pytest.raises(SourceEnded):
        stream.open()


# ---- what is missing, repeated, or begins anew ---------------------------------------------------------------------------


def test_three_missing_segments_in_a_row_and_the_address_is_resolved_anew(server: HlsServer, source: Opener) -> None:
    server.pages |= {f"/main/index{n}.ts": 404 for n in (3, 4, 5)}
    pages = itertools.chain([live(*ts(0, 1, 2))] * 2, itertools.repeat(live(*ts(0, 1, 2, 3, 4, 5))))
    server.pages["/x.m3u8"] = lambda _: next(pages)
    stream = source(stream_segment_attempts=1)
    parts, error = parts_until_lost(stream)
    assert [part.frames() for part in parts] == [3 * FRAMES]
    assert f"{HOLES_IN_A_ROW} segments in a row cannot be had (HTTP 404)" in str(error)
    assert error.reason == "http"
    for n in (3, 4, 5):
        del server.pages[f"/main/index{n}.ts"]
    stream.open()
    wait_until(lambda: requests_of(server, "index5.ts") == 2)
    assert requests_of(server, "index3.ts") == 2  # what could not be had before is not lost
    assert requests_of(server, "index2.ts") == 1


def test_a_recording_goes_on_behind_any_number_of_missing_segments(server: HlsServer, source: Opener) -> None:
    server.pages |= {f"/main/index{n}.ts": 404 for n in (1, 2, 3, 4)}
    server.pages["/x.m3u8"] = playlist(ts(0, 1, 2, 3, 4, 5))
    part = read(source(stream_segment_attempts=1).open())
    assert part.count("video") == 2 * FRAMES


def test_a_segment_that_a_playlist_repeats_is_delivered_once(server: HlsServer, source: Opener) -> None:
    server.pages["/x.m3u8"] = playlist(ts(0, 1, 1, 2, 2, 2, 3))
    assert read(source().open()).frames() == 4 * FRAMES


def test_numbers_that_are_left_out_are_a_hole(server: HlsServer, source: Opener) -> None:
    """```
    0 1 2 │ 5        the playlist moved on by three while nobody looked
    ```"""
    pages = itertools.chain([live(*ts(0, 1, 2))] * 2, [live(*ts(5), sequence=5)], itertools.repeat(playlist(ts(5), sequence=5)))
    server.pages["/x.m3u8"] = lambda _: next(pages)
    part = read(source().open())
    assert part.frames() == 4 * FRAMES


def test_a_server_that_begins_anew_is_noticed_at_once_and_watched_from_there(server: HlsServer, source: Opener) -> None:
    """```
    sequence 1000 1001 1002 │ 0 1 2
    ```"""
    page = [live(*ts(0, 1, 2), sequence=1000)]
    server.pages["/x.m3u8"] = lambda _: page[0]
    stream = source(read_timeout_seconds=20)
    packets = stream.open().packets()
    list(itertools.islice(packets, 3 * FRAMES))
    server.folders["/new/"] = server.folders["/main/"]
    page[0] = live(*ts(3, 4, 5, folder="new"))
    begun = time.monotonic()
    with pytest.raises(SourceError, match="the server has begun anew") as caught:
        list(packets)
    assert time.monotonic() - begun < 15  # not only after 20 s of silence
    assert caught.value.reason == "reset"
    page[0] = playlist(ts(3, 4, 5, folder="new"))
    stream.was_live = False  # the recording it is now would count as offline otherwise
    assert read(stream.open()).frames() == 3 * FRAMES


def test_a_playlist_that_is_a_few_segments_late_for_once_is_no_new_beginning(server: HlsServer, source: Opener) -> None:
    pages = itertools.chain([live(*ts(0, 1, 2, 3))] * 2, [live(*ts(0, 1, 2))], itertools.repeat(playlist(ts(0, 1, 2, 3, 4))))
    server.pages["/x.m3u8"] = lambda _: next(pages)
    assert read(source().open()).frames() == 4 * FRAMES  # 1 2 3 4: the live edge is three segments


def test_after_a_loss_nothing_that_the_playlist_still_has_is_left_out(server: HlsServer, source: Opener) -> None:
    """```
    0 1 2 │ silence │ 3 4 5 in a finished playlist, or in one whose live edge is behind them
    ```"""
    page = [live(*ts(0, 1, 2))]
    server.pages["/x.m3u8"] = lambda _: page[0]
    stream = source(read_timeout_seconds=QUICK_SECONDS, hls_live_edge=1)
    parts, error = parts_until_lost(stream)
    assert error.reason == "stalled"
    page[0] = live(*ts(0, 1, 2, 3, 4, 5))
    parts, _ = parts_until_lost(stream)
    assert [part.frames() for part in parts] == [3 * FRAMES]
    for n in (3, 4, 5):
        assert requests_of(server, f"index{n}.ts") == 1


def test_a_segment_that_was_lost_with_the_stream_is_fetched_when_it_is_back(server: HlsServer, source: Opener) -> None:
    """The playlist comes back finished: its last segments, which failed before, are not counted as delivered."""
    failing = {3}
    segment = (server.folders["/main/"] / "index3.ts").read_bytes()
    server.pages["/main/index3.ts"] = lambda _: 503 if failing else segment
    page = [live(*ts(0, 1, 2, 3))]
    server.pages["/x.m3u8"] = lambda _: page[0]
    stream = source(read_timeout_seconds=QUICK_SECONDS, stream_segment_attempts=1, hls_live_edge=4)
    parts, _ = parts_until_lost(stream)
    assert [part.frames() for part in parts] == [3 * FRAMES]
    failing.clear()
    page[0] = playlist(ts(0, 1, 2, 3))
    assert read(stream.open()).frames() == FRAMES
    with pytest.raises(SourceEnded):
        stream.open()


# ---- connections that break, hang and never end --------------------------------------------------------------------------


def test_a_connection_reset_in_mid_segment_is_tried_again(server: HlsServer, source: Opener) -> None:
    whole = (server.folders["/main/"] / "index1.ts").read_bytes()

    def torn() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]
        raise TornDown

    answers: Any = iter([Answer(torn(), length=len(whole))])
    server.pages["/main/index1.ts"] = lambda _: next(answers, whole)
    server.pages["/x.m3u8"] = playlist(ts(0, 1, 2))
    assert read(source().open()).frames() == 3 * FRAMES
    assert requests_of(server, "index1.ts") == 2


def test_the_last_segments_of_a_recording_that_were_lost_with_the_network_are_fetched_when_it_is_back(
    server: HlsServer, source: Opener
) -> None:
    down = {4, 5}
    for n in (4, 5):
        whole = (server.folders["/main/"] / f"index{n}.ts").read_bytes()
        server.pages[f"/main/index{n}.ts"] = lambda _, whole=whole: Answer(_torn(), length=1) if down else whole
    server.pages["/x.m3u8"] = playlist(ts(0, 1, 2, 3, 4, 5))
    stream = source(stream_segment_attempts=1)
    parts, error = parts_until_lost(stream)
    assert [part.frames() for part in parts] == [4 * FRAMES]
    assert "2 segments in a row cannot be had (connection lost)" in str(error)
    assert error.reason == "reset"
    down.clear()
    assert read(stream.open()).frames() == 2 * FRAMES
    with pytest.raises(SourceEnded):
        stream.open()


def _torn() -> Iterator[bytes]:
    yield from ()
    raise TornDown


@pytest.mark.parametrize("what", ["no answer", "a byte now and then"])
def test_a_segment_that_does_not_come_is_a_stall_and_nothing_hangs(server: HlsServer, source: Opener, what: str) -> None:
    def trickle() -> Iterator[bytes]:
        while not server.over.wait(0.02):
            yield b"G"

    if what == "no answer":
        server.hanging.add("/main/index1.ts")
    else:
        server.pages["/main/index1.ts"] = lambda _: Answer(trickle())
    server.pages["/x.m3u8"] = live(*ts(0, 1))
    stream = source(read_timeout_seconds=QUICK_SECONDS, stream_segment_timeout=20)
    parts, error = parts_until_lost(stream)
    assert [part.frames() for part in parts] == [FRAMES]
    assert error.reason == "stalled"
    download = stream._feeds[0].thread
    stream.close()
    download.join(20)
    assert not download.is_alive()


def test_a_playlist_that_trickles_in_is_given_up(server: HlsServer, source: Opener) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"#EXTM3U\n"
        while not server.over.wait(0.02):
            yield b"#"

    server.pages["/x.m3u8"] = lambda _: Answer(trickle())
    with pytest.raises(SourceError, match=r"no answer within 1\.5 s") as caught:
        source(open_timeout_seconds=0.5, http_timeout=30).open()  # each byte comes in time, however busy the machine is
    assert caught.value.reason == "timeout"
    assert not [thread for thread in threading.enumerate() if thread.name == "resolve" and not _ends(thread)]


def test_a_playlist_that_stops_in_the_middle_has_timed_out(server: HlsServer, source: Opener) -> None:
    def halting() -> Iterator[bytes]:
        yield b"#EXTM3U\n"
        server.over.wait(30)

    server.pages["/x.m3u8"] = lambda _: Answer(halting())
    with pytest.raises(SourceError, match="timed out") as caught:
        source(open_timeout_seconds=10, http_timeout=0.5).open()
    assert caught.value.reason == "timeout"


def _ends(thread: threading.Thread) -> bool:
    thread.join(20)
    return not thread.is_alive()


def test_a_segment_without_an_end_takes_no_memory_without_an_end(server: HlsServer, source: Opener) -> None:
    sent = [0]

    def endless() -> Iterator[bytes]:
        while True:
            sent[0] += 2**20
            yield bytes(2**20)

    server.pages["/main/index1.ts"] = lambda _: Answer(endless())
    server.pages["/x.m3u8"] = playlist(ts(0, 1, 2))
    assert read(source().open()).count("video") == 2 * FRAMES
    assert requests_of(server, "index1.ts") == 1  # what is too large once is so the next time
    assert sent[0] < MOST_WHOLE_BYTES + 32 * 2**20  # what lies in the buffers between


# ---- playlists that are too much -----------------------------------------------------------------------------------------


def _entries() -> Iterator[bytes]:
    yield b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
    for first in range(0, 1_000_000, 1000):
        yield b"".join(b"#EXTINF:2,\nx%d.ts\n" % n for n in range(first, first + 1000))


def _bomb() -> bytes:
    return gzip.compress(b"#EXTM3U\n" + bytes(200 * 2**20), compresslevel=9)


@pytest.mark.parametrize("what", ["100 MB", "a million entries", "gzip", "blank at first"])
def test_a_playlist_beyond_all_measure_is_refused(server: HlsServer, source: Opener, what: str) -> None:
    page = {
        "100 MB": lambda: Answer(itertools.chain([b"#EXTM3U\n"], itertools.repeat(b"#" * 2**20, 100))),
        "blank at first": lambda: Answer(itertools.chain([b"\n" * 2**16, b"#EXTM3U\n"], itertools.repeat(b"#" * 2**20, 100))),
        "a million entries": lambda: Answer(_entries()),
        "gzip": lambda: Answer([_bomb()], headers={"Content-Encoding": "gzip"}),
    }[what]
    body = page()
    server.pages["/x.m3u8"] = lambda _: body
    tracemalloc.start()
    try:
        with pytest.raises(SourceUnusable, match="a playlist of more than 16 MB or 200000 lines is not read"):
            source().open()
        # What was read, and what the server was about to send.
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_PLAYLIST_BYTES
    finally:
        tracemalloc.stop()


def test_a_playlist_that_becomes_too_much_later_ends_as_lost(server: HlsServer, source: Opener) -> None:
    pages = iter([live(*ts(0, 1, 2))] * 2)
    server.pages["/x.m3u8"] = lambda _: next(pages, None) or Answer(_entries())
    parts, error = parts_until_lost(source(read_timeout_seconds=QUICK_SECONDS))
    assert [part.frames() for part in parts] == [3 * FRAMES]
    assert error.reason == "stalled"


@pytest.mark.parametrize(
    "line",
    [
        "#EXT-X-TARGETDURATION:inf",
        "#EXT-X-TARGETDURATION:nan",
        "#EXT-X-TARGETDURATION:1e300",
        "#EXT-X-TARGETDURATION:-5",
        "#EXT-X-TARGETDURATION:x",
        "#EXT-X-MEDIA-SEQUENCE:" + "9" * 30,
        '#EXT-X-DATERANGE:ID="x",START-DATE="2026-01-01T00:00:00Z",DURATION=' + "9" * 20 + ".0",
        '#EXT-X-KEY:METHOD=AES-128,URI="/key"\n#EXT-X-MEDIA-SEQUENCE:' + "9" * 30,
        "#EXT-X-BYTERANGE:1@" + "9" * 20,
    ],
)
def test_numbers_out_of_this_world_end_as_a_stream_that_cannot_be_read_or_do_no_harm(
    server: HlsServer, source: Opener, line: str
) -> None:
    server.pages["/key"] = bytes(16)
    page = (
        playlist(ts(0, 1), ended=True)
        .replace(b"#EXT-X-TARGETDURATION:2\n", b"")
        .replace(b"#EXTINF", f"{line}\n#EXTINF".encode(), 1)
    )
    server.pages["/x.m3u8"] = page
    stream = source(read_timeout_seconds=2)
    with contextlib.suppress(SourceError):
        read(stream.open())
    assert stream.quiet_until - time.monotonic() < 200


# ---- ads -------------------------------------------------------------------------------------------------------------


class AdBreak:
    """Three segments, then ads until ``over`` is set, each new one with a request; then three segments more, and the end."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.ads = 0

    def __call__(self, _: Request) -> bytes:
        ads = [Segment(f"/ad/{n}.ts", discontinuity=n == 0) for n in range(self.ads)]
        rest = [Segment(f"/main/index{n}.ts", discontinuity=n == 3) for n in (3, 4, 5)] if self.over.is_set() else []
        self.ads += not self.over.is_set()
        return playlist([*ts(0, 1, 2), *ads, *rest], target_seconds=0.05, ended=bool(rest))


def test_an_ad_of_any_length_is_no_stall_and_splits_the_stream(server: HlsServer, source: Opener) -> None:
    ads = AdBreak()
    server.pages["/x.m3u8"] = ads
    stream = source(read_timeout_seconds=2.0, hls_segment_ignore_names=["/ad/"], hls_live_restart=True)
    first = read(stream.open())
    longer = threading.Timer(4.0, ads.over.set)  # twice what would be a stall; nothing here waits for it
    longer.start()
    second = read(stream.open())
    longer.join()
    assert (first.frames(), second.frames()) == (3 * FRAMES, 3 * FRAMES)
    assert not any(path.startswith("/ad/") for path in server.paths())


def test_while_an_ad_runs_the_watch_from_outside_knows_and_a_stop_is_no_matter_of_waiting(
    server: HlsServer, source: Opener
) -> None:
    ads = AdBreak()
    server.pages["/x.m3u8"] = ads
    stream = source(read_timeout_seconds=20, hls_segment_ignore_names=["/ad/"])
    read(stream.open())
    outcome: list[BaseException] = []

    def wait_for_the_end_of_the_ad() -> None:
        try:
            stream.open()
        except SourceEnded as error:
            outcome.append(error)

    waiting = threading.Thread(target=wait_for_the_end_of_the_ad)
    waiting.start()
    assert stream.quiet_until > time.monotonic() + 10
    stream.close()
    waiting.join(20)
    assert outcome
