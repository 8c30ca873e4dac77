"""The settings of the finishing steps: what is done with a highlight between its closing and its clip."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stream_processor.configuring.section import FilePath, NotNegative, Section


class FinishingSettings(Section):
    steps: tuple[str, ...] = ("context", "scene", "speech", "diversity", "ranking")
    """In this order; a step that is not named is not taken. Also ``package.module:Class``."""


class ContextSettings(Section):
    max_setup_seconds: Annotated[float, Field(ge=0, le=60)] = 6.0
    """So much earlier than planned a clip may begin, for the rise of the score that leads to its highlight."""
    max_reaction_seconds: Annotated[float, Field(ge=0, le=60)] = 6.0
    """So much later than planned it may end, for the reaction to its highlight."""


class SceneSettings(Section):
    kind: Literal["content", "colour", "hash"] = "content"
    """Of PySceneDetect's detectors: change of brightness, of hue, saturation and brightness, or of a perceptual hash."""
    threshold: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    """How strong a change must be, as a multiple of the least that a cut usually has (``shots.LEAST``)."""
    max_shift_seconds: Annotated[float, Field(ge=0, le=10)] = 1.5
    min_clip_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    """Alignment makes no clip shorter than this."""


class SpeechSettings(Section):
    kind: Literal["auto", "silero", "energy"] = "auto"
    model: FilePath | None = None
    """Silero VAD's ONNX file; None: the one of an installed package."""
    threshold: Annotated[float, Field(ge=0.2, le=0.99)] = 0.5
    """Probability from which it is speech."""
    min_pause_seconds: Annotated[float, Field(ge=0.1, le=2)] = 0.1
    """What is shorter is a gap within or between words, and not cut at; by default Silero's own."""
    max_shift_seconds: Annotated[float, Field(ge=0, le=10)] = 1.5


class DiversitySettings(Section):
    memory_seconds: NotNegative = 600.0
    repeats: Literal["mark", "drop"] = "mark"
    looks: Annotated[float, Field(gt=0, le=1)] = 0.92
    """Cross-correlation of how the pictures change; replays have 0.98 and more, people who walk the same way up to 0.90."""
    sounds: Annotated[float, Field(ge=-1, le=1)] = 0.45
    """The same of the sound's timbre; replays have 0.52 and more, nine in ten other moments less than 0.44."""


class RankingSettings(Section):
    top_per_hour: Annotated[int, Field(ge=0, le=1000)] = 0
    """No hour has more files; 0: no such limit."""
    about_per_hour: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """A target that the bar adapts to; 0: none."""
    score_weight: Annotated[float, Field(ge=0, le=1)] = 0.6
    length_weight: Annotated[float, Field(ge=0, le=1)] = 0.2
    variety_weight: Annotated[float, Field(ge=0, le=1)] = 0.2

    @model_validator(mode="after")
    def _something_counts(self) -> "RankingSettings":
        if not self.score_weight + self.length_weight + self.variety_weight > 0:
            raise ValueError("every weight of [ranking] is 0: at least one must be above")
        return self


class NuisanceSettings(Section):
    kind: Literal["standby", "off"] = "standby"
    after_seconds: Annotated[float, Field(ge=10, le=300)] = 30.0
    """How long a picture stands still or loops before it is taken as a waiting screen."""
    longest_loop_seconds: Annotated[float, Field(ge=10, le=300)] = 60.0
