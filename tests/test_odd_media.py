"""Files that lie about themselves, lack things or are broken on purpose: each goes through the program and through the cutter.

Whatever is in them: no traceback, no hang, exit 0 or one clear line and exit 1, and nothing half-written.
"""

from pathlib import Path

import av
import av.error
import pytest

from stream_processor.errors import SourceUnusable
from tests.channel import cut, highlight, read
from tests.conftest import MEDIA
from tests.program import LIGHT, files, run, sidecars

ODD = MEDIA / "odd"
PATHS = sorted(path for path in ODD.rglob("*") if path.is_file()) if ODD.exists() else []
NAMES = [str(path.relative_to(ODD)) for path in PATHS]
MISTAKEN = {
    "media3_ts/sample_mpegh_lcbl_configchange_multi.ts",  # MPEG-H, which looks like MP3 to FFmpeg here, and is not
    "media3_ts/sample_mpegh_lcbl_configchange_single.ts",
    "media3_ts/sample_with_junk",  # five frames, and junk between them that looks like keyframes
}
"""Not to be decoded, whole or cut, though their headers say so."""

pytestmark = pytest.mark.skipif(not PATHS, reason="no shared/media/odd beside the repository")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", NAMES)
def test_the_program_gets_through_it(name: str, tmp_path: Path) -> None:
    done = run("--stream", ODD / name, "--output", tmp_path, "--set", "peaks.warmup_seconds=0", *LIGHT)
    assert "Traceback" not in done.lines_said
    if done.code == 0:
        assert "[Stream Processor] Ending the stream, exiting." in done.lines_said
        assert "watched 0:" in done.out
    else:
        assert done.code == 1
        errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert Path(name).name in errors[0]
    for channel in (path for path in tmp_path.iterdir() if path.is_dir()):
        told = sidecars(channel)
        whole = {clip["filename"] for clip in told} | {clip["picture"] for clip in told} | {"alerts.jsonl"}
        assert {file for file in files(channel) if not file.endswith(".json")} <= whole


def decoded(path: Path) -> tuple[int, int]:
    """How many frames and blocks of sound come out of it, and how many packets are refused."""
    good = refused = 0
    with av.open(str(path)) as container:
        for packet in container.demux([stream for stream in container.streams if stream.type in ("video", "audio")]):
            try:
                good += len(packet.decode())
            except av.error.FFmpegError:
                refused += 1
    return good, refused


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(set(NAMES) - MISTAKEN))
def test_a_clip_can_be_cut_out_of_it(name: str, tmp_path: Path) -> None:
    try:
        channel = read(ODD / name)
    except SourceUnusable:
        return  # nothing to cut
    start = 0.3 * channel.end_seconds
    moment = highlight(
        channel.epoch.start_seconds + start,
        channel.epoch.start_seconds + max(start + 0.3, min(0.7 * channel.end_seconds, start + 3)),
        epoch=channel.epoch.number,
    )
    outcome = cut(channel, moment, tmp_path)
    assert outcome.clip is not None, outcome.reason
    clip = outcome.clip
    good, refused = decoded(tmp_path / clip.filename)
    assert good > 0
    assert refused == 0 or refused <= decoded(ODD / name)[1]
    assert 0 < clip.duration_seconds < 60
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(
        file for file in (clip.filename, clip.picture) if file is not None
    )
