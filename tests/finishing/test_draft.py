"""Drafts: what a step changed stands in its note."""

import pytest

from stream_processor.finishing.draft import Note
from tests.finishing.recorded import draft


def test_a_note_says_which_boundaries_moved() -> None:
    moved = (
        draft(10, 20).moved("scene", "to a cut", start_seconds=9.5).moved("speech", "a pause", start_seconds=9.5, end_seconds=21)
    )
    assert [note.moved for note in moved.notes] == [("start",), ("end",)]
    assert (moved.start_seconds, moved.end_seconds) == (9.5, 21)


def test_notes_are_compared_by_what_people_read() -> None:
    assert draft(10, 20).moved("scene", "to a cut", start_seconds=9.5).notes == (Note("scene", "to a cut"),)


def test_a_clip_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="clip from"):
        draft(10, 20).moved("scene", "too far", start_seconds=20)
