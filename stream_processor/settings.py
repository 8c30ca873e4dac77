"""Every setting with its unit, range and default: a small class for each part, which never sees more than its own section.

``configuration.load`` reads them; ``configs/default.toml`` says the same for people, and a test holds the two together.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stream_processor.best.settings import AestheticsSettings, BestClips, BestSettings, BestWeights, FacesSettings
from stream_processor.configuring.section import FilePath, NotNegative, Positive, Section
from stream_processor.finishing.settings import (
    ContextSettings,
    DiversitySettings,
    FinishingSettings,
    NuisanceSettings,
    RankingSettings,
    SceneSettings,
    SpeechSettings,
)
from stream_processor.operations import host_port

CHANNEL_SECTIONS = (
    "source",
    "streamlink",
    "analysis",
    "motion",
    "novelty",
    "loudness",
    "scorers",
    "window",
    "saliency",
    "nuisance",
    "peaks",
    "finishing",
    "context",
    "scene",
    "speech",
    "diversity",
    "ranking",
    "clip",
    "ring",
)
"""What each channel may have of its own. All other sections are for the whole program."""


def _address(text: str | None) -> str | None:
    return None if text is None else str(host_port.parse(text))


class SourceSettings(Section):
    open_timeout_seconds: Positive = 10.0
    read_timeout_seconds: Positive = 10.0
    give_up_seconds: NotNegative = 30.0
    """A live stream that was lost counts as ended when it has not come back for so long."""
    poll_seconds: Positive = 15.0
    """How often --wait asks whether an offline channel is live."""
    max_part_gap_seconds: Positive = 10.0
    """A jump of the timestamps by more than this begins a new epoch; a smaller one is a hole."""
    max_megapixels: Annotated[float, Field(gt=0, le=270)] = 36.0
    """A larger picture is not decoded: a header of a few bytes can ask for gigabytes."""


class StreamlinkSettings(BaseModel):
    """Further keys are streamlink's own option names, as its command line has them without the dashes in front."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)
    quality: str = "best"


class AnalysisSettings(Section):
    fps: Annotated[float, Field(gt=0, le=30)] = 5.0
    height: Annotated[int, Field(ge=32, le=720, multiple_of=4)] = 180
    queue_seconds: Annotated[float, Field(ge=1, le=60)] = 6.0
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    """For decoding; 0: this channel's share of ``process.threads``."""


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
    history_seconds: Annotated[float, Field(ge=30)] = 450.0
    options: Mapping[str, Any] = {}


class PeaksSettings(Section):
    kind: str = "percentile"
    smoothing: Literal["gaussian", "median", "none"] = "median"
    percentile: Annotated[float, Field(ge=50, lt=100)] = 85.0
    min_rise: Annotated[float, Field(ge=0, le=100)] = 0.45
    leave_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    history_seconds: Annotated[float, Field(ge=30)] = 600.0
    warmup_seconds: Annotated[float, Field(ge=0, le=3000)] = 60.0
    merge_gap_seconds: NotNegative = 3.0
    min_distance_seconds: NotNegative = 0.0
    max_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    ordinary_per_hour: Annotated[float, Field(ge=0, le=1000)] = 6.0
    """Each highlight of the last hour raises the bar for the next, up to ``outstanding`` at so many; 0: no such limit."""
    outstanding: Annotated[float, Field(ge=0, le=100)] = 0.95
    """A smoothed score that opens a highlight however many there were."""
    clips_per_hour: Annotated[float, Field(ge=0, le=1000)] = 0.0
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
    folder: FilePath = Path("clips")
    min_free_mb: Annotated[float, Field(ge=0)] = 200.0
    max_gb: Annotated[float, Field(ge=0)] = 0.0
    """What all clips with their pictures and sidecars may take together, in GB of 10^9 bytes; 0: no limit."""
    max_days: Annotated[float, Field(ge=0)] = 0.0
    """How long a clip is kept after it was written; 0: for ever."""
    journal_days: Annotated[float, Field(ge=0)] = 30.0
    """How long scores and ended highlights stay in the journal; 0: for ever."""


class MqttSettings(Section):
    url: Annotated[str | None, Field(repr=False)] = None
    """Holds a password, perhaps: never shown, logged or stored."""
    prefix: Annotated[
        str,
        Field(
            pattern=r"^[^#+$\x00-\x1f\x7f-\x9f]+$",
            max_length=200,
            description="at most 200 characters without #, + and $, not empty",
        ),
    ] = "clip_highlights"
    keepalive_seconds: Annotated[int, Field(ge=5, le=3600)] = 30


class OutboxSettings(Section):
    max_days: Annotated[float, Field(gt=0, le=3650)] = 7.0


class ExtraSinkSettings(Section):
    kind: str
    options: Mapping[str, Any] = {}


class DeviceSettings(Section):
    kind: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")] = "auto"
    max_mb: Annotated[float, Field(ge=0)] = 0.0
    """Video memory that may be used on a CUDA card, in MB; 0: all there is."""
    gather_seconds: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """How long the engine may wait for panes of other channels that had one lately, to fill a batch."""


