"""What happens in the demo's little game, and when: planted by hand, filled in by a seeded generator. Nothing is drawn here."""

from dataclasses import dataclass

import numpy as np

DEMO_SECONDS = 250.0
DEMO_BURSTS: tuple[tuple[float, float, str], ...] = (
    (42.0, 50.0, "ambush"),
    (98.0, 108.0, "meteor storm"),
    (152.0, 160.0, "mother ship"),
    (206.0, 217.0, "last stand"),
)
"""Start and end in stream seconds, and what it is called. The first lies in the warm-up, which is a delay, not a mute."""

WIDTH, HEIGHT = 640, 360
_SEED = 20
_CALM_SPAWN_SECONDS = 3.0
_BURST_SPAWN_SECONDS = 0.16
_HURRY = 7.0
"""How much faster the world goes by in a burst."""


@dataclass(frozen=True)
class Enemy:
    """Appears at ``born``, is shot at ``dies`` (seconds); sinks from (``x``, ``y``) at ``speed`` pixels per second, swaying."""

    born: float
    dies: float
    x: float
    y: float
    speed: float
    sway: float
    colour: int
    in_burst: bool

    def place(self, seconds: float) -> tuple[float, float]:
        age = seconds - self.born
        return self.x + self.sway * np.sin(age * 2.4 + self.x), self.y + self.speed * age


def burst_at(seconds: float) -> int | None:
    """The index of the burst that is on."""
    return next((index for index, (start, end, _) in enumerate(DEMO_BURSTS) if start <= seconds < end), None)


def world_seconds(seconds: float) -> float:
    """How far the world has moved by then: the clock, run faster through the bursts."""
    hurried = sum(min(max(seconds - start, 0.0), end - start) for start, end, _ in DEMO_BURSTS)
    return seconds + (_HURRY - 1) * hurried


def enemies() -> list[Enemy]:
    """All enemies of the game, in the order of their birth."""
    random = np.random.default_rng(_SEED)
    cast: list[Enemy] = []
    born = 1.0
    while born < DEMO_SECONDS - 1:
        burst = burst_at(born)
        if burst is None:
            speed, sway, lives = random.uniform(18, 26), random.uniform(10, 30), random.uniform(3.5, 7.0)
        else:
            speed, sway, lives = random.uniform(90, 230), random.uniform(20, 90), random.uniform(0.5, 1.5)
        dies = born + lives
        if burst is None and burst_at(dies) is not None:
            dies = born + 0.5 * lives
        elif burst is not None:
            end = DEMO_BURSTS[burst][1]
            dies = max(born + 0.1, min(dies, end - random.uniform(0.1, 0.9)))
        x, y = random.uniform(60, WIDTH - 60), random.uniform(-20, 60)
        cast.append(Enemy(born, dies, x, y, speed, sway, int(random.integers(4)), burst is not None))
        mean = _CALM_SPAWN_SECONDS if burst is None else _BURST_SPAWN_SECONDS
        step = born + mean * random.uniform(0.6, 1.4)
        start = next((start for start, _, _ in DEMO_BURSTS if born < start <= step), None)
        born = step if start is None else start  # the first of a burst comes with its beginning
    return cast
