"""The queue between demuxing and decoding: ``V3`` is a keyframe, ``v3`` another picture, ``a3`` sound, at these seconds."""

import itertools
import threading
from datetime import UTC, datetime
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.backlog import Backlog, Begin, End, Item
from stream_processor.records import Epoch, Media, Packet, VideoFormat

MEDIA = Media("flv", VideoFormat("h264", 640, 360), None)


def packet(word: str, epoch: int = 0) -> Packet:
    pts = round(float(word[1:]) * 1000)
    return Packet(
        "audio" if word[0] == "a" else "video", word.encode(), pts, pts, 0, Fraction(1, 1000), word[0] != "v", epoch, 0.0
    )


def begin(number: int = 0, start_seconds: float = 0.0) -> Begin:
    return Begin(Epoch(number, start_seconds, datetime(2026, 11, 20, tzinfo=UTC), 0.0, MEDIA), codecs=None)


def put(backlog: Backlog, text: str, epoch: int = 0) -> str:
    """The words that were taken in."""
    return " ".join(word for word in text.split() if backlog.put(packet(word, epoch)))


def shown(items: list[Item]) -> str:
    return " ".join(item.data.decode() if isinstance(item, Packet) else type(item).__name__ for item in items)


def take_all(backlog: Backlog) -> list[Item]:
    backlog.close()
    return list(iter(backlog.take, None))


# ---- live -----------------------------------------------------------------------------------------------------------


def test_what_goes_in_comes_out_in_order() -> None:
    backlog = Backlog(5.0, lossless=False)
    backlog.put(begin())
    put(backlog, "V0 a0 v1 a1")
    backlog.put(End())
    assert shown(take_all(backlog)) == "Begin V0 a0 v1 a1 End"
    assert backlog.dropped == 0


def test_a_live_picture_that_finds_no_room_is_dropped_up_to_the_next_keyframe_that_fits() -> None:
    backlog = Backlog(2.0, lossless=False)
    assert put(backlog, "V0 v1 v2 v3 V4 v5") == "V0 v1 v2"  # the keyframe at 4 does not fit either
    for _ in range(2):
        backlog.take()
    assert put(backlog, "v3.5 V4 v4.5 v5") == "V4"  # 2 is still in: room up to 4
    for _ in range(2):
        backlog.take()
    assert put(backlog, "v6 V7 v8") == "V7 v8"
    assert backlog.dropped == 3 + 3 + 1


def test_a_live_picture_never_goes_on_in_the_middle_of_a_gop() -> None:
    backlog = Backlog(2.0, lossless=False)
    assert put(backlog, "V0 v1 v2 v3") == "V0 v1 v2"
    for _ in range(3):
        backlog.take()
    assert put(backlog, "v4 v5 v6") == ""
    assert put(backlog, "V7 v8") == "V7 v8"


def test_it_says_when_there_is_nothing_to_decode_before_the_next_keyframe() -> None:
    #  in     V0 v1 v2 | full: v3 dropped | taken | v4 dropped      V7
    #  waits   no          no, work is there  yes     yes            no
    backlog = Backlog(2.0, lossless=False)
    put(backlog, "V0 v1 v2 v3")
    assert not backlog.waits_for_keyframe
    for _ in range(3):
        backlog.take()
    assert backlog.waits_for_keyframe
    put(backlog, "v4")
    assert backlog.waits_for_keyframe
    put(backlog, "V7")
    backlog.take()
    assert not backlog.waits_for_keyframe


def test_live_sound_stays_where_the_picture_is_dropped_up_to_a_bound_of_its_own() -> None:
    backlog = Backlog(2.0, lossless=False)
    assert put(backlog, "V0 a0 v1 a1 v2 a2 v3 a3 v4 a4 v5 a5") == "V0 a0 v1 a1 v2 a2 a3 a4"
    assert backlog.dropped == 4


def test_a_new_epoch_ends_the_search_for_a_keyframe() -> None:
    backlog = Backlog(2.0, lossless=False)
    assert put(backlog, "V0 v3") == "V0"
    backlog.take()
    assert backlog.put(begin(1))
    assert put(backlog, "a0 v0", epoch=1) == "a0 v0"


def test_begin_and_end_always_fit() -> None:
    backlog = Backlog(1.0, lossless=False)
    put(backlog, "V0 a1 a2 v3")
    assert backlog.put(End())
    assert backlog.put(begin(1))
    assert shown(take_all(backlog)) == "V0 a1 a2 End Begin"


def test_the_bound_holds_across_epochs_and_the_time_between_them_takes_no_room() -> None:
    backlog = Backlog(3.0, lossless=False)
    backlog.put(begin(0))
    assert put(backlog, "V0 v1 v2") == "V0 v1 v2"
    backlog.put(End())
    backlog.put(begin(1, start_seconds=5000.0))
    assert put(backlog, "V0 v1 v2", epoch=1) == "V0 v1"  # two seconds of the one and one of the other


