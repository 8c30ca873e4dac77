"""The contact sheet: a JPEG with the peak's frame of each clip in rank order, and what, when and how good it is below."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from stream_processor.best.labels import clock, printable
from stream_processor.best.records import Chosen, Selection
from stream_processor.best.sidecars import why

_BACKGROUND, _CARD, _BEHIND = (15, 17, 21), (28, 31, 38), (8, 9, 11)
_LIGHT, _GREY, _ACCENT = (240, 242, 246), (158, 165, 178), (255, 176, 0)
_MARGIN, _GAP = 48, 24
_PICTURE_WIDTHS = {1: 1280, 2: 860, 3: 620, 4: 500, 5: 420}
_NARROWEST, _WIDEST = 9 / 16, 2.4
_QUALITY = 90
MOST = 100
"""Clips on a sheet, the best: a JPEG has an end, too, and nobody looks at more."""


def thumbnail(picture: Image.Image, count: int) -> Image.Image:
    """As large as a sheet of so many clips needs it at most."""
    width = _PICTURE_WIDTHS[columns(count)]
    small = picture.copy()
    small.thumbnail((width, round(width / _NARROWEST)), Image.Resampling.LANCZOS)
    return small


def write(path: Path, selection: Selection, pictures: Mapping[int, Image.Image]) -> None:
    """``pictures``: rank -> the frame at the peak, upright, RGB; clips without one are left out, and those beyond ``MOST``."""
    sheet(selection, pictures).save(path, quality=_QUALITY, subsampling=0, optimize=True)


def columns(count: int) -> int:
    """At most 5, and no row for one clip alone where that can be."""
    if count <= 4:
        return 2 if count == 4 else count
    return next((wide for wide, most in ((3, 9), (4, 20)) if count <= most), 5)


def sheet(selection: Selection, pictures: Mapping[int, Image.Image]) -> Image.Image:
    shown = [chosen for chosen in selection.chosen if chosen.rank in pictures][:MOST]
    wide = columns(len(shown))
    width = _PICTURE_WIDTHS[wide]
    # the usual shape of the pictures: those of another one get bars
    shapes = sorted(pictures[chosen.rank].width / pictures[chosen.rank].height for chosen in shown)
    shape = min(max(shapes[len(shapes) // 2], _NARROWEST), _WIDEST)
    if shape < 1:
        width = round(width * 0.7)
    height = round(width / shape)
    text = max(17, round(width * 0.042))
    caption = round(text * 3.4)
    head = round(text * 4.2) + _MARGIN
    rows = math.ceil(len(shown) / wide)
    total = (2 * _MARGIN + wide * width + (wide - 1) * _GAP, head + rows * (height + caption + _GAP) - _GAP + _MARGIN)
    image = Image.new("RGB", total, _BACKGROUND)
    draw = ImageDraw.Draw(image)
    _write_head(draw, selection, shown, text, total[0])
    for place, chosen in enumerate(shown):
        x = _MARGIN + place % wide * (width + _GAP)
        y = head + place // wide * (height + caption + _GAP)
        card = Image.new("RGB", (width, height + caption), _CARD)
        _fill_card(card, pictures[chosen.rank], (width, height))
        _write_caption(ImageDraw.Draw(card), selection, chosen, (width, height), text)
        image.paste(card, (x, y), _rounded((width, height + caption), round(width * 0.02) + 4))
    return image


def _write_head(draw: ImageDraw.ImageDraw, selection: Selection, shown: list[Chosen], text: int, total_width: int) -> None:
    count = len(shown)
    title = "The best moment" if count == 1 else f"The {count} best moments"
    names = [scored.table.video.path.name for scored in selection.tables]
    of = names[0] if len(names) == 1 else f"{len(names)} videos: {', '.join(names)}"
    draw.text((_MARGIN, _MARGIN), title, font=_font(round(text * 1.7), bold=True), fill=_LIGHT)
    small = _font(text)
    draw.text((_MARGIN, _MARGIN + round(text * 2.35)), fitted(of, small, total_width - 2 * _MARGIN), font=small, fill=_GREY)


def _fill_card(card: Image.Image, picture: Image.Image, size: tuple[int, int]) -> None:
    card.paste(_BEHIND, (0, 0, *size))
    factor = min(size[0] / picture.width, size[1] / picture.height)
    fitting = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    small = picture.resize(fitting, Image.Resampling.LANCZOS)
    card.paste(small, ((size[0] - fitting[0]) // 2, (size[1] - fitting[1]) // 2))


def _write_caption(draw: ImageDraw.ImageDraw, selection: Selection, chosen: Chosen, size: tuple[int, int], text: int) -> None:
    width, top = size
    inset, first, second = round(text * 0.8), top + round(text * 0.55), top + round(text * 1.95)
    bold, plain = _font(round(text * 1.15), bold=True), _font(round(text * 0.85))
    rank = f"#{chosen.rank}"
    draw.text((inset, first), rank, font=bold, fill=_ACCENT)
    after = inset + draw.textlength(f"{rank} ", font=bold)
    draw.text((after, first), clock(chosen.moment.peak_seconds, decimals=1), font=bold, fill=_LIGHT)
    draw.text((width - inset, first), f"{chosen.moment.score:.2f}", font=bold, fill=_LIGHT, anchor="ra")
    is_alone = len(selection.tables) == 1  # whose name stands above
    room = width - 2 * inset
    name = selection.tables[chosen.moment.video].table.video.path.name
    words = shortened(why(chosen.moment), plain, room) if is_alone else fitted(name, plain, room)
    draw.text((inset, second), words, font=plain, fill=_GREY)


def fitted(text: str, font: Any, width: float) -> str:
    """Printable, and with its middle left out where it is wider: the end of a file's name tells as much as its beginning."""
    text = printable(text)
    if font.getlength(text) <= width:
        return text
    kept = len(text)
    while kept > 2:
        kept -= 1
        left = (kept + 1) // 2
        shorter = f"{text[:left].rstrip()}…{text[len(text) - (kept - left) :].lstrip()}"
        if font.getlength(shorter) <= width:
            return shorter
    return "…"


def shortened(reasons: str, font: Any, width: float) -> str:
    """Without the last ones, where they are wider together: the strongest come first."""
    while font.getlength(reasons) > width and ", " in reasons:
        reasons = reasons.rpartition(", ")[0]
    return reasons


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius, fill=255)
    return mask


@cache
def _font(size: int, *, bold: bool = False) -> Any:
    """DejaVu Sans, which comes with matplotlib: Pillow's own font has no umlauts."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
