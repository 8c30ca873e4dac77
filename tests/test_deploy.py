"""What stands in ``deploy/`` fits together, and fits the program: the real tools judge it where they are installed."""

import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream_processor.configuring.channel_list import load_channels
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNIT = DEPLOY / "clip-highlights.service"
DOCKERFILE = DEPLOY / "Dockerfile"


# ---- the command line that both use ----------------------------------------------------------------------------------


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def last(name: str) -> str:
    return [rest for word, rest in instructions() if word == name][-1]


def arguments() -> dict[str, list[str]]:
    return {"unit": unit()["Service"]["ExecStart"].split()[1:], "image": json.loads(last("CMD"))}


@pytest.mark.parametrize("where", ["unit", "image"])
def test_the_program_knows_every_option_that_it_is_started_with(where: str, tmp_path: Path) -> None:
    """With a configuration that has no channel it says so: it has understood the rest."""
    empty = tmp_path / "empty.toml"
    empty.touch()
    given = [str(empty) if each.endswith("config.toml") else each for each in arguments()[where]]
    assert str(empty) in given
    command = [sys.executable, "-m", "stream_processor", *given]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "say what to watch" in done.stderr


def test_the_configuration_that_goes_with_it_is_one(tmp_path: Path) -> None:
    settings, channels = load_channels((), DEPLOY / "config.toml", (), {}, {})
    assert [channel.stream for channel in channels] == ["twitch.tv/NAME"]
    assert settings.output.max_gb > 0


def test_the_health_check_asks_where_the_program_answers() -> None:
    for given in arguments().values():
        assert given[given.index("--metrics") + 1] == "127.0.0.1:9464"
    assert "http://127.0.0.1:9464/healthz" in last("HEALTHCHECK")


# ---- systemd ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def systemd_analyze(need_program: Callable[..., Path]) -> Path:
    return need_program("systemd-analyze")


