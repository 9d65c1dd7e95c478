"""The containers by their files, for no engine is at hand: what they may do, see and hold."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supportbot import production
from supportbot.background import WARM_UP_TIMEOUT
from supportbot.env import Environment
from supportbot.telemetry import SHUTDOWN_TIMEOUT
from tests.deploy.composed import (
    DOCKERFILE,
    EXAMPLE,
    ROOT,
    Service,
    copied,
    in_context,
    instructions,
    read,
    strings,
)

pytestmark = pytest.mark.any_storage

COMPOSE = read("docker-compose.yml")
SERVICES: dict[str, Service] = COMPOSE["services"]
FILES = ("docker-compose.yml", "deploy/tls.yml", "deploy/services.yml")

WITHOUT_HEALTH_CHECK = {"migrate": "it ends", "collector": "its image holds one program"}
DATABASES = {"postgres", "redis"}

PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+[\w.-]*")
OURS = re.compile(r"supportbot(-proxy)?:\$\{SUPPORTBOT_VERSION:\?.*\}")
SECRET = re.compile(r"PASSWORD|SECRET|AUTH|TOKEN|_KEY$")

each_service = pytest.mark.parametrize("name", SERVICES)


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def variables(text: str) -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text))


# What a container may do -------------------------------------------------------------------------


@each_service
def test_it_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert {"pid", "ipc", "network_mode", "devices", "userns_mode"}.isdisjoint(service)


@each_service
def test_it_does_not_run_as_root(name: str) -> None:
    user, _, group = SERVICES[name]["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


@each_service
def test_it_can_neither_take_all_memory_nor_all_processors(name: str) -> None:
    assert {"cpus", "memory", "pids"} <= set(SERVICES[name]["deploy"]["resources"]["limits"])


@each_service
def test_it_says_whether_it_is_well(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) != (name in WITHOUT_HEALTH_CHECK)


@each_service
def test_it_comes_back_and_its_log_does_not_fill_the_disk(name: str) -> None:
    assert SERVICES[name]["restart"] in {"unless-stopped", "on-failure:3"}
    assert SERVICES[name]["logging"]["options"]["max-size"]


@each_service
def test_it_writes_to_memory_and_named_volumes_only(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        assert volume.partition(":")[0] in COMPOSE["volumes"]


# What it is --------------------------------------------------------------------------------------


@each_service
def test_its_image_has_a_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert OURS.fullmatch(image) if "build" in SERVICES[name] else PINNED.fullmatch(image)


def test_so_have_those_that_ours_are_made_from() -> None:
    stages = set[str]()
    for line in instructions("FROM"):
        image, _, stage = line.partition(" AS ")
        assert PINNED.fullmatch(image) or image in stages
        stages.add(stage)
    assert {"app", "proxy"} <= stages


def test_the_services_for_developers_are_those_of_production() -> None:
    for name, service in read("deploy/services.yml")["services"].items():
        assert service["image"] == SERVICES[name]["image"]


# Who reaches whom --------------------------------------------------------------------------------


def test_only_the_proxy_has_a_port_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"proxy"}
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])


def test_who_comes_to_that_port_is_believed_and_the_world_is_not() -> None:
    """Docker shows nginx the network's gateway where the client was."""
    (subnet,) = COMPOSE["networks"]["outside"]["ipam"]["config"]
    real_ip = SERVICES["proxy"]["environment"]["NGINX_REAL_IP"]
    assert f"set_real_ip_from {subnet['gateway']};" in real_ip
    world = read("deploy/tls.yml")["services"]["proxy"]
    assert world["environment"]["NGINX_REAL_IP"] == "${NGINX_REAL_IP-}"
    assert all(port.startswith("0.0.0.0:") for port in world["ports"]), "no IPv6"


def test_the_databases_are_where_no_browser_gets() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in DATABASES:
        assert SERVICES[name]["networks"] == ["inside"]
    assert SERVICES["proxy"]["networks"] == ["outside"]


