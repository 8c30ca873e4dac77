"""Recordings that several tests of sources share, and what they all do with packets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from stream_processor.contracts import Demuxer
from stream_processor.records import Kind, RawPacket
from tests.peers.hls_media import record, record_separate_sound
from tests.peers.hls_server import HlsServer, hls_server


@dataclass(frozen=True)
class Recordings:
    """Folders with an ``index.m3u8`` (``master.m3u8`` where the sound is separate) of 12 s, 25 frames per second."""

    ts: Path
    fmp4: Path
    other_ts: Path
    """Another picture size, 4 s, timestamps from the start again."""
    other_fmp4: Path
    separate_ts: Path
    separate_fmp4: Path


@pytest.fixture(scope="session")
def recordings(need_program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    ffmpeg, folder = need_program("ffmpeg"), tmp_path_factory.mktemp("hls")
    fmp4 = ("-hls_segment_type", "fmp4")
    return Recordings(
        ts=record(ffmpeg, folder / "ts", "index.m3u8"),
        fmp4=record(ffmpeg, folder / "fmp4", *fmp4, "index.m3u8"),
        other_ts=record(ffmpeg, folder / "other_ts", "index.m3u8", seconds=4, size="160x90"),
        other_fmp4=record(ffmpeg, folder / "other_fmp4", *fmp4, "index.m3u8", seconds=4, size="160x90"),
        separate_ts=record_separate_sound(ffmpeg, folder / "separate_ts"),
        separate_fmp4=record_separate_sound(ffmpeg, folder / "separate_fmp4", *fmp4),
    )


@pytest.fixture
def server() -> Iterator[HlsServer]:
    with hls_server() as peer:
        yield peer


@dataclass(frozen=True)
class Part:
    """All packets of one demuxer."""

    demuxer: Demuxer
    packets: list[RawPacket]

    def count(self, kind: Kind) -> int:
        return sum(packet.kind == kind for packet in self.packets)

    def seconds(self, kind: Kind) -> list[float]:
        """Presentation times, sorted."""
        return sorted(float(p.pts * p.time_base) for p in self.packets if p.kind == kind and p.pts is not None)

    def frames(self) -> int:
        """How many pictures the decoder makes of it; a broken packet would raise."""
        decoder = self.demuxer.codecs.video
        frames = 0
        for packet in [*self.packets, None]:
            if packet is None:
                frames += len(decoder.decode(None))
            elif packet.kind == "video":
                encoded = av.Packet(packet.data)
                encoded.pts, encoded.dts, encoded.time_base = packet.pts, packet.dts, packet.time_base
                frames += len(decoder.decode(encoded))
        return frames


def read(demuxer: Demuxer) -> Part:
    return Part(demuxer, list(demuxer.packets()))
