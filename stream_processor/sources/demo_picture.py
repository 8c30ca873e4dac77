"""Draws the demo's game: a ship, its enemies, stars, a score. Every frame is a function of its time alone."""

import cv2
import numpy as np
import numpy.typing as npt

from stream_processor.sources.demo_game import HEIGHT, WIDTH, Enemy, burst_at, enemies, world_seconds

Image = npt.NDArray[np.uint8]

_MARGIN = 10
"""Drawn beyond each edge, so that the camera can shake."""
_FULL_WIDTH, _FULL_HEIGHT = WIDTH + 2 * _MARGIN, HEIGHT + 2 * _MARGIN
_CALM_SKY = (16, 26, 58)
_BURST_SKIES = ((96, 22, 26), (24, 84, 60), (84, 28, 104), (110, 62, 14))
_ENEMY_COLOURS = ((250, 120, 90), (240, 210, 80), (120, 230, 140), (230, 110, 220))
_ENEMY = np.array([(-12, -8), (0, -3), (12, -8), (7, 8), (0, 3), (-7, 8)], np.float32)
_SHIP = np.array([(0, -16), (5, -2), (16, 9), (5, 7), (0, 11), (-5, 7), (-16, 9), (-5, -2)], np.float32)
_FONT = cv2.FONT_HERSHEY_DUPLEX
_SUBPIXEL_BITS = 4
_STARS = 140
_SPARKS = 26
_EXPLOSION_SECONDS = 0.7
_FLASH_SECONDS = 0.12


