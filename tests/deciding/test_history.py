from stream_processor.deciding.history import History, new_seconds
from stream_processor.records import Window


def window(number: int, epoch: int = 0, start: float | None = None) -> Window:
    begin = 3.0 * number if start is None else start
    return Window(epoch, number, begin, begin + 5, {}, (3 * number, 3 * number + 5))


def test_a_window_stands_for_what_the_one_before_did_not_show() -> None:
    assert new_seconds(window(0), None) == 5
    assert new_seconds(window(1), window(0)) == 3
    assert new_seconds(window(0, epoch=1, start=7), window(1)) == 5


def test_the_oldest_go_when_the_others_cover_the_limit() -> None:
    history = History(12)
    for number in range(10):
        history.add(window(number), float(number))
    assert history.values.tolist() == [6, 7, 8, 9]
    assert history.covered_seconds == 12


def test_an_hour_offline_makes_nothing_older() -> None:
    history = History(12)
    for number in range(3):
        history.add(window(number), float(number))
    history.add(window(0, epoch=1, start=3600), 9.0)
    assert history.values.tolist() == [0, 1, 2, 9]


def test_at_least_the_newest_stays() -> None:
    history = History(1)
    history.add(window(0), 1.0)
    history.add(window(1), 2.0)
    assert history.values.tolist() == [2]
