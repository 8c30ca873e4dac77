"""One file that needs nothing else and believes nobody."""

from html.parser import HTMLParser

from stream_processor.reporting.html import render
from stream_processor.reporting.page import Curve, Moment, NearMiss, Page, Point

HOSTILE = '"><script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)>'


class Reader(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(words: str = "calm") -> Page:
    moment = Moment(
        1, 10.0, 20.0, 15.0, 0.9, 0.5, words, {words: (0.1, 1.0), "motion": (0.2, 0.5)}, [(words, words)],
        "data:image/jpeg;base64,AAAA", f"x/{words}.mp4", words,
    )  # fmt: skip
    lost = Moment(2, 30.0, 40.0, 35.0, 0.8, 0.5, words, {}, clip=f"no clip: {words}", is_kept=False)
    curve = Curve(
        words, 60.0, [[Point(0, 0, 1), Point(50, 1, 1)]], [moment, lost], [NearMiss(1, 6, 3.5, 0.4, 0.5, words)], [(50, 60)]
    )
    return Page(words, words, [(words, words)], [curve], [words], [words])


def test_a_page_shows_clips_numbers_reasons_and_near_misses() -> None:
    read = Reader(render(page("fine words")))
    (video,) = read.all("video")
    assert video["src"] == "x/fine%20words.mp4"
    assert video["poster"] == "data:image/jpeg;base64,AAAA"
    for said in ("#1", "#2", "0:10 – 0:20", "needed 0.5", "no clip: fine words", "+1.0", "0:04", "Nearly taken, and why not"):
        assert said in read.text, said


def test_each_clip_is_found_from_the_curve_whatever_recording_it_is_of() -> None:
    clips = [Moment(rank, 10.0, 20.0, 15.0, 0.9, None, "", {}) for rank in (1, 2)]
    read = Reader(render(Page("t", "s", [], [Curve(clip.reason, 60.0, [], [clip], []) for clip in clips])))
    assert [one["href"] for one in read.all("a")] == ["#moment-1", "#moment-2"]
    assert [one["id"] for one in read.all("article")] == ["moment-1", "moment-2"]


def test_nothing_is_less_than_nothing() -> None:
    moment = Moment(1, 10.0, 20.0, 15.0, 0.9, 0.5, "", {"motion": (0.2, -0.04)})
    assert "+0.0 at 0.2" in Reader(render(Page("t", "s", [], [Curve("c", 60.0, [], [moment], [])]))).text


def test_names_of_strangers_stay_text() -> None:
    read = Reader(render(page(HOSTILE)))
    assert not read.all("script")
    assert all("onerror" not in attributes for _, attributes in read.elements)
    assert HOSTILE in read.text


def test_nothing_is_asked_of_the_network() -> None:
    text = render(page())
    read = Reader(text)
    addresses = [value for _, one in read.elements for name, value in one.items() if name in ("src", "href", "poster") and value]
    assert addresses
    assert not [address for address in addresses if "//" in address]
    (policy,) = [one["content"] for one in read.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "@import" not in text
    assert "url(" not in text


def test_each_picture_is_told_to_those_who_do_not_see_it() -> None:
    read = Reader(render(page()))
    assert all(one.get("aria-label") for one in [*read.all("svg"), *read.all("video")])
    assert all(one.get("alt") for one in read.all("img"))


def test_a_run_without_anything_says_so() -> None:
    read = Reader(render(Page("t", "s", [], [Curve("c", 0.0, [], [], [])])))
    assert "Nothing was taken." in read.text
    assert "Nothing else came near." in read.text
