"""Encodes the demo's game and publishes it. A process of its own, told address and seconds on standard input.

Not a thread, because PyAV holds the interpreter's lock while an output connects, and we are the ones who must answer.
"""

import sys
from fractions import Fraction

import av
import av.error

from stream_processor.sources.demo_game import HEIGHT, WIDTH
from stream_processor.sources.demo_picture import GamePicture
from stream_processor.sources.demo_sound import SAMPLE_RATE, GameSound

FPS = 25
_KEYFRAME_SECONDS = 2
_VIDEO_OPTIONS = {"preset": "ultrafast", "crf": "26", "threads": "1"}


def publish_game(url: str, seconds: float) -> None:
    """Encode the first ``seconds`` of the game and write them to ``url`` as FLV. av.error.FFmpegError: it was not taken."""
    picture, sound = GamePicture(), GameSound()
    with av.open(url, "w", format="flv") as output:
        video = output.add_stream("libx264", rate=FPS, options=_VIDEO_OPTIONS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.gop_size = FPS * _KEYFRAME_SECONDS
        audio = output.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        audio.bit_rate = 96_000
        heard = 0
        for number in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(picture.frame(number / FPS), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(video.encode(frame))
            until = (number + 1) * SAMPLE_RATE // FPS
            block = av.AudioFrame.from_ndarray(sound.samples(heard, until - heard)[None], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, heard, Fraction(1, SAMPLE_RATE)
            output.mux(audio.encode(block))
            heard = until
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


def main() -> None:
    url, seconds = sys.stdin.read().split()
    try:
        publish_game(url, float(seconds))
    except av.error.FFmpegError as error:
        sys.exit(error.strerror)


if __name__ == "__main__":
    main()
