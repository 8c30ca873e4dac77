"""The selection as a table for spreadsheets."""

import csv
import io

from stream_processor.best.labels import printable
from stream_processor.best.records import Selection
from stream_processor.best.timeline_csv import number


def text(selection: Selection) -> str:
    """A line for each clip in rank order; seconds since the video's first frame, decimal point whatever the locale."""
    components = list(dict.fromkeys(name for one in selection.chosen for name in one.moment.components))
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["rank", "source_video", "start", "end", "duration", "peak", "peak_frame", "score", *components])
    for one in selection.chosen:
        rows.writerow(
            [
                one.rank,
                printable(str(selection.tables[one.moment.video].table.video.path)),
                number(one.start_seconds),
                number(one.end_seconds),
                number(one.end_seconds - one.start_seconds),
                number(one.moment.peak_seconds),
                one.moment.frame,
                number(one.moment.score),
                *(number(one.moment.components.get(name, float("nan"))) for name in components),
            ]
        )
    return written.getvalue()
