"""Twitch on loopback: its GQL and usher endpoints and a media playlist with ads, for streamlink's own plugin, unpatched."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from tests.peers.hls_server import HlsServer, Request

HOSTS = ("https://gql.twitch.tv", "https://usher.ttvnw.net", "https://weaver.hls.ttvnw.net")
SIGNATURE = "0123456789abcdef"
_CLIENT_ID = "kimne78kx3ncx6brgo4mv6wki5h1ko"
_MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="chunked",NAME="180p25",AUTOSELECT=YES,DEFAULT=YES
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=320x180,CODECS="avc1.4D401F,mp4a.40.2",VIDEO="chunked",FRAME-RATE=25.000,STABLE-VARIANT-ID="chunked"
https://weaver.hls.ttvnw.net/v1/playlist/best.m3u8
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="audio_only",NAME="audio_only",AUTOSELECT=NO,DEFAULT=NO
#EXT-X-STREAM-INF:BANDWIDTH=160000,CODECS="mp4a.40.2",VIDEO="audio_only",STABLE-VARIANT-ID="audio_only"
https://weaver.hls.ttvnw.net/v1/playlist/sound.m3u8
"""


class ToLoopback(BaseAdapter):
    """Sends what is meant for one of Twitch's hosts to the server on loopback; nobody above it notices."""

    def __init__(self, server: HlsServer) -> None:
        super().__init__()
        self._server = server
        self._adapter = HTTPAdapter()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        address = str(request.url)
        host, _, path = address.removeprefix("https://").partition("/")
        there = request.copy()
        there.url = f"{self._server.url}/{host}/{path}"
        response = self._adapter.send(there, *args, **kwargs)
        response.url, response.request = address, request
        return response

    def close(self) -> None:
        self._adapter.close()


@dataclass
class Twitch:
    """Channels that are live are in ``live``, with the page of their media playlist. ``token`` None: none is asked for."""

    server: HlsServer
    live: dict[str, Callable[[Request], bytes | int]] = field(default_factory=dict)
    token: str | None = None
    tokens_seen: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.pages["/gql.twitch.tv/gql"] = self._gql

    def join(self, http: Any) -> None:
        for host in HOSTS:
            http.mount(host, ToLoopback(self.server))

    def go_live(self, channel: str, media_playlist: Callable[[Request], bytes | int]) -> None:
        self.live[channel] = media_playlist
        self.server.pages[f"/usher.ttvnw.net/api/v2/channel/hls/{channel}.m3u8"] = self._usher
        self.server.pages["/weaver.hls.ttvnw.net/v1/playlist/best.m3u8"] = media_playlist

    def go_offline(self, channel: str) -> None:
        del self.live[channel]

    def _gql(self, request: Request) -> bytes | int:
        assert request.headers["Client-ID"] == _CLIENT_ID
        query = json.loads(request.body)
        if isinstance(query, list):
            return b'[{"data": {"userOrError": {"displayName": "X"}}}, {"data": {"user": null}}]'
        assert query["operationName"] == "PlaybackAccessToken"
        authorization = request.headers.get("Authorization")
        self.tokens_seen.append(authorization)
        if self.token is not None and authorization not in (None, f"OAuth {self.token}"):
            return b'{"error": "Unauthorized", "status": 401, "message": "The \\"Authorization\\" token is invalid."}'
        if query["variables"]["login"] not in self.live:
            return b'{"data": {"streamPlaybackAccessToken": null}}'
        value = json.dumps({"chansub": {"restricted_bitrates": []}, "secret": "PLAYBACK-SECRET"})
        return json.dumps({"data": {"streamPlaybackAccessToken": {"value": value, "signature": SIGNATURE}}}).encode()

    def _usher(self, request: Request) -> bytes | int:
        channel = request.path.rpartition("/")[2].removesuffix(".m3u8")
        query = parse_qs(request.query)
        assert query["sig"] == [SIGNATURE]
        assert "PLAYBACK-SECRET" in query["token"][0]
        return _MASTER.encode() if channel in self.live else 404
