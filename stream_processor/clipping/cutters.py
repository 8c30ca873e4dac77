"""Cutters by their names in the settings, each held to its promise: what gives no clip has failed, whatever it says."""

from stream_processor.clipping.cut import CutJob, Cutter
from stream_processor.clips import CUTTERS
from stream_processor.errors import SettingsError
from stream_processor.records import Clip
from stream_processor.settings import ClipSettings
from stream_processor.tables import find


class Checked:
    """TypeError where a cutter from outside gives something else than a clip, RuntimeError where it asks the process to exit."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter

    def cut(self, job: CutJob) -> Clip:
        try:
            clip = self._cutter.cut(job)
        except SystemExit as error:
            raise RuntimeError(f"the cutter wanted to exit: {error}") from error
        if not isinstance(clip, Clip):
            raise TypeError(f"the cutter gave {type(clip).__name__} instead of a Clip")
        return clip


def build_cutter(settings: ClipSettings) -> Cutter:
    """SettingsError: no such kind, or options that it does not take."""
    made = find(CUTTERS, settings.kind, "clip.kind")
    try:
        return Checked(made(**settings.options))
    except TypeError as error:
        raise SettingsError(f"clip.options: {error}") from error
