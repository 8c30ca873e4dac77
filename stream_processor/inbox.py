"""From threads into the event loop: a bounded queue whose far end is asyncio.

Nothing is dropped: threads wait for room; but of news that only count while they are new, the newest takes the older ones' place.
"""

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Made in the event loop that takes from it. ``most``: how many items may wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> None:
        """From any thread but the loop's: wait for room. After ``close`` the item is taken by nobody."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._most)
            if not self._closed:
                self._append(item)

    def put_now(self, item: T) -> None:
        """Like ``put``, without waiting, beyond the bound if need be: for the few notices that the loop sends itself."""
        with self._changed:
            self._append(item)

    def put_newest(self, item: T) -> None:
        """Never waits: where there is no room, those of the item's type that wait are taken away for it, or it goes beyond.

        So at most ``most`` of its type wait. From any thread; after ``close`` the item is taken by nobody.
        """
        with self._changed:
            if self._closed:
                return
            if len(self._items) >= self._most:
                self._items = deque(other for other in self._items if type(other) is not type(item))
                self._changed.notify_all()
            self._append(item)

    def put_among_own(self, item: T, most: int) -> None:
        """Like ``put``, with a bound of its own: wait while ``most`` of the item's type do, whatever else is there."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or sum(type(other) is type(item) for other in self._items) < most)
            if not self._closed:
                self._append(item)

    async def get(self) -> T:
        """The oldest item, waiting for one."""
        while True:
            with self._changed:
                if self._items:
                    item = self._items.popleft()
                    self._changed.notify_all()
                    return item
                self._arrived.clear()
            await self._arrived.wait()

    def close(self) -> None:
        """Let go of waiting threads; nothing more is taken in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _append(self, item: T) -> None:
        self._items.append(item)
        self._loop.call_soon_threadsafe(self._arrived.set)
