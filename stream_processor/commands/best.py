"""``main best``: the best moments of recordings, as clips with everything that tells of them."""

import sys
from pathlib import Path

from stream_processor import process
from stream_processor.best.asked import Asked
from stream_processor.best.interrupting import Interruptions
from stream_processor.best.run import Outcome, find_best
from stream_processor.best.telling import Teller, teller
from stream_processor.errors import GivenUp
from stream_processor.logs.log import configure, write_line

INTERRUPTED = 130


def choose(asked: Asked) -> int:
    """The command: choose, cut, print, and give the exit code. ClipError, one line: what is wrong.

    0: done, though perhaps with fewer moments than asked for. 1: some of the videos or clips failed. 130: interrupted.
    """
    log = asked.settings.log
    configure("plain", log.model_copy(update={"level": "warning"}) if log.level == "info" else log)
    process.apply(asked.settings.process)
    try:
        interruptions = Interruptions()
        with interruptions.heard(), teller() as told:
            outcome = find_best(asked, told, interruptions)
            _say_failures(outcome, told)
    except (KeyboardInterrupt, GivenUp):
        write_line("interrupted: nothing was written", sys.stderr)
        return INTERRUPTED
    return _show(outcome, asked.output)


def _say_failures(outcome: Outcome, told: Teller) -> None:
    for failure in outcome.published.failures:
        told.say(f"error: {failure}")


def _show(outcome: Outcome, output: Path) -> int:
    from stream_processor.commands.best_table import print_selection

    selection, published = outcome.selection, outcome.published
    print_selection(selection, [clip["filename"] for clip in published.clips])
    for note in (*selection.notes, *published.notes):
        write_line(note, sys.stdout)
    cut = sum(clip["filename"] is not None for clip in published.clips)
    clips = f"{cut} clip{'' if cut == 1 else 's'} in {output / 'highlights'}, and beside it contact_sheet.jpg, scores.png, …"
    write_line(clips if cut else f"no clips; how everything scored is in {output / 'scores.png'}", sys.stdout)
    return int(bool(published.failures or outcome.failed))


__all__ = ["INTERRUPTED", "Asked", "choose"]
