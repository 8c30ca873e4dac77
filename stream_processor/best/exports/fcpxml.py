"""The selection as a Final Cut Pro XML document (FCPXML 1.9), which DaVinci Resolve reads, too.

Written here and not by OpenTimelineIO's adapter, which leaves the frame duration of its formats empty where it cannot ask
ffprobe, and the sound out. Times are fractions of a second, as Apple's FCPXML reference wants them: multiples of the frame's.
"""

from fractions import Fraction
from xml.etree import ElementTree

from stream_processor.best.exports.edit_list import EditList, Medium
from stream_processor.best.exports.rates import is_drop_frame

_VERSION = "1.9"


def document(edits: EditList, title: str = "Best moments") -> bytes:
    """UTF-8, with declaration and document type."""
    root = ElementTree.Element("fcpxml", version=_VERSION)
    resources = ElementTree.SubElement(root, "resources")
    used = sorted({edit.medium for edit in edits.edits})
    leads = next((edit.medium for edit in edits.edits if edits.media[edit.medium].rate == edits.rate), 0)
    sequence_format = _format(resources, "r0", edits.media[leads], edits.rate)
    formats = {index: _format(resources, f"f{index}", edits.media[index], edits.media[index].rate) for index in used}
    for index in used:
        _asset(resources, f"a{index}", edits.media[index], formats[index])
    event = ElementTree.SubElement(ElementTree.SubElement(root, "library"), "event", name=title)
    project = ElementTree.SubElement(event, "project", name=title)
    sequence = ElementTree.SubElement(
        project,
        "sequence",
        format=sequence_format,
        duration=time(edits.frames, edits.rate),
        tcStart="0s",
        tcFormat="DF" if edits.is_drop_frame else "NDF",
    )
    spine = ElementTree.SubElement(sequence, "spine")
    for edit in edits.edits:
        medium = edits.media[edit.medium]
        clip = ElementTree.SubElement(
            spine,
            "asset-clip",
            ref=f"a{edit.medium}",
            name=f"#{edit.rank} {medium.name}",
            offset=time(edit.record_in, edits.rate),
            start=time(medium.first_frame + edit.source_in, medium.rate),
            duration=time(edit.frames, edits.rate),
            format=formats[edit.medium],
            tcFormat="DF" if is_drop_frame(medium.rate) else "NDF",
        )
        ElementTree.SubElement(clip, "note").text = edit.comment
        ElementTree.SubElement(
            clip,
            "marker",
            start=time(medium.first_frame + edit.source_in + edit.peak, medium.rate),
            duration=time(1, medium.rate),
            value=f"peak of #{edit.rank}",
        )
    ElementTree.indent(root, "    ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n\n{body}\n'.encode()


def time(frames: int, rate: Fraction) -> str:
    """``1001/30000s``, ``3s``."""
    seconds = frames / rate
    return f"{seconds.numerator}s" if seconds.denominator == 1 else f"{seconds.numerator}/{seconds.denominator}s"


def _format(resources: ElementTree.Element, id: str, medium: Medium, rate: Fraction) -> str:
    ElementTree.SubElement(
        resources,
        "format",
        id=id,
        frameDuration=time(1, rate),
        width=str(medium.video.width),
        height=str(medium.video.height),
    )
    return id


def _asset(resources: ElementTree.Element, id: str, medium: Medium, format: str) -> None:
    asset = ElementTree.SubElement(
        resources,
        "asset",
        id=id,
        name=medium.name,
        start=time(medium.first_frame, medium.rate),
        duration=time(medium.frames, medium.rate),
        hasVideo="1",
        format=format,
    )
    if medium.video.has_sound:
        asset.set("hasAudio", "1")
        asset.set("audioSources", "1")
        asset.set("audioChannels", "2")
    ElementTree.SubElement(asset, "media-rep", kind="original-media", src=medium.url)
