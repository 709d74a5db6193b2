"""The image and the compose file, as far as they can be looked at without an engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from onsale.commands import app
from onsale.door import WEBHOOKS_PATH
from tests.house.programs import ROOT

DOCKERFILE = ROOT / "Dockerfile"
ONSALE_S_OWN = ("web", "worker", "migrate", "seed", "payments")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, read."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return read


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    linted = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)

    assert linted.stdout == ""
    assert linted.returncode == 0


def test_the_final_stage_runs_as_nobody_in_particular_and_says_whether_it_can_sell() -> None:
    final_stage = DOCKERFILE.read_text().rpartition("\nFROM ")[2]

    assert re.search(r"^USER 10001$", final_stage, re.MULTILINE)
    assert "HEALTHCHECK" in final_stage
    assert "/readyz" in final_stage
    assert "pip install" not in final_stage


def test_what_the_image_copies_is_there_and_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = [
        source
        for sources in re.findall(
            r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE
        )
        for source in sources.split()
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in let_in, source


def test_the_image_has_every_package_a_command_imports() -> None:
    dockerfile = DOCKERFILE.read_text()
    needed = {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"tests", "bench"}

    for package in needed:
        assert f"COPY {package} {package}\n" in dockerfile


def test_the_health_check_is_a_program_that_python_understands() -> None:
    program = re.search(r'CMD \["python", "-c", "(.+)"\]', DOCKERFILE.read_text())
    assert program is not None

    compile(program.group(1).replace('\\"', '"'), "HEALTHCHECK", "exec")


def test_compose_starts_a_web_and_a_worker_on_migrated_tables(compose: dict[str, Any]) -> None:
    services = compose["services"]

    for name in ("web", "worker", "seed"):
        assert services[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["postgres"]["image"] == "postgres:18"
    assert services["valkey"]["image"] == "valkey/valkey:9"
    assert services["seed"]["profiles"] == ["demo"]


def test_compose_knows_of_each_server_whether_it_is_well(compose: dict[str, Any]) -> None:
    for name in ("postgres", "valkey"):
        assert compose["services"][name]["healthcheck"]["test"][0] == "CMD"


def test_compose_opens_nothing_but_the_web_and_that_to_this_machine_alone(
    compose: dict[str, Any],
) -> None:
    opened = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}

    assert opened == {"web": ["127.0.0.1:8000:8000"]}


def test_compose_gives_our_own_containers_no_rights(compose: dict[str, Any]) -> None:
    for name in ONSALE_S_OWN:
        service = compose["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_compose_runs_commands_that_there_are(compose: dict[str, Any]) -> None:
    for name in ONSALE_S_OWN:
        command, *options = compose["services"][name]["command"]
        told = CliRunner().invoke(app, [command, "--help"]).output
        for option in options:
            assert option.partition("=")[0] in told


def test_web_and_worker_share_one_payment_provider_which_tells_the_web(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]

    assert services["web"]["environment"] == services["worker"]["environment"]
    assert "http://payments:8001" in services["web"]["environment"]["ONSALE_PAYMENTS_URL"]
    assert "--port=8001" in services["payments"]["command"]
    assert f"--notify=http://web:8000{WEBHOOKS_PATH}" in services["payments"]["command"]
    assert services["payments"]["volumes"] == ["payments:/data"]
