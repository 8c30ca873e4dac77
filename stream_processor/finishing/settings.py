"""The settings of the finishing steps: what is done with a highlight between its closing and its clip."""

from typing import Annotated, Literal

from pydantic import Field

from stream_processor.configuring.section import FilePath, NotNegative, Section


class FinishingSettings(Section):
    steps: tuple[str, ...] = ("context", "scene", "speech", "diversity", "ranking")
    """In this order; a step that is not named is not taken. Also ``package.module:Class``."""


class ContextSettings(Section):
    max_pre_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 8.0
    max_post_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 6.0


class SceneSettings(Section):
    max_shift_seconds: Annotated[float, Field(ge=0, le=10)] = 1.5


class SpeechSettings(Section):
    kind: Literal["auto", "silero", "energy"] = "auto"
    model: FilePath | None = None
    max_shift_seconds: Annotated[float, Field(ge=0, le=10)] = 1.5


class DiversitySettings(Section):
    memory_seconds: NotNegative = 600.0


class RankingSettings(Section):
    top_per_hour: Annotated[float, Field(ge=0, le=1000)] = 0.0


class NuisanceSettings(Section):
    kind: Literal["standby", "off"] = "standby"
