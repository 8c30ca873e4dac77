"""How much room there is where clips are written, and how large the journal is: looked up where nobody waits for the disk."""

import contextlib
import shutil
import threading
from pathlib import Path


class Room:
    """``look`` returns at once. A disk that does not answer leaves the numbers as they were; one thread waits for it."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self._folder = folder
        self._journal = journal
        self._looking: threading.Thread | None = None
        self.free_bytes: int | None = None
        """None: never seen, or the folder is gone."""
        self.journal_bytes: int | None = None

    def look(self) -> None:
        if self._looking is None or not self._looking.is_alive():
            self._looking = threading.Thread(target=self._look, name="room", daemon=True)
            self._looking.start()

    def join(self, timeout_seconds: float) -> None:
        if self._looking is not None:
            self._looking.join(timeout_seconds)

    def _look(self) -> None:
        try:
            self.free_bytes = shutil.disk_usage(self._folder).free
        except OSError:
            self.free_bytes = None
        sizes = []
        for path in (self._journal, self._journal.with_name(f"{self._journal.name}-wal")):
            with contextlib.suppress(OSError):
                sizes.append(path.stat().st_size)
        self.journal_bytes = sum(sizes) if sizes else None
