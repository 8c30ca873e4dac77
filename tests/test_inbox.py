"""From threads into the event loop, with a bound. Threads here are real; nobody sleeps."""

import asyncio
import threading

import pytest

from stream_processor.inbox import Inbox

PATIENCE_SECONDS = 20.0


async def test_items_arrive_in_order_from_a_thread_that_waits_for_room() -> None:
    inbox: Inbox[int] = Inbox(most=3)
    thread = threading.Thread(target=lambda: [inbox.put(number) for number in range(500)])
    thread.start()
    taken = []
    for _ in range(500):
        taken.append(await asyncio.wait_for(inbox.get(), PATIENCE_SECONDS))
        assert len(inbox._items) <= 3
    await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
    assert taken == list(range(500))


async def test_several_threads_lose_nothing_and_each_keeps_its_order() -> None:
    inbox: Inbox[tuple[int, int]] = Inbox(most=2)

    def work(who: int) -> None:
        for number in range(100):
            inbox.put((who, number))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    taken = [await asyncio.wait_for(inbox.get(), PATIENCE_SECONDS) for _ in range(400)]
    for thread in threads:
        await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
    for who in range(4):
        assert [number for whose, number in taken if whose == who] == list(range(100))


async def test_the_loop_waits_for_the_first_item_without_blocking() -> None:
    inbox: Inbox[str] = Inbox(most=1)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(inbox.put, "here")
    assert await asyncio.wait_for(waiting, PATIENCE_SECONDS) == "here"


async def test_the_loop_s_own_notices_find_room_beyond_the_bound() -> None:
    inbox: Inbox[str] = Inbox(most=1)
    inbox.put("first")
    inbox.put_now("beyond")
    assert [await inbox.get(), await inbox.get()] == ["first", "beyond"]


async def test_of_news_the_newest_takes_the_place_of_the_older_ones_once_there_is_no_room() -> None:
    inbox: Inbox[str | int] = Inbox(most=3)
    for news in ("one", "two"):
        inbox.put_newest(news)
    inbox.put(7)
    inbox.put_newest("three")
    assert [await inbox.get(), await inbox.get()] == [7, "three"]


async def test_news_find_room_beyond_the_bound_and_never_more_than_that_of_them() -> None:
    inbox: Inbox[str | int] = Inbox(most=2)
    for number in range(2):
        inbox.put(number)
    for number in range(100):
        inbox.put_newest(f"news {number}")
        assert sum(isinstance(item, str) for item in inbox._items) <= 2
    assert [await inbox.get() for _ in range(3)] == [0, 1, "news 99"]


async def test_news_that_make_room_let_go_of_a_thread_that_waits_for_it() -> None:
    inbox: Inbox[str | int] = Inbox(most=2)
    for news in ("one", "two"):
        inbox.put_newest(news)
    thread = threading.Thread(target=inbox.put, args=(7,))
    thread.start()
    inbox.put_newest("three")
    await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert [await inbox.get(), await inbox.get()] == ["three", 7]


async def test_what_has_a_bound_of_its_own_waits_only_for_its_own() -> None:
    inbox: Inbox[str | int] = Inbox(most=1)
    inbox.put("full")
    inbox.put_among_own(1, 2)
    inbox.put_among_own(2, 2)
    thread = threading.Thread(target=inbox.put_among_own, args=(3, 2))
    thread.start()
    taken = [await inbox.get(), await inbox.get()]
    await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert [*taken, await inbox.get(), await inbox.get()] == ["full", 1, 2, 3]


async def test_closing_lets_go_of_waiting_threads_and_takes_nothing_more_of_theirs() -> None:
    inbox: Inbox[str] = Inbox(most=1)
    inbox.put("taken")
    thread = threading.Thread(target=inbox.put, args=("lost",))
    thread.start()
    inbox.close()
    await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
    assert not thread.is_alive()
    inbox.put("lost too")
    inbox.put_newest("lost news")
    inbox.put_among_own("lost as well", 1)
    inbox.put_now("last")
    assert [await inbox.get(), await inbox.get()] == ["taken", "last"]


async def test_who_was_cancelled_while_waiting_has_taken_nothing() -> None:
    inbox: Inbox[str] = Inbox(most=1)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    inbox.put("here")
    assert await asyncio.wait_for(inbox.get(), PATIENCE_SECONDS) == "here"


def test_it_belongs_to_the_loop_that_it_is_made_in() -> None:
    with pytest.raises(RuntimeError):
        Inbox(most=1)
