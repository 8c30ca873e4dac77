"""What may hang on the network, in a process of its own that can be stopped: asking the model hub, and downloading.

::

    python -m scorers.fetch reach                   exit 0 if the hub answers
    python -m scorers.fetch download REPO FILE...   the first of these files that the repository has, into the hub's cache
    python -m scorers.fetch file ADDRESS PATH       one small file from anywhere, into that path
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

REACH_SECONDS = 1.5
MAX_FILE_BYTES = 16_000_000
"""Of ``download_file``: whatever answers in the place of what was asked for is not kept."""


def is_allowed() -> bool:
    """The hub's own switch for machines that must stay offline."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("1", "true", "yes", "on")


def hub() -> str:
    """The hub's address, as its own library finds it."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def can_reach_hub() -> bool:
    """Whether the hub answers within a second and a half. A process, because looking up a name cannot be given a limit."""
    return is_allowed() and _run("reach", timeout_seconds=REACH_SECONDS) is None


def download(repository: str, files: Sequence[str], timeout_seconds: float | None) -> str | None:
    """Bring the first of ``files`` that there is into the cache. None when it is there, otherwise one line with the reason."""
    return _run("download", repository, *files, timeout_seconds=timeout_seconds)


def download_file(address: str, path: Path, timeout_seconds: float | None) -> str | None:
    """Bring one file of at most ``MAX_FILE_BYTES`` to ``path``, all of it or nothing. None, or one line with the reason."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as beside:  # goes with what a stopped process has left in it
            part = Path(beside) / path.name
            if (failure := _run("file", address, str(part), timeout_seconds=timeout_seconds)) is None:
                part.replace(path)
            return failure
    except OSError as error:
        return f"{path.parent}: {error.strerror or error}"


def _run(*arguments: str, timeout_seconds: float | None) -> str | None:
    command = [sys.executable, "-m", "scorers.fetch", *arguments]
    environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {timeout_seconds:g} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def _reach() -> str | None:
    request = urllib.request.Request(hub(), method="HEAD")  # noqa: S310 - https, or what HF_ENDPOINT says
    try:
        urllib.request.urlopen(request, timeout=REACH_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return None  # an answer all the same
    except (OSError, ValueError) as error:
        return f"{hub()}: {error}"
    return None


def _download(repository: str, files: Sequence[str]) -> str | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    for file in files:
        try:
            hf_hub_download(repository, file)
        except EntryNotFoundError:
            continue
        except (OSError, ValueError) as error:
            return f"{repository}: {str(error).strip().splitlines()[0]}"
        return None
    return f"{repository}: has none of {', '.join(files)}"


def _file(address: str, path: str) -> str | None:
    try:
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own addresses; whoever runs this sets the limit of time
            content = answer.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        return f"{address}: {error}"
    if len(content) > MAX_FILE_BYTES:
        return f"{address}: more than {MAX_FILE_BYTES} bytes"
    with Path(path).open("xb") as file:
        file.write(content)
        os.fsync(file.fileno())
    return None


def main(arguments: Sequence[str]) -> str | None:
    """What went wrong, in one line, or None: as ``sys.exit`` takes it."""
    match arguments:
        case ["reach"]:
            return _reach()
        case ["download", repository, *files]:
            return _download(repository, files)
        case ["file", address, path]:
            return _file(address, path)
    return "reach, download REPO FILE..., or file ADDRESS PATH"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
