"""Every setting with its unit, range and default, a small class for each part; and how a configuration is read.

Order of precedence: ``--set SECTION.KEY=VALUE``, environment (``CLIP_HIGHLIGHTS_SECTION__KEY``), the file, defaults.
No part ever sees more than its own section. ``configs/default.toml`` says the same for people; a test holds the two together.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(Section):
    open_timeout_seconds: Positive = 10.0
    read_timeout_seconds: Positive = 10.0
    give_up_seconds: NotNegative = 30.0
    """A live stream that was lost counts as ended when it has not come back for so long."""
    poll_seconds: Positive = 15.0
    """How often --wait asks whether an offline channel is live."""
    max_part_gap_seconds: Positive = 10.0
    """A jump of the timestamps by more than this begins a new epoch; a smaller one is a hole."""


class StreamlinkSettings(BaseModel):
    """Further keys are streamlink's own option names, as its command line has them without the dashes in front."""

    model_config = ConfigDict(frozen=True, extra="allow")
    quality: str = "best"


class AnalysisSettings(Section):
    fps: Annotated[float, Field(gt=0, le=30)] = 5.0
    height: Annotated[int, Field(ge=32, le=720, multiple_of=4)] = 180
    queue_seconds: Annotated[float, Field(ge=1, le=60)] = 6.0
    threads: Annotated[int, Field(ge=0, le=64)] = 0


class ScorerSettings(Section):
    kind: str
    weight: Annotated[float, Field(ge=0, le=1)]
    options: Mapping[str, Any] = {}
    """Keyword arguments for a class given as package.module:Class; the scorers of the table take none."""


class MotionSettings(ScorerSettings):
    kind: str = "farneback"
    weight: Annotated[float, Field(ge=0, le=1)] = 0.4


class NoveltySettings(ScorerSettings):
    kind: str = "auto"
    weight: Annotated[float, Field(ge=0, le=1)] = 0.4
    model: str = "ViT-B-32-quickgelu"
    pretrained: str = "openai"
    fps: Annotated[float, Field(ge=0, le=30)] = 0.0
    fetch_seconds: NotNegative = 30.0


class LoudnessSettings(ScorerSettings):
    kind: str = "rms"
    weight: Annotated[float, Field(ge=0, le=1)] = 0.2


class WindowSettings(Section):
    length_seconds: Positive = 5.0
    hop_seconds: Positive = 3.0

    @model_validator(mode="after")
    def _whole_panes(self) -> "WindowSettings":
        if self.hop_seconds > self.length_seconds:
            raise ValueError("window.hop_seconds must not exceed window.length_seconds")
        return self


class SaliencySettings(Section):
    kind: str = "robust_z"
    history_seconds: Annotated[float, Field(ge=30)] = 600.0
    options: Mapping[str, Any] = {}


class PeaksSettings(Section):
    kind: str = "percentile"
    smoothing: Literal["gaussian", "median", "none"] = "gaussian"
    percentile: Annotated[float, Field(ge=50, lt=100)] = 90.0
    min_rise: NotNegative = 1.0
    history_seconds: Annotated[float, Field(ge=30)] = 600.0
    warmup_seconds: NotNegative = 60.0
    merge_gap_seconds: NotNegative = 3.0
    min_distance_seconds: NotNegative = 0.0
    max_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    clips_per_hour: NotNegative = 0.0
    options: Mapping[str, Any] = {}


class ClipSettings(Section):
    kind: str = "ffmpeg"
    cut: Literal["copy", "exact"] = "copy"
    pre_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    post_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
    options: Mapping[str, Any] = {}


class RingSettings(Section):
    seconds: Annotated[float, Field(ge=5, le=3600)] = 90.0
    max_mb: Annotated[float, Field(ge=1)] = 256.0


class OutputSettings(Section):
    folder: Path = Path("clips")
    min_free_mb: NotNegative = 200.0


class MqttSettings(Section):
    url: str | None = None
    prefix: Annotated[str, Field(min_length=1, pattern=r"^[^#+\x00]+$")] = "clip_highlights"
    keepalive_seconds: Annotated[int, Field(ge=5, le=3600)] = 30


class OutboxSettings(Section):
    max_days: Positive = 7.0


class ExtraSinkSettings(Section):
    kind: str
    options: Mapping[str, Any] = {}


class DeviceSettings(Section):
    kind: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="CLIP_HIGHLIGHTS_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    source: SourceSettings = SourceSettings()
    streamlink: StreamlinkSettings = StreamlinkSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    motion: MotionSettings = MotionSettings()
    novelty: NoveltySettings = NoveltySettings()
    loudness: LoudnessSettings = LoudnessSettings()
    scorers: Mapping[str, ScorerSettings] = {}
    """Further signals: [scorers.NAME] with kind, weight and options."""
    window: WindowSettings = WindowSettings()
    saliency: SaliencySettings = SaliencySettings()
    peaks: PeaksSettings = PeaksSettings()
    clip: ClipSettings = ClipSettings()
    ring: RingSettings = RingSettings()
    output: OutputSettings = OutputSettings()
    mqtt: MqttSettings = MqttSettings()
    outbox: OutboxSettings = OutboxSettings()
    sinks: Mapping[str, ExtraSinkSettings] = {}
    """Further sinks: [sinks.NAME] with kind and options."""
    device: DeviceSettings = DeviceSettings()
    log: LogSettings = LogSettings()

    @property
    def signals(self) -> dict[str, ScorerSettings]:
        """Signal name -> its scorer's settings, in the order in which they are shown."""
        return {"motion": self.motion, "novelty": self.novelty, "loudness": self.loudness, **self.scorers}
