"""Between a highlight's closing and its clip: steps that move the clip's boundaries, mark repeats, and say what is kept.

A step is a file here, a line in the table, and a section of its name in the settings, with which it is built. The table names
what exists and imports nothing. ``finishing.steps`` takes a name from here or ``package.module:Class`` from outside.
"""

from collections.abc import Mapping

STEPS: Mapping[str, str] = {
    "context": "stream_processor.finishing.context:Context",
    "scene": "stream_processor.finishing.scene:SceneAlignment",
    "speech": "stream_processor.finishing.speech:SpeechAlignment",
    "diversity": "stream_processor.finishing.diversity:Diversity",
    "ranking": "stream_processor.finishing.ranking:Ranking",
}
"""Name -> class."""
