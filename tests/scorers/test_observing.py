"""Observers: built once for all channels that want the same, and one that cannot be had costs nobody else anything."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from scorers import OBSERVERS
from scorers.observing import SharedObservers, build_observer
from stream_processor.errors import ScorerError, SettingsError
from stream_processor.settings import SceneSettings, Settings

MADE: list[str] = []
GATE = threading.Event()


class Seeing:
    signal = "seeing"
    keeps = "samples"

    def __init__(self, settings: SceneSettings | None = None) -> None:
        GATE.wait(30)
        MADE.append("" if settings is None else settings.kind)


class Plain:
    signal, keeps = "plain", "samples"


class Broken:
    def __init__(self) -> None:
        raise ScorerError("there is no model: set seeing.model")


class Signal:
    signal = "signal"


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    MADE.clear()
    GATE.set()
    here = __name__
    known = {"seeing": f"{here}:Seeing", "plain": f"{here}:Plain", "broken": f"{here}:Broken", "signal": f"{here}:Signal"}
    monkeypatch.setattr("scorers.observing.OBSERVERS", {**OBSERVERS, **known})


def test_it_gets_its_section_where_it_takes_one() -> None:
    build_observer("seeing", SceneSettings(kind="hash"))
    assert isinstance(build_observer("plain", SceneSettings()), Plain)
    assert MADE == ["hash"]


def test_channels_that_want_the_same_share_one_and_others_have_their_own() -> None:
    shared = SharedObservers()
    wanted = {"seeing": SceneSettings(), "plain": None}
    first, second = shared.observers(wanted), shared.observers(dict(wanted))
    third = shared.observers({"seeing": SceneSettings(kind="hash")})
    assert all(first[name] is second[name] for name in wanted)
    assert third["seeing"] is not first["seeing"]
    assert MADE == ["content", "hash"]


def test_whoever_asks_while_it_is_made_waits_for_that_one() -> None:
    GATE.clear()
    shared = SharedObservers()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(shared.observers, {"seeing": SceneSettings()}) for _ in range(2)]
        GATE.set()
        assert both[0].result(30)["seeing"] is both[1].result(30)["seeing"]
    assert MADE == ["content"]


@pytest.mark.parametrize("name", ["broken", "signal", "nowhere"])
def test_one_that_cannot_be_had_is_said_once_and_the_others_are_there(name: str) -> None:
    shared = SharedObservers()
    with capture_logs() as said:
        assert list(shared.observers({name: None, "plain": None})) == ["plain"]
        assert list(shared.observers({name: None})) == []
    (line,) = said
    assert line["event"] == f"clips are finished without {name}: it cannot be observed"
    if name == "broken":
        assert line["reason"] == "there is no model: set seeing.model"


def test_no_such_observer_and_a_signal_are_told_apart() -> None:
    with pytest.raises(SettingsError, match="unknown kind 'seen'"):
        build_observer("seen", None)
    with pytest.raises(ScorerError, match="signal is a signal, and no observer"):
        build_observer("signal", None)


@pytest.mark.parametrize("name", OBSERVERS)
def test_each_of_the_table_is_an_observer(name: str) -> None:
    made = build_observer(name, getattr(Settings(), name, None))
    assert made.signal == name
