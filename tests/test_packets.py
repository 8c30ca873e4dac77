"""The packet ring: ``V3`` is a keyframe, ``v3`` another picture, ``a3`` a second of sound, all of one epoch; 1000 bytes each."""

import threading
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.packets import PacketRing
from stream_processor.records import Packet
from stream_processor.settings import RingSettings

PACKET_BYTES = 1000
ROOMY_MB = 1.0


def packet(word: str, epoch: int = 0) -> Packet:
    pts = int(float(word[1:]) * 1000)
    return Packet(
        kind="audio" if word[0] == "a" else "video",
        data=word.encode().ljust(PACKET_BYTES),
        pts=pts,
        dts=pts,
        duration=1000,
        time_base=Fraction(1, 1000),
        is_key=word[0] != "v",
        epoch=epoch,
        arrived_at=0.0,
    )


def fill(ring: PacketRing, text: str, epoch: int = 0, start_seconds: float = 0.0) -> None:
    for word in text.split():
        ring.append(packet(word, epoch), start_seconds + float(word[1:]))


def new_ring(seconds: float = 60.0, packets: float = ROOMY_MB * 1e6 / PACKET_BYTES) -> PacketRing:
    return PacketRing(RingSettings.model_construct(seconds=seconds, max_mb=packets * PACKET_BYTES / 1e6))


def shown(packets: list[Packet] | None) -> str | None:
    return None if packets is None else " ".join(packet.data.decode().strip() for packet in packets)


def held(ring: PacketRing) -> str | None:
    return shown([entry.packet for entry in ring._entries])


# ---- bounds ---------------------------------------------------------------------------------------------------------


def test_it_holds_so_many_seconds_of_stream_and_no_more() -> None:
    ring = new_ring(seconds=3)
    fill(ring, "V0 v1 v2 v3 v4 v5")
    assert held(ring) == "v2 v3 v4 v5"
    assert ring.state() == (3.0, 4 * PACKET_BYTES / 1e6, 0, 6)  # of six pictures in all


def test_it_holds_so_many_bytes_and_no_more() -> None:
    ring = new_ring(packets=2)
    fill(ring, "V0 v1 v2 v3")
    assert held(ring) == "v2 v3"


def test_the_newest_packet_is_held_whatever_its_size() -> None:
    ring = new_ring(packets=0.5)
    fill(ring, "V0 v1")
    assert held(ring) == "v1"


def test_seconds_are_counted_across_epochs() -> None:
    ring = new_ring(seconds=3)
    fill(ring, "V0 v1")
    fill(ring, "V0 v1", epoch=1, start_seconds=3.0)
    assert held(ring) == "v1 V0 v1"


def test_an_empty_ring_has_nothing_to_tell() -> None:
    assert new_ring().state() == (0.0, 0.0, 0, 0)


# ---- where a reader begins ------------------------------------------------------------------------------------------


def test_it_begins_at_the_last_keyframe_at_or_before_the_wanted_time() -> None:
    ring = new_ring()
    fill(ring, "V0 v1 V2 v3 V4 v5")
    assert shown(ring.reader(0, 3.9).read()) == "V2 v3 V4 v5"
    assert shown(ring.reader(0, 4.0).read()) == "V4 v5"
    assert shown(ring.reader(0, 99.0).read()) == "V4 v5"


def test_it_begins_at_the_oldest_keyframe_where_the_wanted_one_is_gone() -> None:
    ring = new_ring(seconds=3)
    fill(ring, "V0 v1 V2 v3 V4 v5")
    assert held(ring) == "V2 v3 V4 v5"
    assert shown(ring.reader(0, 0.0).read()) == "V2 v3 V4 v5"
    fill(ring, "v6")
    assert shown(ring.reader(0, 0.0).read()) == "V4 v5 v6"


def test_sound_that_lies_before_its_keyframe_is_read_and_the_picture_there_is_not() -> None:
    ring = new_ring()
    fill(ring, "V0 a0 v1 a1 v2 a4 v3 a5 V4 v5")
    assert shown(ring.reader(0, 4.0).read()) == "a4 a5 V4 v5"