class GamePicture:
    """``frame(seconds)`` gives uint8 (HEIGHT * 3 / 2, WIDTH): I420, as encoders take it."""

    def __init__(self) -> None:
        random = np.random.default_rng(3)
        self._enemies = enemies()
        self._skies = [_sky(random, tint) for tint in (_CALM_SKY, *_BURST_SKIES)]
        self._stars = random.uniform((0, 0, 0.2), (_FULL_WIDTH, _FULL_HEIGHT, 1.0), (_STARS, 3))
        angles, speeds = random.uniform(0, 2 * np.pi, _SPARKS), random.uniform(20, 130, _SPARKS)
        self._sparks = np.stack([np.cos(angles) * speeds, np.sin(angles) * speeds], axis=1)

    def frame(self, seconds: float) -> Image:
        return np.asarray(cv2.cvtColor(self.picture(seconds), cv2.COLOR_RGB2YUV_I420), np.uint8)

    def picture(self, seconds: float) -> Image:
        """The same as uint8 (HEIGHT, WIDTH, 3), RGB."""
        burst = burst_at(seconds)
        image = self._background(seconds, burst)
        ship = _ship_place(seconds)
        shake = 0.0
        for enemy in self._enemies:
            age_of_death = seconds - enemy.dies
            if enemy.born <= seconds < enemy.dies:
                _draw_enemy(image, enemy, seconds, ship)
            elif 0 <= age_of_death < _EXPLOSION_SECONDS:
                self._draw_explosion(image, enemy, age_of_death)
                if enemy.in_burst:
                    shake = max(shake, 1 - age_of_death / 0.3)
        _draw_ship(image, ship, seconds)
        image = _shaken(image, shake, seconds)
        if shake > 1 - _FLASH_SECONDS / 0.3:
            image = np.asarray(cv2.convertScaleAbs(image, alpha=1.15, beta=38), np.uint8)
        self._draw_score(image, seconds, burst)
        return image

    def _background(self, seconds: float, burst: int | None) -> Image:
        world = world_seconds(seconds)
        sky = self._skies[0 if burst is None else burst + 1]
        top = _FULL_HEIGHT - 1 - int(world * 6.0) % _FULL_HEIGHT
        image = sky[top : top + _FULL_HEIGHT].copy()
        depth = self._stars[:, 2]
        x = self._stars[:, 0].astype(np.intp)
        y = ((self._stars[:, 1] + world * 22.0 * depth) % (_FULL_HEIGHT - 2)).astype(np.intp)
        light = (90 + 165 * depth).astype(np.uint8)[:, None]
        image[y, x] = light
        if burst is not None:  # streaks
            for trail in range(1, 9):
                image[np.maximum(y - trail, 0), x] = light // 2
        return image

    def _draw_explosion(self, image: Image, enemy: Enemy, age: float) -> None:
        x, y = enemy.place(enemy.dies)
        size = 1.0 if enemy.in_burst else 0.3
        fade = 1 - age / _EXPLOSION_SECONDS
        centre = (int(x) + _MARGIN, int(y) + _MARGIN)
        cv2.circle(
            image, centre, int((8 + 70 * age) * size), (255, int(210 * fade), int(90 * fade * fade)), -1 if age < 0.22 else 3
        )
        sparks = (self._sparks * age * size * 2 + centre).astype(np.intp)
        sparks = sparks[((sparks > 1) & (sparks < (_FULL_WIDTH - 2, _FULL_HEIGHT - 2))).all(axis=1)]
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            image[sparks[:, 1] + dy, sparks[:, 0] + dx] = (255, int(120 + 130 * fade), int(220 * fade))

    def _draw_score(self, image: Image, seconds: float, burst: int | None) -> None:
        shot = sum(10 for enemy in self._enemies if enemy.dies <= seconds)
        cv2.putText(image, f"SCORE {shot * 10:06d}", (14, 24), _FONT, 0.55, (235, 240, 250), 1, cv2.LINE_AA)
        hull = 0.94 + 0.04 * np.sin(seconds / 9) if burst is None else 0.62 + 0.3 * np.sin(seconds * 5)
        cv2.rectangle(image, (WIDTH - 150, 12), (WIDTH - 14, 24), (70, 80, 100), 1)
        colour = (90, 220, 130) if hull > 0.7 else (240, 90, 70)
        cv2.rectangle(image, (WIDTH - 148, 14), (WIDTH - 148 + int(132 * hull), 22), colour, -1)
        if burst is not None and seconds * 3 % 1 < 0.6:
            cv2.putText(image, "WARNING", (WIDTH // 2 - 66, 60), _FONT, 0.9, (255, 220, 90), 2, cv2.LINE_AA)


def _sky(random: np.random.Generator, tint: tuple[int, int, int]) -> Image:
    """Clouds of one colour, two screens high and the same above as below, so that it can scroll for ever."""
    rough = random.random((5, 9)).astype(np.float32)
    clouds = cv2.resize(np.vstack([rough, rough, rough]), (_FULL_WIDTH, 3 * _FULL_HEIGHT), interpolation=cv2.INTER_CUBIC)
    clouds = np.clip(clouds[_FULL_HEIGHT // 2 : _FULL_HEIGHT // 2 + 2 * _FULL_HEIGHT], 0, 1)
    return np.asarray((0.35 + clouds[..., None]) * np.array(tint), np.float32).clip(0, 255).astype(np.uint8)


def _ship_place(seconds: float) -> tuple[float, float]:
    world = world_seconds(seconds)
    return WIDTH / 2 + 190 * np.sin(world * 0.22), HEIGHT - 42 + 6 * np.sin(world * 0.5)


def _draw_enemy(image: Image, enemy: Enemy, seconds: float, ship: tuple[float, float]) -> None:
    x, y = enemy.place(seconds)
    colour = _ENEMY_COLOURS[enemy.colour]
    if enemy.dies - seconds < 0.09:  # the shot that hits it
        _line(image, (ship[0], ship[1] - 16), (x, y))
    _fill(image, _ENEMY * (1.25 if enemy.in_burst else 0.9), (x, y), colour)
    cv2.circle(image, (int(x) + _MARGIN, int(y) + _MARGIN), 3, (30, 20, 40), -1)


def _draw_ship(image: Image, place: tuple[float, float], seconds: float) -> None:
    flame = 8 + 3 * np.sin(seconds * 20)
    _fill(image, np.array([(-4, 9), (4, 9), (0, 9 + flame)], np.float32), place, (255, 170, 60))
    _fill(image, _SHIP, place, (150, 200, 255))


def _fill(image: Image, shape: npt.NDArray[np.float32], place: tuple[float, float], colour: tuple[int, int, int]) -> None:
    points = ((shape + place + _MARGIN) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillConvexPoly(image, cv2.convexHull(points), tuple(part // 2 for part in colour), cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.fillPoly(image, [points], colour, cv2.LINE_AA, _SUBPIXEL_BITS)


def _line(image: Image, start: tuple[float, float], end: tuple[float, float]) -> None:
    points = [(int(x) + _MARGIN, int(y) + _MARGIN) for x, y in (start, end)]
    cv2.line(image, points[0], points[1], (170, 255, 240), 2, cv2.LINE_AA)


def _shaken(image: Image, shake: float, seconds: float) -> Image:
    dx = round(_MARGIN * 0.8 * shake * np.sin(seconds * 71)) if shake > 0 else 0
    dy = round(_MARGIN * 0.8 * shake * np.sin(seconds * 93)) if shake > 0 else 0
    top, left = _MARGIN + dy, _MARGIN + dx
    return np.ascontiguousarray(image[top : top + HEIGHT, left : left + WIDTH])