def test_systemd_finds_nothing_wrong_with_the_unit(systemd_analyze: Path, tmp_path: Path) -> None:
    """With a program that is there: it looks for the one that is started."""
    installed = tmp_path / UNIT.name
    installed.write_text(UNIT.read_text().replace("/opt/clip-highlights/bin/main", "/bin/true"))
    done = subprocess.run([systemd_analyze, "verify", installed], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_may_do_little(systemd_analyze: Path) -> None:
    command = [systemd_analyze, "security", "--offline=true", "--threshold=20", "--no-pager", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no unit files")
    assert done.returncode == 0, done.stdout[-2000:]


def test_nobody_is_killed_while_he_still_writes_his_clips() -> None:
    service = unit()["Service"]
    settings, _ = load_channels(("demo",), None, (), {}, {})
    stop_seconds = float(getattr(settings.process, "stop_seconds", 20.0))
    assert float(service["TimeoutStopSec"]) > stop_seconds + 10
    assert float(re.match(r"(\d+)s", compose()["services"]["clip-highlights"]["stop_grace_period"])[1]) > stop_seconds + 10  # type: ignore[index]
    assert service["KillSignal"] == last("STOPSIGNAL") == "SIGTERM"


# ---- containers ------------------------------------------------------------------------------------------------------


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return read


def test_the_image_starts_the_program_without_a_shell_and_without_root() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["main"]
    user, group = last("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_is_made_of_what_is_there_and_is_let_through() -> None:
    let_through = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [part for word, rest in instructions() if word == "COPY" and "--from" not in rest for part in rest.split()[:-1]]
    assert sorted(copied) == sorted(let_through)
    assert all((REPOSITORY / name).exists() for name in copied)
    packages = re.search(r"packages = (\[.*?\])", (REPOSITORY / "pyproject.toml").read_text())
    assert packages is not None
    assert set(json.loads(packages[1])) <= set(copied)


def test_the_health_check_s_program_is_one() -> None:
    shell, flag, program = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert (shell, flag) == ("python", "-c")
    compile(program, "health check", "exec")


def test_hadolint_finds_nothing_wrong_with_the_dockerfile() -> None:
    found = shutil.which("hadolint")
    if found is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([found, DOCKERFILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_containers_come_back_are_bounded_and_wait_for_each_other() -> None:
    services = compose()["services"]
    for service in services.values():
        assert service["restart"] == "unless-stopped"
        assert service["init"] is True
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    program = services["clip-highlights"]
    assert program["depends_on"] == {"mosquitto": {"condition": "service_healthy"}}
    assert services["mosquitto"]["healthcheck"]["test"][0] == "CMD"
    assert program["environment"] == {"CLIP_HIGHLIGHTS_MQTT__URL": "mqtt://mosquitto:1883"}
    settings, _ = load_channels(("demo",), None, (), program["environment"], {})
    assert settings.mqtt.url == "mqtt://mosquitto:1883"


def test_what_compose_names_is_there_and_what_the_image_keeps_outlives_it() -> None:
    tree = compose()
    folder = (DEPLOY / tree["services"]["clip-highlights"]["build"]["context"]).resolve()
    assert folder == REPOSITORY
    mounted: list[str] = []
    for service in tree["services"].values():
        for volume in service["volumes"]:
            source, target = volume.split(":")[:2]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in tree["volumes"]
            mounted.append(target)
    assert set(json.loads(last("VOLUME"))) <= set(mounted)
    assert "/etc/clip-highlights/config.toml" in mounted


def test_docker_compose_reads_the_file() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("docker compose is not installed")
    done = subprocess.run(
        ["docker", "compose", "-f", DEPLOY / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# ---- the broker ------------------------------------------------------------------------------------------------------


class Broker:
    """The very configuration, with another port and folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        text = (DEPLOY / "mosquitto.conf").read_text()
        data = folder / "data"
        data.mkdir()
        data.chmod(0o777)
        text = text.replace("listener 1883", f"listener {self.port} 127.0.0.1").replace("/mosquitto/data/", f"{data}/")
        self._configuration = folder / "mosquitto.conf"
        as_root = "user root\n" if os.name == "posix" and os.geteuid() == 0 else ""  # else it could not read what root made
        self._configuration.write_text(text + as_root)
        self._program = program
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen([self._program, "-c", self._configuration], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(self.port)), timeout=1).close()
                return
            except OSError:
                assert self._process.poll() is None, self._process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def stop(self) -> str:
        """What it said."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.communicate(timeout=30)[1]


@pytest.fixture
def broker(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[Broker]:
    started = Broker(need_program("mosquitto"), tmp_path)
    yield started
    started.stop()


def test_the_broker_takes_its_configuration_and_forgets_no_alert_over_a_restart(
    broker: Broker, need_program: Callable[..., Path]
) -> None:
    publish, subscribe = need_program("mosquitto_pub"), need_program("mosquitto_sub")
    at = ["-h", "127.0.0.1", "-p", broker.port]
    comes_back = [subscribe, *at, "-t", "clip_highlights/+/alerts", "-q", "1", "-i", "home", "-c"]
    subprocess.run([*comes_back, "-E"], check=True, timeout=30)
    for number in range(3):
        subprocess.run([publish, *at, "-t", "clip_highlights/x/alerts", "-q", "1", "-m", str(number)], check=True, timeout=30)
    said = broker.stop().replace("Warning: Mosquitto should not be run as root/administrator.", "")
    assert not re.search(r"Error|Warning|recommended|Unknown", said), said
    broker.start()
    done = subprocess.run([*comes_back, "-C", "3", "-W", "20"], capture_output=True, text=True, timeout=40, check=True)
    assert done.stdout.split() == ["0", "1", "2"]


def test_the_broker_s_health_check_finds_it_well(broker: Broker, need_program: Callable[..., Path]) -> None:
    test = [word.replace("$$", "$") for word in compose()["services"]["mosquitto"]["healthcheck"]["test"][1:]]
    assert need_program(test[0])
    subprocess.run([*test, "-p", broker.port], check=True, timeout=30, capture_output=True)