def test_without_picture_it_begins_with_the_sound_of_the_wanted_time() -> None:
    ring = new_ring()
    fill(ring, "a0 a1 a2 a3")
    assert shown(ring.reader(0, 1.5).read()) == "a1 a2 a3"
    assert shown(ring.reader(0, 2.0).read()) == "a2 a3"


def test_where_no_keyframe_is_held_any_more_the_picture_begins_at_the_next() -> None:
    ring = new_ring(seconds=3)
    fill(ring, "V0 a0 v1 a1 v2 a2 v3 a3 v4")
    reader = ring.reader(0, 1.0)
    fill(ring, "a4 v5 V6 v7")
    assert shown(reader.read()) == "a1 a2 a3 a4 V6 v7"


def test_a_reader_of_an_epoch_that_is_gone_is_at_its_end() -> None:
    ring = new_ring()
    fill(ring, "V0 v1", epoch=1)
    assert ring.reader(0, 0.0).read() is None


def test_a_reader_may_come_before_the_first_packet_of_its_epoch() -> None:
    ring = new_ring()
    fill(ring, "V0 v1")
    reader = ring.reader(1, 0.0)
    assert reader.read() == []
    fill(ring, "v2")
    fill(ring, "V0 v1", epoch=1)
    assert shown(reader.read()) == "V0 v1"


# ---- reading along --------------------------------------------------------------------------------------------------


def test_each_packet_is_read_once_and_in_order() -> None:
    ring = new_ring()
    fill(ring, "V0 a0 v1")
    reader = ring.reader(0, 0.0)
    assert shown(reader.read(most=2)) == "V0 a0"
    fill(ring, "a1")
    assert shown(reader.read(most=2)) == "v1 a1"
    assert reader.read() == []
    assert reader.missed == 0


def test_an_epoch_ends_when_it_is_said_to_or_when_the_next_begins() -> None:
    ring = new_ring()
    fill(ring, "V0 v1")
    first = ring.reader(0, 0.0)
    ring.end_epoch(0)
    assert shown(first.read()) == "V0 v1"
    assert first.read() is None

    fill(ring, "V0", epoch=1)
    second = ring.reader(1, 0.0)
    fill(ring, "V0 v1", epoch=2)
    assert shown(second.read()) == "V0"
    assert second.read() is None
    assert second.read() is None


def test_what_a_reader_has_not_read_is_kept_beyond_the_seconds() -> None:
    ring = new_ring(seconds=2)
    fill(ring, "V0 v1 v2")
    with ring.reader(0, 0.0) as reader:
        fill(ring, "v3 v4 v5")
        assert held(ring) == "V0 v1 v2 v3 v4 v5"
        assert shown(reader.read(most=4)) == "V0 v1 v2 v3"
        fill(ring, "v6")
        assert held(ring) == "v4 v5 v6"
    fill(ring, "v7 v8 v9")
    assert held(ring) == "v7 v8 v9"
    assert ring.state().unread == 0


def test_the_slowest_of_several_readers_decides_what_is_kept() -> None:
    ring = new_ring(seconds=1)
    fill(ring, "V0 v1")
    fast, slow = ring.reader(0, 0.0), ring.reader(0, 0.0)
    fast.read()
    fill(ring, "v2 v3")
    assert held(ring) == "V0 v1 v2 v3"
    slow.close()
    fill(ring, "v4")
    assert held(ring) == "v2 v3 v4"


def test_a_reader_that_is_too_slow_for_the_memory_misses_packets_and_goes_on_at_the_next_keyframe() -> None:
    ring = new_ring(packets=6)
    fill(ring, "V0 a0 v1 a1")
    reader = ring.reader(0, 0.0)
    assert shown(reader.read(most=2)) == "V0 a0"
    fill(ring, "v2 a2 v3 a3 V4 a4")
    assert held(ring) == "v2 a2 v3 a3 V4 a4"
    assert shown(reader.read()) == "a2 a3 V4 a4"
    assert reader.missed == 2
    assert ring.state().unread == 2


