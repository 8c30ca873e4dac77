"""The selection as an OpenTimelineIO document."""

from fractions import Fraction

from stream_processor.best.exports.edit_list import Edit, EditList


def text(edits: EditList, title: str = "Best moments") -> str:
    """A picture track and, where there is sound, a sound track. ImportError: OpenTimelineIO is not there."""
    import opentimelineio as otio

    def span(first: int, frames: int, rate: Fraction) -> "otio.opentime.TimeRange":
        of = float(rate)
        return otio.opentime.TimeRange(otio.opentime.RationalTime(first, of), otio.opentime.RationalTime(frames, of))

    def clip(edit: Edit) -> "otio.schema.Clip":
        medium = edits.media[edit.medium]
        reference = otio.schema.ExternalReference(
            target_url=medium.url, available_range=span(medium.first_frame, medium.frames, medium.rate)
        )
        reference.name = medium.name
        source = span(medium.first_frame + edit.source_in, edit.source_frames, medium.rate)
        made = otio.schema.Clip(name=f"#{edit.rank} {medium.name}", media_reference=reference, source_range=source)
        made.metadata["clip_highlights"] = {"rank": edit.rank, "comment": edit.comment}
        peak = span(medium.first_frame + edit.source_in + edit.peak, 1, medium.rate)
        made.markers.append(otio.schema.Marker(name=f"peak of #{edit.rank}", marked_range=peak))
        return made

    made = otio.schema.Timeline(name=title, global_start_time=otio.opentime.RationalTime(0, float(edits.rate)))
    picture = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    sound = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    for edit in edits.edits:
        picture.append(clip(edit))
        if edits.media[edit.medium].video.has_sound:
            sound.append(clip(edit))
        else:
            sound.append(otio.schema.Gap(source_range=span(0, edit.source_frames, edits.media[edit.medium].rate)))
    made.tracks.append(picture)
    if any(edits.media[edit.medium].video.has_sound for edit in edits.edits):
        made.tracks.append(sound)
    return str(otio.adapters.write_to_string(made, "otio_json"))
