"""Which head belongs to which model, and how it comes: named, kept, fetched from a server on loopback."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorers import aesthetic_head
from scorers.aesthetic_head import file_name, find_head
from scorers.weights import Weights
from stream_processor.errors import ScorerError
from tests.scorers.hub import hub

B32 = Weights("ViT-B-32-quickgelu", "openai")
NAME = "sa_0_4_vit_b_32_linear.pth"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(aesthetic_head, "kept_in", lambda: tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def server() -> Iterator[str]:
    with hub({f"heads/{NAME}": b"the head"}) as address:
        yield f"{address}/heads"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("ViT-B-32", NAME),
        ("ViT-B-32-quickgelu", NAME),
        ("ViT-B-16", "sa_0_4_vit_b_16_linear.pth"),
        ("ViT-B-16-quickgelu", "sa_0_4_vit_b_16_linear.pth"),
        ("ViT-L-14", "sa_0_4_vit_l_14_linear.pth"),
        ("ViT-L-14-quickgelu", "sa_0_4_vit_l_14_linear.pth"),
    ],
)
def test_each_model_has_its_head(model: str, name: str) -> None:
    assert file_name(Weights(model, "openai")) == name
    assert file_name(Weights(model, "mine.pt", checkpoint=Path("mine.pt"))) == name


def test_a_model_without_a_head_and_weights_that_it_was_not_made_for_are_said() -> None:
    with pytest.raises(ScorerError, match="LAION has no aesthetic head for RN50, only for ViT-B-32, ViT-B-16, ViT-L-14"):
        file_name(Weights("RN50", "openai"))
    with pytest.raises(ScorerError, match="for the weights 'openai' of ViT-B-32, not 'laion2b_s34b_b79k'"):
        file_name(Weights("ViT-B-32", "laion2b_s34b_b79k"))


def test_it_is_fetched_once_and_kept(server: str, kept: Path) -> None:
    path = find_head(None, B32, fetch_seconds=30, repository=server)
    assert path == kept / NAME
    assert path.read_bytes() == b"the head"
    assert find_head(None, B32, fetch_seconds=30, repository="http://127.0.0.1:9") == path
    assert [one.name for one in kept.iterdir()] == [NAME]  # and nothing half left beside it


def test_a_named_head_is_taken_for_any_weights_and_nobody_is_asked(tmp_path: Path) -> None:
    mine = tmp_path / "mine.pth"
    mine.touch()
    assert find_head(mine, Weights("RN50", "openai"), fetch_seconds=30, repository="http://127.0.0.1:9") == mine


def test_a_named_head_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match=r"aesthetics\.head: .*nowhere\.pth is no file"):
        find_head(tmp_path / "nowhere.pth", B32, fetch_seconds=30)


def test_a_server_without_it_and_no_server_are_said_in_one_line(server: str, kept: Path) -> None:
    for repository, reason in ((f"{server}/elsewhere", "404"), ("http://127.0.0.1:9", "refused")):
        with pytest.raises(ScorerError, match=reason) as raised:
            find_head(None, B32, fetch_seconds=30, repository=repository)
        assert str(raised.value).startswith(f"LAION's aesthetic head {NAME} cannot be fetched: ")
        assert "\n" not in str(raised.value)
    assert list(kept.iterdir()) == []


def test_a_silent_server_is_given_up_in_time_and_nothing_half_is_left(kept: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(ScorerError, match=r"not done within 0\.5 s"):
            find_head(None, B32, fetch_seconds=0.5, repository=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - start < 60
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize("how", ["setting", "offline"])
def test_where_fetching_is_switched_off_nobody_is_asked(how: str, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    if how == "offline":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ScorerError, match="fetching is switched off"):
        find_head(None, B32, fetch_seconds=0 if how == "setting" else 30, repository=server)


def test_a_folder_that_cannot_be_written_is_said(server: str, kept: Path) -> None:
    kept.write_text("a file where a folder is wanted")
    with pytest.raises(ScorerError, match=r"cannot be fetched: .*kept: "):
        find_head(None, B32, fetch_seconds=30, repository=server)
