"""``main report``: one page for a run, or for what ``main best`` chose."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from stream_processor.best.metadata import NAME as METADATA
from stream_processor.commands.lets_in import ways_in
from stream_processor.commands.recordings import JOURNAL, JournaledRun, read_journal
from stream_processor.commands.remembering import Remembering
from stream_processor.commands.replay import decide_again, normaliser_of, settings_of
from stream_processor.errors import ClipWriteError, SettingsError
from stream_processor.records import ScoredWindow
from stream_processor.reporting.from_best import page_of_best
from stream_processor.reporting.from_run import page_of_run
from stream_processor.reporting.html import render
from stream_processor.reporting.page import Page

NAME = "report.html"
_OTHERS = 20
"""The newest of the other runs are named."""


def write(output: Path, *, run_id: str | None = None, channel: str | None = None, to: Path | None = None) -> Path:
    """The page's path. ``output``: a folder, or the journal or ``metadata.json`` in it.

    SettingsError: nothing there that could be reported, or ``to`` is a folder. JournalError: as read. ClipWriteError: the disk.
    """
    folder = output.parent if output.is_file() else output
    target = to if to is not None else folder / NAME
    if target.is_dir():
        raise SettingsError(f"--to {target}: a folder: name the file to write")
    page = _page(output, folder, run_id, channel)
    text = render(page, _url_of(folder, target.parent))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", errors="replace")  # names of files may hold what is no text
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise ClipWriteError(f"{target}: {error.strerror or error}") from error
    return target


def _url_of(folder: Path, page_folder: Path) -> str:
    """What to put before a path below ``folder`` so that a page in ``page_folder`` finds it."""
    folder, page_folder = folder.resolve(), page_folder.resolve()
    if folder == page_folder:
        return ""
    try:
        return quote(Path(os.path.relpath(folder, page_folder)).as_posix(), errors="replace") + "/"
    except ValueError:  # another drive
        return folder.as_uri() + "/"


def _page(output: Path, folder: Path, run_id: str | None, channel: str | None) -> Page:
    if not folder.is_dir():
        raise SettingsError(f"{output}: no such folder")
    is_metadata = output.is_file() and output.name == METADATA
    journal = output if output.is_file() else folder / JOURNAL
    if journal.exists() and not is_metadata:
        return _page_of_run(journal, folder, run_id, channel)
    metadata = folder / METADATA
    if not metadata.exists():
        raise SettingsError(f"{output}: neither {JOURNAL} nor {METADATA} in it: give the folder that --output named")
    if run_id is not None or channel is not None:
        raise SettingsError(f"{output}: written by main best, which has neither runs nor channels: leave out --run and --channel")
    return page_of_best(folder, metadata)


def _page_of_run(journal: Path, folder: Path, run_id: str | None, channel: str | None) -> Page:
    recorded = read_journal(journal, run_id, channel)
    settings = settings_of(recorded)
    saliency = Remembering(normaliser_of(settings))
    windows = decide_again(recorded, settings, saliency).windows
    return page_of_run(
        recorded.run,
        windows,
        recorded.saved,
        folder=folder,
        ways=ways_in(recorded, settings, saliency),
        others=recorded.others[-_OTHERS:],
        notes=[*_why_no_curve(recorded, windows), *recorded.notes()],
    )


def _why_no_curve(recorded: JournaledRun, windows: Sequence[ScoredWindow]) -> Sequence[str]:
    if not recorded.panes:
        return ["the journal has no scores of this run (any more): there is no curve"]
    if not windows:
        return ["nothing has been decided yet: first the stream is listened to for peaks.warmup_seconds"]
    return []


def show(output: Path, *, run_id: str | None, channel: str | None, to: Path | None) -> int:
    """The command: write, say where, and give the exit code."""
    print(f"report: {write(output, run_id=run_id, channel=channel, to=to)}")
    return 0
