"""The settings' finishing steps, built. They may remember highlights: each run of a channel has its own."""

import math
from collections.abc import Sequence

from pydantic import BaseModel

from stream_processor.errors import SettingsError
from stream_processor.finishing import STEPS
from stream_processor.finishing.contract import Step
from stream_processor.settings import Settings
from stream_processor.tables import find


def build_steps(names: Sequence[str], settings: Settings, setting: str = "finishing.steps") -> tuple[Step, ...]:
    """In that order, each of the table with the section of its name, a class from outside with nothing.

    SettingsError names ``setting``: an unknown step, one that is named twice, or a class that is no step.
    """
    for place, name in enumerate(names):
        if name in names[:place]:
            raise SettingsError(f"{setting}: {name!r} is named twice")
    return tuple(_build(name, settings, setting) for name in names)


def observers_of(steps: Sequence[Step], settings: Settings) -> dict[str, BaseModel | None]:
    """What the steps want observed: name -> its section of the settings, None where it has none."""
    names = dict.fromkeys(name for step in steps for name in getattr(step, "observers", ()))
    return {name: getattr(settings, name, None) for name in names}


def reach_seconds(steps: Sequence[Step]) -> tuple[float, float]:
    """How far all of them together may move a clip's start back and its end on."""
    return sum(step.before_seconds for step in steps), sum(step.after_seconds for step in steps)


def _build(name: str, settings: Settings, setting: str) -> Step:
    made = find(STEPS, name, setting)
    try:
        step = made(getattr(settings, name)) if name in STEPS else made()
    except TypeError as error:
        raise SettingsError(f"{setting}: {name!r} cannot be made: {error}") from error
    lacks = [part for part in ("name", "before_seconds", "after_seconds", "finish") if not hasattr(step, part)]
    if lacks:
        raise SettingsError(f"{setting}: {name!r} is no finishing step: it has no {' and no '.join(lacks)}")
    for seconds in (step.before_seconds, step.after_seconds):
        if not (isinstance(seconds, int | float) and 0 <= seconds < math.inf):
            raise SettingsError(f"{setting}: {name!r} is no finishing step: {seconds!r} is no number of seconds from 0 up")
    found: Step = step
    return found
