"""``main doctor``: what is there, what is missing, and what to do about it. Each check looks at the real thing."""

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from stream_processor.commands import surroundings
from stream_processor.commands.finding import Finding
from stream_processor.commands.parts import part_troubles, source_trouble
from stream_processor.configuring.options import ChannelOptions
from stream_processor.errors import ClipError
from stream_processor.process import available_cores
from stream_processor.redact import redact
from stream_processor.settings import Settings

_MB = 1024 * 1024
_NAMES_SHOWN = 8
_MOST_OF_MEMORY = 0.5


def examine(settings: Settings, channels: Sequence[ChannelOptions] = ()) -> int:
    """Print all findings, the quick ones first, and give the exit code: 1 if any is ``fail``.

    ``channels``: those of the configuration's tables, whose own settings are looked at, too.
    """
    levels = set()
    for finding in _findings(settings, channels):
        levels.add(finding.level)
        print(line(finding), flush=True)
    return 1 if "fail" in levels else 0


def _findings(settings: Settings, channels: Sequence[ChannelOptions]) -> Iterator[Finding]:
    watched = [channel.settings for channel in channels] or [settings]
    yield from python(settings)
    yield from ffmpeg(next((one for one in watched if one.clip.cut == "exact"), settings))
    yield from streams(settings)
    yield from sources(channels)
    yield from parts(watched)
    yield from rings(channels, _memory_mb())
    yield from surroundings.output(settings)
    yield from surroundings.clock(settings)
    yield from surroundings.broker(settings)
    yield from surroundings.metrics(settings)
    yield from device(settings)
    for place, one in enumerate(watched):
        if all(one.novelty != before.novelty for before in watched[:place]):
            yield from novelty(one)


def line(finding: Finding) -> str:
    hint = f"\n      -> {finding.hint}" if finding.hint else ""
    return redact(f"{finding.level:<5} {finding.text}{hint}")


def python(_: Settings) -> Iterator[Finding]:
    cores, usable = os.cpu_count() or 1, available_cores()
    may_use = f", of which this program may use {usable}" if usable < cores else ""
    yield Finding("ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {cores} cores{may_use}")


def ffmpeg(settings: Settings) -> Iterator[Finding]:
    """The libraries inside PyAV: what decodes, what encodes, and whether RTMP is built in."""
    import av
    import av.error

    yield Finding("ok", f"FFmpeg {av.ffmpeg_version_info}, PyAV {av.__version__}")
    for name, why in {
        "h264": "what most streams are",
        "hevc": "some streams",
        "aac": "what most sound is",
        "opus": "some sound",
    }.items():
        if not _has_codec(name, "r"):
            level: Literal["warn", "fail"] = "fail" if name in ("h264", "aac") else "warn"
            yield Finding(
                level, f"no decoder for {name} ({why})", "install PyAV from its wheels: pip install --force-reinstall av"
            )
    encoders = [name for name in ("libx264", "aac") if not _has_codec(name, "w")]
    if encoders:
        exact = settings.clip.cut == "exact"
        yield Finding("fail" if exact else "warn", f"no encoder {', '.join(encoders)}", "needed by clip.cut=exact and the demo")
    try:
        av.open("rtmp://127.0.0.1:9/doctor/none", timeout=1.0).close()
    except av.error.ProtocolNotFoundError:
        yield Finding("warn", "this FFmpeg has no RTMP", "rtmp:// and listen:rtmp:// will not work; files and HLS will")
    except (av.error.FFmpegError, OSError):
        pass  # refused: nobody is there, but FFmpeg knows how to ask


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    import av.codec
    from av.codec.codec import UnknownCodecError

    try:
        av.codec.Codec(name, mode)
    except UnknownCodecError:
        return False
    return True


def streams(_: Settings) -> Iterator[Finding]:
    try:
        yield Finding("ok", f"streamlink {version('streamlink')}")
    except PackageNotFoundError:
        yield Finding("warn", "streamlink is not installed", "Twitch and HLS will not work: pip install streamlink")


def sources(channels: Sequence[ChannelOptions]) -> Iterator[Finding]:
    """Addresses that nothing here can read, files that are not there. Whether a channel is live is not asked."""
    troubles = [(channel.name, trouble) for channel in channels if (trouble := source_trouble(channel))]
    for name, trouble in troubles:
        yield Finding("fail", f"channel {name}: {trouble}")
    if channels and not troubles:
        yield Finding("ok", "every channel's address is one that can be read, and its file, if it is one, is there")


