"""What may be done to a clip's picture before it is encoded, as one of FFmpeg's filter graphs.

stabilise   ``deshake``: each frame is held against the one before it. ``vidstab``: two passes, where the build has it.
colour      ``normalize``: the darkest and the brightest of about a second become black and white, hues stay as they are.
height      ``scale``: Lanczos, the shape kept.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import av.error
import av.filter

from stream_processor.best.settings import BestClips
from stream_processor.errors import SettingsError

_COLOUR = "normalize=independence=0:strength=0.8:smoothing={frames}"


@cache
def has_filter(name: str) -> bool:
    """Does this build of FFmpeg have it?"""
    return name in av.filter.filters_available


def check_filters(settings: BestClips) -> None:
    """SettingsError: this build of FFmpeg cannot do it."""
    needed = {
        "stabilise": {"none": (), "deshake": ("deshake",), "vidstab": ("vidstabdetect", "vidstabtransform")}[settings.stabilise],
        "colour": ("normalize",) if settings.colour == "normalise" else (),
    }
    for key, names in needed.items():
        if not all(has_filter(name) for name in names):
            instead = 'use "deshake"' if key == "stabilise" and has_filter("deshake") else 'use "none"'
            raise SettingsError(
                f'best_clips.{key} = "{getattr(settings, key)}": this FFmpeg was built without {" and ".join(names)}; {instead}'
            )


def chain(
    settings: BestClips, width: int, height: int, *, is_turned: bool, fps: float, transforms: Path | None = None
) -> list[str]:
    """The filters in order, as FFmpeg writes them; none where nothing is to be done.

    ``width`` and ``height`` are those of the coded picture; ``is_turned``: it is shown on its side, so that its width is the
    height that people see. ``transforms``: what the first pass of vidstab found.
    """
    filters = []
    if settings.stabilise == "deshake":
        filters.append("deshake=edge=mirror")
    elif settings.stabilise == "vidstab" and transforms is not None:
        filters.append(f"vidstabtransform=input={_quoted(transforms)}:smoothing={max(5, round(fps / 2))}")
    if settings.colour == "normalise":
        filters.append(_COLOUR.format(frames=max(1, round(fps))))
    if settings.height:
        wide, high = scaled(settings.height, width, height, is_turned=is_turned)
        filters.append(f"scale={wide}:{high}:flags=lanczos")
    return filters


def first_pass(transforms: Path) -> list[str]:
    """What vidstab wants to have run over the clip before it, writing to this file."""
    return [f"vidstabdetect=result={_quoted(transforms)}"]


def scaled(asked_height: int, width: int, height: int, *, is_turned: bool) -> tuple[int, int]:
    """Coded width and height, both even, of which the one that is shown upright is as asked; 0: as it is, but even."""
    factor = asked_height / (width if is_turned else height) if asked_height else 1.0
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)


def _quoted(path: Path) -> str:
    """Twice: for the filter's options, and for the graph."""
    text = path.as_posix()
    for special in "\\':":
        text = text.replace(special, f"\\{special}")
    return "'" + text.replace("'", "'\\''") + "'"


class FilterGraph:
    """A chain for frames of one size and format; made anew where these change. ``size``: what comes out, in pixels."""

    def __init__(self, filters: list[str], size: tuple[int, int]) -> None:
        self._filters = filters
        self.size = size
        self._graph: Any = None
        self._sink: Any = None
        self._shape: tuple[int, int, str] | None = None

    def push(self, frame: Any) -> Iterator[Any]:
        """Frames as they come out, with their own timestamps; None: there are no more."""
        shape = None if frame is None else (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            yield from self._finish()
            if frame is None:
                return
            self._build(frame)
            self._shape = shape
        if frame is not None:
            self._graph.push(frame)
            yield from self._pulled()

    def _finish(self) -> Iterator[Any]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pulled()
        self._graph = self._shape = None

    def _pulled(self) -> Iterator[Any]:
        while True:
            try:
                frame = self._sink.pull()
            except (BlockingIOError, av.error.EOFError):
                return
            frame.pict_type = 0
            yield frame

    def _build(self, frame: Any) -> None:
        self._graph = graph = av.filter.Graph()
        node = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
        for described in [*self._filters, "format=yuv420p"]:
            name, _, arguments = described.partition("=")
            added = graph.add(name, arguments)
            node.link_to(added)
            node = added
        self._sink = graph.add("buffersink")
        node.link_to(self._sink)
        graph.configure()