class ProcessSettings(Section):
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """0: as many as there are cores for this process; never more than that."""
    priority: Literal["normal", "low"] = "normal"
    stop_seconds: Annotated[float, Field(ge=2, le=3600)] = 20.0
    """Within so long the process ends after SIGTERM or the first Ctrl+C, whatever hangs."""


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    file: FilePath | None = None
    """Besides what is said on the terminal."""
    file_max_mb: Annotated[float, Field(ge=0.01, le=10000)] = 10.0
    files_kept: Annotated[int, Field(ge=0, le=1000)] = 5
    """Older ones, FILE.1 being the youngest."""


class MetricsSettings(Section):
    listen: Annotated[str | None, AfterValidator(_address)] = None
    """HOST:PORT for /metrics, /healthz and /readyz; None: nobody is served."""


class HealthSettings(Section):
    loop_seconds: Annotated[float, Field(ge=1, le=600)] = 10.0
    """How long the event loop may stand still before /healthz says so."""
    ready_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    """How old a channel's newest packet and its newest score may be while /readyz says ready."""
    hang_seconds: Annotated[float, Field(ge=2, le=3600)] = 60.0
    """How long packets may arrive of which nothing is scored before the systemd watchdog is told nothing more."""


class Settings(Section):
    """Everything. ``Settings()`` are the defaults, whatever file and environment say: only ``configuration.load`` looks there."""

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
    nuisance: NuisanceSettings = NuisanceSettings()
    peaks: PeaksSettings = PeaksSettings()
    finishing: FinishingSettings = FinishingSettings()
    context: ContextSettings = ContextSettings()
    scene: SceneSettings = SceneSettings()
    speech: SpeechSettings = SpeechSettings()
    diversity: DiversitySettings = DiversitySettings()
    ranking: RankingSettings = RankingSettings()
    clip: ClipSettings = ClipSettings()
    ring: RingSettings = RingSettings()
    best: BestSettings = BestSettings()
    best_weights: BestWeights = BestWeights()
    best_clips: BestClips = BestClips()
    aesthetics: AestheticsSettings = AestheticsSettings()
    faces: FacesSettings = FacesSettings()
    output: OutputSettings = OutputSettings()
    mqtt: MqttSettings = MqttSettings()
    outbox: OutboxSettings = OutboxSettings()
    sinks: Mapping[str, ExtraSinkSettings] = {}
    """Further sinks: [sinks.NAME] with kind and options."""
    device: DeviceSettings = DeviceSettings()
    process: ProcessSettings = ProcessSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    health: HealthSettings = HealthSettings()

    @property
    def signals(self) -> dict[str, ScorerSettings]:
        """Signal name -> its scorer's settings, in the order in which they are shown."""
        return {"motion": self.motion, "novelty": self.novelty, "loudness": self.loudness, **self.scorers}

    @property
    def measured(self) -> dict[str, ScorerSettings]:
        """All that is scored and journaled: the signals, and what says that there is nothing to be decided."""
        if self.nuisance.kind == "off":
            return self.signals
        options = self.nuisance.model_dump(exclude={"kind"})
        return {**self.signals, "nuisance": ScorerSettings(kind=self.nuisance.kind, weight=0, options=options)}

    @model_validator(mode="after")
    def _some_signal_counts(self) -> "Settings":
        clash = {"motion", "novelty", "loudness", "nuisance"} & set(self.scorers)
        if clash:
            raise ValueError(f"[scorers.{min(clash)}] is taken: use [{min(clash)}]")
        observed = {"scene", "speech", "timbre"} & set(self.scorers)
        if observed:
            raise ValueError(f"[scorers.{min(observed)}] is taken by what finishing observes: give your signal another name")
        if not any(signal.weight > 0 for signal in self.signals.values()):
            raise ValueError("every signal's weight is 0: at least one must be above")
        return self

    @model_validator(mode="after")
    def _ring_reaches_back(self) -> "Settings":
        """When warm-up ends, a highlight may open at its very beginning, and all that its clip may have must still be there."""
        look_ahead = 2 * self.window.hop_seconds if self.peaks.smoothing != "none" else 0.0
        needed = (
            max(self.peaks.warmup_seconds, self.window.hop_seconds)
            + self.window.length_seconds
            + look_ahead
            + self.clip.pre_roll_seconds
            + self._finishing_reach_seconds
            + self.analysis.queue_seconds
        )
        if self.ring.seconds < needed:
            raise ValueError(
                f"ring.seconds = {self.ring.seconds:g} must be at least {needed:g}: warm-up, window, look-ahead, pre-roll, what "
                "finishing may add to it, and queue have to fit (or lower peaks.warmup_seconds)"
            )
        return self

    @property
    def _finishing_reach_seconds(self) -> float:
        """So much earlier than its pre-roll finishing steps may let a clip begin; those from outside take what there is."""
        most = {
            "context": self.context.max_setup_seconds,
            "scene": self.scene.max_shift_seconds,
            "speech": self.speech.max_shift_seconds,
        }
        return sum(most.get(step, 0.0) for step in self.finishing.steps)
