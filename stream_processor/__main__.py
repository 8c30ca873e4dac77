"""``main`` and ``python -m stream_processor``. Ctrl+C while all that is still being imported is no reason for a traceback."""

import sys


def main() -> None:
    """Exit code 130 where the command line had no chance yet to end in order."""
    try:
        from stream_processor.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
