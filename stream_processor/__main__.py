"""``main`` and ``python -m stream_processor``."""

from stream_processor.cli import main

if __name__ == "__main__":
    main()