def test_timestamps_that_stand_still_do_not_fill_the_memory() -> None:
    backlog = Backlog(1.0, lossless=False)
    taken = sum(backlog.put(packet("V0")) for _ in range(5000))
    assert taken == 501
    assert backlog.dropped == 5000 - taken


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("Vvav"), st.booleans()), max_size=120), st.integers(1, 10))
def test_a_live_stream_is_never_held_up_and_every_packet_is_taken_or_counted(words: list[tuple[str, bool]], seconds: int) -> None:
    backlog = Backlog(seconds, lossless=False)
    accepted = 0
    waiting: list[Item] = []
    for number, (kind, takes) in enumerate([("V", False), *words]):
        accepted += backlog.put(packet(f"{kind}{number}"))
        if takes and accepted > len(waiting):
            item = backlog.take()
            assert item is not None
            waiting.append(item)
    items = waiting + take_all(backlog)
    assert len(items) == accepted == len(words) + 1 - backlog.dropped
    decoded = [word for word in shown(items).split() if word[0] != "a"]
    numbers = [int(word[1:]) for word in decoded]
    pictures = [number for number, (kind, _) in enumerate([("V", False), *words]) if kind != "a"]
    for before, word in itertools.pairwise(decoded):  # a picture follows the one that it refers to
        assert word[0] == "V" or pictures.index(int(word[1:])) == pictures.index(int(before[1:])) + 1
    assert numbers == sorted(numbers)


# ---- lossless -------------------------------------------------------------------------------------------------------


def put_in_a_thread(backlog: Backlog, text: str) -> tuple[threading.Thread, list[str]]:
    done: list[str] = []

    def work() -> None:
        done.extend(word if backlog.put(packet(word)) else f"not {word}" for word in text.split())

    thread = threading.Thread(target=work)
    thread.start()
    return thread, done


def ended(thread: threading.Thread) -> bool:
    thread.join(timeout=20)
    return not thread.is_alive()


def test_a_file_waits_for_room_and_loses_nothing() -> None:
    backlog = Backlog(2.0, lossless=True)
    thread, _ = put_in_a_thread(backlog, " ".join(f"V{second}" for second in range(500)))
    taken = []
    for _ in range(500):
        item = backlog.take()
        assert isinstance(item, Packet)
        taken.append(item.seconds)
        assert len(backlog._items) <= 3 + 1  # the thread may have put one between take and here
    assert ended(thread)
    assert taken == list(range(500))
    assert backlog.dropped == 0


def test_a_hole_longer_than_the_bound_waits_until_the_queue_is_empty_and_no_longer() -> None:
    backlog = Backlog(2.0, lossless=True)
    thread, _ = put_in_a_thread(backlog, "V0 V1 V5000 V5001")
    assert shown([item for item in (backlog.take() for _ in range(4)) if item]) == "V0 V1 V5000 V5001"
    assert ended(thread)


def test_closing_lets_go_of_who_waits_for_room_and_what_is_in_is_still_taken() -> None:
    backlog = Backlog(2.0, lossless=True)
    put(backlog, "V0 V1 V2")
    thread, done = put_in_a_thread(backlog, "V3")
    backlog.close()
    assert ended(thread)
    assert done == ["not V3"]
    assert shown(take_all(backlog)) == "V0 V1 V2"
    assert not backlog.put(begin(1))


def test_abandoning_drops_what_nobody_took_and_lets_go_of_both_sides() -> None:
    backlog = Backlog(2.0, lossless=True)
    put(backlog, "V0 V1 V2")
    thread, done = put_in_a_thread(backlog, "V3 V4")
    backlog.abandon()
    assert ended(thread)
    assert done == ["not V3", "not V4"]
    assert backlog.take() is None


def test_who_waits_for_something_to_take_is_let_go_at_the_end() -> None:
    backlog = Backlog(2.0, lossless=True)
    taken: list[Item | None] = []
    thread = threading.Thread(target=lambda: taken.append(backlog.take()))
    thread.start()
    backlog.close()
    assert ended(thread)
    assert taken == [None]


# ---- while the scorers load ------------------------------------------------------------------------------------------


def stream(first: int, after: int) -> str:
    """A frame a second, every fourth a keyframe."""
    return " ".join(f"{'v' if number % 4 else 'V'}{number}" for number in range(first, after))


def test_until_the_first_packet_is_taken_a_live_queue_holds_more() -> None:
    #  put   V0 v1 … v20      bound 2, at the opening 30
    backlog = Backlog(2.0, lossless=False, opening_seconds=30.0)
    assert put(backlog, stream(0, 21)) == stream(0, 21)
    assert backlog.dropped == 0


def test_what_waited_at_the_opening_is_worked_off_without_a_loss_and_the_bound_comes_down_with_it() -> None:
    #  put    0 … 20 │ 21    22    …    39 │ 40 41 42 43 …
    #  taken         │ 2     2          2  │ nothing more: 2 s fit, as ever
    backlog = Backlog(2.0, lossless=False, opening_seconds=30.0)
    put(backlog, stream(0, 21))
    for number in range(21, 40):
        backlog.take()
        backlog.take()
        assert put(backlog, stream(number, number + 1)) == stream(number, number + 1)
    assert backlog.dropped == 0
    assert put(backlog, stream(40, 50)) == "V40"


def test_a_recording_waits_at_the_ordinary_bound_from_the_start() -> None:
    backlog = Backlog(2.0, lossless=True, opening_seconds=30.0)
    assert put(backlog, "V0 v1 v2") == "V0 v1 v2"
    taken: list[bool] = []
    putting = threading.Thread(target=lambda: taken.append(backlog.put(packet("v3"))))
    putting.start()
    assert taken == []
    backlog.abandon()
    putting.join(10)
    assert taken == [False], "it was still waiting for room"
