"""HLS recordings made by the real ffmpeg, and playlists written by hand over their segments."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FPS = 25
SEGMENT_SECONDS = 2


@dataclass(frozen=True)
class Segment:
    """One line of a playlist. ``tags`` are written above it; ``map`` is the address of its initialization."""

    uri: str
    seconds: float = SEGMENT_SECONDS
    tags: tuple[str, ...] = ()
    discontinuity: bool = False
    map: str | None = None


def playlist(
    segments: Iterable[Segment], *, sequence: int = 0, target_seconds: float = SEGMENT_SECONDS, ended: bool = True
) -> bytes:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{target_seconds:g}", f"#EXT-X-MEDIA-SEQUENCE:{sequence}"]
    header = None
    for segment in segments:
        if segment.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
            header = None
        if segment.map != header:
            lines.append(f'#EXT-X-MAP:URI="{segment.map}"')
            header = segment.map
        lines += [*segment.tags, f"#EXTINF:{segment.seconds:.3f},", segment.uri]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""]).encode()


def record(
    ffmpeg: Path, folder: Path, *options: str, seconds: int = 12, size: str = "320x180", picture: str = "testsrc2"
) -> Path:
    """H.264 with B-frames and AAC, cut into HLS segments of two seconds; ``options`` go to ffmpeg's hls muxer."""
    folder.mkdir(parents=True)
    command = [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={FPS}:duration={seconds}"]
    command += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-g", str(FPS), "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    command += ["-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod", *options]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder


def record_separate_sound(ffmpeg: Path, folder: Path, *options: str) -> Path:
    """master.m3u8 with the sound in a rendition of its own."""
    streams = ["-map", "0:v", "-map", "1:a", "-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes,language:en"]
    return record(ffmpeg, folder, *streams, *options, "-master_pl_name", "master.m3u8", "stream_%v.m3u8")
