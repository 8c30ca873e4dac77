"""When the journal is told to hurry: when the last channel ends, and not before."""

from typing import Any, cast

from stream_processor.endings import Endings


class Told:
    def __init__(self) -> None:
        self.words: list[str] = []

    def hurry(self) -> None:
        self.words.append("hurry")


def test_a_channel_that_ends_hurries_nobody_while_another_goes_on() -> None:
    #  a ────┤
    #  b ────────┤ hurry
    told = Told()
    endings = Endings(cast("Any", told), 2)
    endings.near("a")
    endings.near("a")
    assert told.words == []
    endings.near("b")
    assert told.words == ["hurry"]