def test_the_services_for_developers_are_on_this_machine_only() -> None:
    for service in read("deploy/services.yml")["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


# Start and stop ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_the_code_runs_once_its_migrations_have(name: str) -> None:
    needed = SERVICES[name]["depends_on"]
    assert needed["migrate"] == {"condition": "service_completed_successfully"}
    assert all(needed[it] == {"condition": "service_healthy"} for it in DATABASES)


def test_there_are_several_servers_and_one_clock() -> None:
    assert SERVICES["web"]["deploy"]["replicas"] >= 2
    assert "replicas" not in SERVICES["beat"]["deploy"]


@pytest.mark.parametrize("name", ["proxy", "web"])
def test_many_chats_may_be_open(name: str) -> None:
    assert SERVICES[name]["ulimits"]["nofile"]["soft"] >= 40_000


def test_a_server_is_not_killed_while_it_still_ends_its_turns() -> None:
    drain = Environment.model_fields["supportbot_drain_seconds"].default
    needed = drain + production.GRACE + WARM_UP_TIMEOUT + SHUTDOWN_TIMEOUT
    assert seconds(SERVICES["web"]["stop_grace_period"]) > needed


# Secrets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["docker-compose.yml", "deploy/tls.yml"])
def test_no_secret_has_a_default(name: str) -> None:
    for service in read(name)["services"].values():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert re.fullmatch(r"\$\{\w+:\?.+\}", value), variable
    for text in strings(read(name)):
        for variable in variables(text):
            if SECRET.search(variable):
                assert f"${{{variable}:?" in text
        assert not re.search(r"://\w*:(?!\$\{)[^@/]+@", text)


def test_the_example_names_what_has_to_be_set_and_sets_nothing() -> None:
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")]
    assert all(line.endswith("=") for line in lines)
    named = {line.removesuffix("=") for line in lines}
    asked = {
        variable
        for name in FILES
        for text in strings(read(name))
        for variable in re.findall(r"\$\{(\w+):\?", text)
    }
    assert asked <= named
    known = {name.upper() for name in Environment.model_fields}
    assert named - asked <= known


def test_git_sees_no_environment_file() -> None:
    done = subprocess.run(["git", "check-ignore", ".env"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_no_secret_is_built_into_an_image() -> None:
    assert instructions("ARG") == []
    assert instructions("ADD") == []
    settings = " ".join(instructions("ENV"))
    assert not SECRET.search(settings)


# What an image holds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.production", "supportbot/.env", "chat/llm/.env.local"),
        *(
            ".git/config",
            ".venv/bin/python",
            "var/secret_key",
            "var/db.sqlite3",
            "staticfiles/x.js",
        ),
        *("tests/conftest.py", "benchmarks/relay.py", "docs/protocol.md", ".ci/run", "README.md"),
        *("requirements-dev.txt", "docker-compose.yml", "deploy/prod_local.py", "deploy/tls.yml"),
        *("supportbot/__pycache__/env.cpython-311.pyc", "chat/x.pyc", "chaos/run.py"),
    ],
)
def test_what_it_does_not_need_never_reaches_the_builder(path: str) -> None:
    assert not in_context(path)


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def test_nothing_of_the_tests_is_among_what_it_takes() -> None:
    taken = [path for path in tracked() if in_context(path)]
    assert {"manage.py", "supportbot/settings.py", "static/widget/widget.js"} <= set(taken)
    assert [path for path in taken if "test" in Path(path).stem.split("_")[0]] == []
    folders = {path.partition("/")[0] for path in taken}
    assert folders == {path.partition("/")[0] for path in copied()}


def test_what_it_takes_is_all_that_the_server_needs(tmp_path: Path) -> None:
    """A start with a collector, as in docker-compose.yml, included: that asks for more."""
    for path in filter(in_context, tracked()):
        if Path(path).parts[0] not in copied():
            continue
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "staticfiles").mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATA_DIR": str(tmp_path / "data"),
        "SECRET_KEY": "only-to-collect-the-static-files-of-the-image",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    start = "from supportbot import asgi, telemetry as t; t.set_up('supportbot'); t.shut_down()"
    collect = ("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
    for command in (("manage.py", "check"), collect, ("-c", start)):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "staticfiles" / "widget" / "widget.js").exists()
    assert (tmp_path / "staticfiles" / "admin" / "css" / "base.css").exists()


def test_the_images_run_as_somebody_without_rights() -> None:
    app = DOCKERFILE.split(" AS app\n")[1].split("\nFROM ")[0]
    assert re.search(r"^USER (\d+):(\d+)$", app, re.M)


# nginx in its container --------------------------------------------------------------------------


def test_the_containers_of_nginx_fill_in_every_word_of_its_configuration() -> None:
    template = (ROOT / "deploy" / "nginx.conf.template").read_text("utf-8")
    given: dict[str, Any] = SERVICES["proxy"]["environment"]
    assert set(re.findall(r"\$\{(\w+)\}", template)) <= set(given)
    command = DOCKERFILE.rpartition("CMD ")[2]
    assert f"{given['NGINX_ENVSUBST_OUTPUT_DIR']}/nginx.conf" in command