def test_a_reader_goes_back_to_its_start_as_long_as_that_is_held() -> None:
    ring = new_ring(seconds=4)
    fill(ring, "V0 v1 a2 V2 v3")
    reader = ring.reader(0, 2.0)
    assert shown(reader.read()) == "a2 V2 v3"
    fill(ring, "v4")
    assert reader.rewind()
    assert shown(reader.read()) == "a2 V2 v3 v4"
    fill(ring, "v5 v6 v7")
    assert not reader.rewind()
    assert shown(reader.read()) == "v5 v6 v7"


def test_rewinding_pins_again_what_is_to_be_read_again() -> None:
    ring = new_ring(seconds=2)
    fill(ring, "V0 v1 v2")
    reader = ring.reader(0, 0.0)
    reader.read()
    assert reader.rewind()
    fill(ring, "v3 v4 v5")
    assert shown(reader.read()) == "V0 v1 v2 v3 v4 v5"


@settings(deadline=None)
@given(
    words=st.lists(st.sampled_from("Vva"), min_size=1, max_size=80),
    reads=st.lists(st.tuples(st.integers(0, 80), st.integers(1, 9)), max_size=12),
    seconds=st.integers(0, 20),
    packets=st.integers(1, 30),
    opened_at=st.integers(0, 80),
)
def test_a_reader_sees_its_packets_in_order_or_counts_them_as_missed(
    words: list[str], reads: list[tuple[int, int]], seconds: int, packets: int, opened_at: int
) -> None:
    ring = new_ring(seconds=seconds, packets=packets)
    reader, seen, ending = None, [], 0
    for number, word in enumerate(["V", *words]):
        ring.append(packet(f"{word}{number}"), number)
        assert ring.state().mb * 1e6 <= packets * PACKET_BYTES
        if number == min(opened_at, len(words)):
            reader = ring.reader(0, number)
        if reader is not None:
            for _, most in [read for read in reads if read[0] == number]:
                seen += reader.read(most=most) or []
    assert reader is not None
    ring.end_epoch(0)
    while (more := reader.read(most=7)) is not None:
        seen += more
        ending += 1
        assert ending < 100
    times = [int(item.seconds) for item in seen]
    assert times == sorted(set(times))
    assert next((item.is_key for item in seen if item.kind == "video"), True)  # never begins in the middle of a GOP
    if not reader.missed and times:
        numbers = {int(item.data[1:]) for item in seen}
        first_key = next((int(item.seconds) for item in seen if item.kind == "video"), len(words) + 1)
        for number, word in enumerate(["V", *words]):
            if number >= times[0] and (word == "a" or number >= first_key):
                assert number in numbers


# ---- threads --------------------------------------------------------------------------------------------------------


def test_a_reader_wakes_up_for_a_packet_and_for_the_end() -> None:
    ring = new_ring()
    reader = ring.reader(0, 0.0)
    seen: list[str | None] = []

    def read() -> None:
        while (packets := reader.read(timeout_seconds=30.0)) is not None:
            seen.append(shown(packets))

    thread = threading.Thread(target=read)
    thread.start()
    fill(ring, "V0")
    ring.end_epoch(0)
    thread.join(timeout=20)  # far below the reader's own patience
    assert not thread.is_alive()
    assert seen == ["V0"]


def test_a_writer_and_two_readers_at_once_lose_nothing() -> None:
    ring = new_ring(seconds=5, packets=100_000)
    count = 4_000
    readers = [ring.reader(0, 0.0), ring.reader(0, 0.0)]
    seen: list[list[int]] = [[], []]

    def read(number: int) -> None:
        while (packets := readers[number].read(timeout_seconds=30.0, most=1 + 16 * number)) is not None:
            seen[number] += [int(packet.seconds) for packet in packets]
        readers[number].close()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for number in range(count):
        ring.append(packet(f"V{number}"), number)
    ring.end_epoch(0)
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert seen == [list(range(count))] * 2
    assert ring.state().unread == 0
