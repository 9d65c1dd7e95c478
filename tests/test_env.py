"""The environment: typed, with defaults, and every problem told."""

from pathlib import Path

import pytest

from supportbot import env


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in env.Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_nothing_is_needed() -> None:
    environment, problems = env.load()
    assert problems == {}
    assert environment.providers == ["offline"]
    assert environment.demo


@pytest.mark.parametrize(
    ("variables", "providers"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, ["anthropic", "offline"]),
        ({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}, ["anthropic", "openai", "offline"]),
        ({"SUPPORTBOT_PROVIDERS": "openai_compatible, offline"}, ["openai_compatible", "offline"]),
        ({"ANTHROPIC_API_KEY": "k", "SUPPORTBOT_PROVIDERS": "offline"}, ["offline"]),
    ],
)
def test_those_with_a_key_answer_unless_somebody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], providers: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert env.load()[0].providers == providers


def test_the_demo_is_off_with_a_database_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db/x")
    assert not env.load()[0].demo
    monkeypatch.setenv("SUPPORTBOT_DEMO", "true")
    assert env.load()[0].demo


def test_every_bad_value_is_told_and_replaced_by_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = {
        "PORT": "99999",
        "DEBUG": "perhaps",
        "REDIS_URL": "localhost",
        "DATABASE_URL": "nonsense://x",
        "DATA_DIR": "/dev/null/x",
        "SUPPORTBOT_ORIGINS": "https://shop.example/page",
        "SUPPORTBOT_PROVIDERS": "claude",
    }
    for name, value in bad.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SUPPORTBOT_SHOP_NAME", "Other & Co")
    environment, problems = env.load()
    assert set(problems) == set(bad)
    assert (environment.port, environment.debug, environment.redis_url) == (8000, False, "")
    assert environment.supportbot_shop_name == "Other & Co"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgres://host:port/name", "host and port"),
        ("DATABASE_URL", "postgres://user:p#w@host/name", "host and port"),
        ("DATABASE_URL", "postgres://host", "names no database"),
        ("REDIS_URL", "redis://host:port/0", "host and port"),
        ("REDIS_URL", "amqp://host", "begins with redis:// or rediss://"),
        ("DATA_DIR", "/proc", "can be written to"),
    ],
)
def test_what_cannot_be_used_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    problems = env.load()[1]
    assert set(problems) == {name}
    assert said in problems[name]


def test_a_key_file_without_a_key_is_told_where_it_would_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret_key").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    environment, problems = env.load()
    assert f"{tmp_path / 'secret_key'} holds no key: delete it" in problems["DATA_DIR"]
    assert environment.data_dir != tmp_path
    monkeypatch.setenv("SECRET_KEY", "x" * 50)
    assert env.load()[1] == {}


def test_what_people_write_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "info")
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    monkeypatch.setenv("SUPPORTBOT_ORIGINS", "https://shop.example, http://localhost:3000")
    environment, problems = env.load()
    assert problems == {}
    assert (environment.log_level, environment.providers) == ("INFO", ["offline"])
    assert environment.supportbot_origins == ["https://shop.example", "http://localhost:3000"]


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert env.load() == (env.Environment(), {})
