"""Twitch through streamlink's own plugin, with its hosts played on loopback."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream_processor.errors import SourceEnded, SourceError, SourceOffline
from stream_processor.records import RawPacket
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource
from stream_processor.sources.streams.session import TOKEN_VARIABLE
from tests.peers.hls_media import FPS, SEGMENT_SECONDS, Segment, playlist
from tests.peers.hls_server import HlsServer, Request
from tests.peers.twitch import SIGNATURE, Twitch
from tests.sources.conftest import Recordings, read

FRAMES = SEGMENT_SECONDS * FPS
BEGIN = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
AD = "ad"
Opener = Callable[..., StreamlinkSource]


@pytest.fixture
def twitch(server: HlsServer, recordings: Recordings) -> Twitch:
    server.folders |= {"/weaver.hls.ttvnw.net/main/": recordings.ts, "/weaver.hls.ttvnw.net/ad/": recordings.other_ts}
    return Twitch(server)


@pytest.fixture
def watch(twitch: Twitch) -> Iterator[Opener]:
    made = []

    def open_channel(channel: str = "somebody", read_timeout_seconds: float = 5.0, **options: Any) -> StreamlinkSource:
        streamlink = StreamlinkSettings(**{"no-plugin-cache": True, **options})
        made.append(
            StreamlinkSource(f"twitch.tv/{channel}", streamlink, SourceSettings(read_timeout_seconds=read_timeout_seconds))
        )
        twitch.join(made[-1].session.http)
        return made[-1]

    yield open_channel
    for each in made:
        each.close()


def stitched(*what: int | str) -> list[Segment]:
    """A media playlist as Twitch writes it: numbers are segments of the channel, AD is one of an advertisement.

    Ads lie in a date range of their class, with a discontinuity before and after the break.
    """
    segments = []
    for place, item in enumerate(what):
        at = (BEGIN + timedelta(seconds=SEGMENT_SECONDS * place)).isoformat()
        is_ad, was_ad = item == AD, place > 0 and what[place - 1] == AD
        tags = [f"#EXT-X-PROGRAM-DATE-TIME:{at}"]
        if is_ad:
            attributes = f'ID="stitched-ad-{place}",CLASS="twitch-stitched-ad",START-DATE="{at}",DURATION={SEGMENT_SECONDS}'
            tags.append(f'#EXT-X-DATERANGE:{attributes},X-TV-TWITCH-AD-ROLL-TYPE="MIDROLL"')
        uri = f"https://weaver.hls.ttvnw.net/{f'ad/index{place % 2}' if is_ad else f'main/index{item}'}.ts"
        segments.append(Segment(uri, tags=tuple(tags), discontinuity=is_ad != was_ad))
    return segments


class Live:
    """Shows three segments, one further with every request, and says at last that it is over."""

    def __init__(self, segments: list[Segment]) -> None:
        self.segments = segments
        self.first = -2  # the plugin looks once, for the download to begin with the first segment

    def __call__(self, _: Request) -> bytes:
        first = max(0, self.first)
        self.first = min(self.first + 1, len(self.segments) - 3)
        is_over = first == len(self.segments) - 3
        return playlist(self.segments[first : first + 3], sequence=first, target_seconds=0.05, ended=is_over)


def parts_of(source: StreamlinkSource) -> list[Any]:
    parts = []
    while True:
        try:
            parts.append(read(source.open()))
        except SourceEnded:
            return parts


def test_a_live_channel(twitch: Twitch, watch: Opener) -> None:
    twitch.go_live("somebody", Live(stitched(0, 1, 2, 3, 4, 5)))
    stream = watch()
    (part,) = parts_of(stream)
    assert part.frames() == 6 * FRAMES
    assert part.count("audio") > 0
    assert stream.is_live


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ((AD, AD, AD, 0, 1, 2), [3]),
        ((0, 1, 2, AD, AD, 3, 4, 5), [3, 3]),
        ((AD, 0, AD, AD, AD, AD, 1, 2, AD, 3, 4), [1, 2, 2]),
    ],
)
def test_ads_never_come_through_and_split_the_stream(
    twitch: Twitch, watch: Opener, what: tuple[int | str, ...], expected: list[int]
) -> None:
    """```
    0 1 2 AD AD 3 4 5     →     0 1 2 │ 3 4 5
    ```"""
    twitch.go_live("somebody", Live(stitched(*what)))
    parts = parts_of(watch())
    assert [part.frames() for part in parts] == [count * FRAMES for count in expected]
    assert {part.demuxer.media.video.height for part in parts} == {180}  # the ads are smaller
    assert not any("/ad/" in path for path in twitch.server.paths())


def test_a_discontinuity_between_live_segments_is_twitchs_mistake(twitch: Twitch, watch: Opener) -> None:
    segments = stitched(0, 1, 2, 3)
    segments[2] = Segment(segments[2].uri, tags=segments[2].tags, discontinuity=True)
    twitch.go_live("somebody", Live(segments))
    (part,) = parts_of(watch())
    assert part.frames() == 4 * FRAMES


def test_low_latency_takes_segments_before_they_are_listed(twitch: Twitch, watch: Opener) -> None:
    """```
    listed  0 1 2 3     prefetch  4 5
    ```"""
    segments = stitched(0, 1, 2, 3)
    later = "".join(f"#EXT-X-TWITCH-PREFETCH:https://weaver.hls.ttvnw.net/main/index{n}.ts\n" for n in (4, 5))
    page = playlist(segments, target_seconds=0.05, ended=False) + later.encode()
    over = playlist(stitched(0, 1, 2, 3, 4, 5), target_seconds=0.05)
    pages = iter([page, page])
    twitch.go_live("somebody", lambda _: next(pages, over))
    (part,) = parts_of(watch(**{"twitch-low-latency": True}))
    assert part.frames() == 2 * FRAMES  # the live edge is two segments there
    assert not {"/weaver.hls.ttvnw.net/main/index3.ts"} & set(twitch.server.paths())


def test_a_channel_that_is_offline(watch: Opener) -> None:
    with pytest.raises(SourceOffline, match=r"twitch\.tv/nobody: no stream there now"):
        watch("nobody").open()


def test_a_channel_whose_playlist_is_gone_before_the_api_knows(twitch: Twitch, watch: Opener) -> None:
    twitch.go_live("somebody", Live(stitched(0, 1, 2)))
    twitch.server.pages["/usher.ttvnw.net/api/v2/channel/hls/somebody.m3u8"] = 404
    with pytest.raises(SourceOffline):
        watch().open()


def test_a_channel_that_goes_offline_without_a_word_has_ended(twitch: Twitch, watch: Opener) -> None:
    page = playlist(stitched(0, 1, 2), target_seconds=0.05, ended=False)
    twitch.go_live("somebody", lambda _: page)
    stream = watch(read_timeout_seconds=2.0)
    with pytest.raises(SourceError, match="no data"):
        read(stream.open())
    twitch.go_offline("somebody")
    with pytest.raises(SourceEnded, match="no stream there now"):
        stream.open()


def test_a_channel_that_comes_back_gets_a_new_token(twitch: Twitch, watch: Opener) -> None:
    stream = watch(read_timeout_seconds=2.0)
    for broadcast in (1, 2):
        page = playlist(stitched(*([0, 1, 2] if broadcast == 1 else [3, 4, 5])), target_seconds=0.05, ended=False)
        twitch.go_live("somebody", lambda _, page=page: page)
        packets: list[RawPacket] = []
        with pytest.raises(SourceError, match="no data"):
            packets.extend(stream.open().packets())
        assert sum(packet.kind == "video" for packet in packets) == 3 * FRAMES
        assert len(twitch.tokens_seen) == broadcast


def test_the_token_goes_to_twitch_and_nowhere_else(
    twitch: Twitch,
    watch: Opener,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(TOKEN_VARIABLE, "TOKEN-SECRET")
    twitch.token = "TOKEN-SECRET"
    twitch.go_live("somebody", Live(stitched(AD, 0, 1, 2)))
    parts_of(watch())
    assert twitch.tokens_seen == ["OAuth TOKEN-SECRET"]
    others = [request for request in twitch.server.requests if "gql" not in request.path]
    assert others
    assert not any("TOKEN-SECRET" in f"{request.headers}{request.query}" for request in others)
    said = "".join(capfd.readouterr()) + caplog.text
    assert "Will skip ad segments" in said  # so the log does come through
    assert not any(secret in said for secret in ("TOKEN-SECRET", "PLAYBACK-SECRET", SIGNATURE))


@pytest.mark.parametrize("trouble", [401, 500, "unauthorized", "usher"])
def test_no_error_tells_a_token(
    twitch: Twitch,
    watch: Opener,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    trouble: int | str,
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "TOKEN-SECRET")
    twitch.go_live("somebody", Live(stitched(0, 1, 2)))
    if trouble == "unauthorized":
        twitch.token = "another"
    elif trouble == "usher":
        twitch.server.pages["/usher.ttvnw.net/api/v2/channel/hls/somebody.m3u8"] = b"no playlist"
    else:
        twitch.server.pages["/gql.twitch.tv/gql"] = int(trouble)
    with pytest.raises(SourceError) as caught:
        watch().open()
    said = str(caught.value) + "".join(capfd.readouterr())
    assert not any(secret in said for secret in ("TOKEN-SECRET", "PLAYBACK-SECRET", SIGNATURE))
    if trouble == "unauthorized":
        assert 'Unauthorized: The "Authorization" token is invalid.' in str(caught.value)
