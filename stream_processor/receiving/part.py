"""What a part that is being read carries now: its media and its codecs, less a picture that is too large to be decoded.

Memory and time of a decoder grow with the picture, and a header of a few bytes can ask for gigabytes. So the size is looked at
before there is a decoder: a part with a larger picture is judged by its sound alone, and without sound it is refused.
"""

import structlog

from stream_processor.errors import SourceUnusable
from stream_processor.receiving.templates import Codecs
from stream_processor.records import Changed, Media, RawPacket, VideoFormat

log = structlog.get_logger()


class Part:
    """``max_megapixels``: the largest picture, in millions of pixels. SourceUnusable: nothing is left of the part."""

    def __init__(self, media: Media, codecs: Codecs, *, max_megapixels: float) -> None:
        self._max_megapixels = max_megapixels
        self._whole = media, codecs
        self._refused: VideoFormat | None = None
        self.media, self.codecs = media, codecs
        self._look()

    def admits(self, raw: RawPacket) -> bool:
        """Is the packet of something that is kept?"""
        return raw.kind == "audio" or self._refused is None

    def change(self, changed: Changed) -> None:
        """From here on it carries this. SourceUnusable, as at the beginning."""
        media, codecs = self._whole
        self._whole = media.changed_to(changed.media), codecs.changed_to(changed.codecs)
        self._look()

    def _look(self) -> None:
        self.media, self.codecs = self._whole
        picture, refused = self.media.video, self._refused
        self._refused = None
        if picture is None or picture.width * picture.height <= self._max_megapixels * 1e6:
            return
        reason = f"a picture of {picture.width}x{picture.height} is over source.max_megapixels ({self._max_megapixels:g})"
        if self.media.audio is None:
            raise SourceUnusable(f"the stream cannot be judged: {reason}, and there is no sound")
        if refused != picture:
            log.warning("the picture is left out, the stream is judged by its sound", reason=reason)
        self._refused = picture
        self.media, self.codecs = Media(self.media.container, None, self.media.audio), self.codecs.without_picture()
