"""``python -m benchmarks NAME``: each module here with a ``main`` measures one thing and prints tables in Markdown."""

import importlib
import sys

NAMES = ("quality",)


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m benchmarks {{{','.join(NAMES)}}}", file=sys.stderr)
        return 2
    code: int = importlib.import_module(f"benchmarks.{sys.argv[1]}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
