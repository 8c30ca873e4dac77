"""The selection for editors and players: EDL, OpenTimelineIO, FCPXML, a table, chapters. Each is imported when used."""

from collections.abc import Sequence
from pathlib import Path

from stream_processor.best.records import Selection


def export_all(folder: Path, selection: Selection, names: Sequence[str]) -> list[str]:
    """``names``: what the files of each video are called. Returns what an editor should know, a line each. OSError: the disk."""
    from stream_processor.best.exports import chapters, edit_list, edl, fcpxml, start_timecode, table, timeline

    starts = [start_timecode.of(scored.table.video.path) for scored in selection.tables]
    edits = edit_list.of(selection, starts)
    (folder / "selection.csv").write_text(table.text(selection), encoding="utf-8", newline="")
    (folder / "selection.edl").write_text(edl.text(edits), encoding="utf-8")
    (folder / "selection.fcpxml").write_bytes(fcpxml.document(edits))
    (folder / "chapters.txt").write_text(chapters.text(selection), encoding="utf-8")
    for video, name in enumerate(names):
        written = chapters.ffmetadata(selection, video)
        if written:
            (folder / f"chapters_{name}.ffmetadata").write_text(written, encoding="utf-8")
    notes = list(edits.notes)
    try:
        (folder / "selection.otio").write_text(timeline.text(edits), encoding="utf-8")
    except ImportError:
        notes.append("selection.otio is left out: OpenTimelineIO is not installed (there is none for this Python so far)")
    return notes
