"""``main`` and ``python -m stream_processor``. A signal while all that is still being imported ends it: nothing was begun."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Exit code 130 after Ctrl+C, 0 after SIGTERM, where the command line had no chance yet to end in order."""
    signal.signal(signal.SIGTERM, _end)  # until ``interruption`` takes it over
    try:
        from stream_processor.logs.uncaught import log_uncaught

        log_uncaught()  # first: typer keeps what it finds
        from stream_processor.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