def parts(watched: Sequence[Settings]) -> Iterator[Finding]:
    """Kinds that are neither in a table nor to be imported; each said once, however many channels name it."""
    troubles = {trouble for settings in watched for trouble in part_troubles(settings)}
    for trouble in sorted(troubles):
        yield Finding("fail", trouble)
    if not troubles:
        yield Finding("ok", "scorers, normaliser, detector, cutter and sinks are there, as configured")


def rings(channels: Sequence[ChannelOptions], memory_mb: float | None) -> Iterator[Finding]:
    """What the packets of all channels may take together. ``memory_mb``: the machine's, where known."""
    if not channels:
        return
    together_mb = sum(channel.settings.ring.max_mb for channel in channels)
    names = ", ".join(channel.name for channel in channels[:_NAMES_SHOWN])
    more = f" and {len(channels) - _NAMES_SHOWN} more" if len(channels) > _NAMES_SHOWN else ""
    text = f"{len(channels)} channels ({names}{more}): their rings may hold {together_mb:,.0f} MB together (ring.max_mb)"
    if memory_mb is not None and together_mb > memory_mb * _MOST_OF_MEMORY:
        hint = f"this machine has {memory_mb:,.0f} MB: lower ring.max_mb, or ring.seconds, if the streams really are so heavy"
        yield Finding("warn", text, hint)
    else:
        yield Finding("ok", text)


def _memory_mb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _MB
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def device(settings: Settings) -> Iterator[Finding]:
    """PyTorch is only imported where there is an NVIDIA driver: otherwise there is nothing to ask it."""
    kind = settings.device.kind
    torch = version("torch")
    if not _has_nvidia_driver():
        if kind.startswith("cuda"):
            yield Finding("fail", f"torch {torch}; no NVIDIA driver, but device.kind = {kind}", "use --device auto or cpu")
        else:
            yield Finding("ok", f"torch {torch}; no NVIDIA driver: scores on the CPU")
        return
    import torch as pytorch

    count = pytorch.cuda.device_count() if pytorch.cuda.is_available() else 0
    number = int(kind.partition(":")[2] or 0)
    if count > number:
        yield Finding("ok", f"torch {torch}, CUDA {pytorch.version.cuda}: {pytorch.cuda.get_device_name(number)}")
    elif kind.startswith("cuda"):
        yield Finding("fail", f"torch {torch} finds {count} CUDA devices, but device.kind = {kind}", "use --device auto or cpu")
    else:
        yield Finding("warn", f"torch {torch} cannot use the NVIDIA driver: scores on the CPU", "is this a CPU build of torch?")


def _has_nvidia_driver() -> bool:
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists() or shutil.which("nvidia-smi") is not None


def novelty(settings: Settings) -> Iterator[Finding]:
    """Whether CLIP's weights are there. open_clip is slow to import, and only asked where it can matter."""
    from scorers import SCORERS, fetch
    from scorers.weights import any_cached, find_weights

    chosen = settings.novelty
    name = f"CLIP {chosen.model}, {chosen.pretrained}"
    if chosen.kind not in ("auto", "clip"):
        if chosen.kind in SCORERS["novelty"] or ":" in chosen.kind:  # else ``parts`` has said that there is no such kind
            yield Finding("ok", f"novelty: {chosen.kind}, as configured; no CLIP weights are needed")
        return
    needs_clip = chosen.kind == "clip"
    if not needs_clip and not any_cached():
        hint = f"they are fetched if {fetch.hub()} can be reached; until then novelty is measured by the light scorer"
        yield Finding("warn", f"{name}: no weights cached", hint)
        return
    try:
        cached = find_weights(chosen.model, chosen.pretrained).path()
    except ClipError as error:
        yield Finding("fail", str(error), "main runs without CLIP with --set novelty.kind=light")
        return
    if cached is not None:
        yield Finding("ok", f"{name}: weights are there")
    elif needs_clip and not (fetch.is_allowed() and fetch.can_reach_hub()):
        yield Finding("fail", f"{name}: no weights, and {fetch.hub()} cannot be reached", "use --set novelty.kind=light")
    else:
        yield Finding("warn", f"{name}: weights are not cached", f"they will be fetched from {fetch.hub()}")
