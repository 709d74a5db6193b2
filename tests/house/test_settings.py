"""What the environment may say, and how a mistake in it is answered."""

import json
from pathlib import Path

import pytest

from onsale.settings import LogFormat, Settings, StartError
from onsale.token_key import KEY_FILE, load_token_key


def test_without_an_environment_everything_has_a_sensible_default() -> None:
    settings = Settings.read()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url is None
    assert settings.data_dir == Path(".onsale")


def test_urls_are_read_without_a_prefix_and_the_rest_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada@db/onsale")
    monkeypatch.setenv("REDIS_URL", "redis+cluster://news:6379")
    monkeypatch.setenv("ONSALE_PORT", "9000")
    monkeypatch.setenv("ONSALE_LOG_FORMAT", "json")
    monkeypatch.setenv("ONSALE_ALLOWED_ORIGINS", "https://a.example, http://localhost:5173")

    settings = Settings.read()

    assert settings.database_url == "postgresql://ada@db/onsale"
    assert settings.redis_url == "redis+cluster://news:6379"
    assert settings.port == 9000
    assert settings.log_format is LogFormat.JSON
    assert settings.allowed_origins == ("https://a.example", "http://localhost:5173")


def test_what_clients_may_ask_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONSALE_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::7")
    monkeypatch.setenv("ONSALE_COST_PER_BUYER", "0")
    monkeypatch.setenv("ONSALE_COST_PER_ADDRESS", "50000")
    monkeypatch.setenv("ONSALE_CONNECTIONS_PER_ADDRESS", "10")
    monkeypatch.setenv("ONSALE_INTROSPECTION", "off")

    settings = Settings.read()

    assert settings.trusted_proxies == ("10.0.0.0/8", "2001:db8::7")
    assert (settings.cost_per_buyer, settings.cost_per_address) == (0, 50_000)
    assert settings.connections_per_address == 10
    assert not settings.introspection


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ONSALE_TRUSTED_PROXIES", "nginx", "no address and no network"),
        ("ONSALE_TRUSTED_PROXIES", "10.0.0.7/8", "no address and no network"),
        ("ONSALE_COST_PER_BUYER", "4999", "at least 5000"),
        ("ONSALE_COST_PER_ADDRESS", "-1", "greater than or equal to 0"),
        ("ONSALE_CONNECTIONS_PER_ADDRESS", "many", "integer"),
        ("ONSALE_INTROSPECTION", "perhaps", "boolean"),
    ],
)
def test_limits_that_make_no_sense_are_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(StartError) as refusal:
        Settings.read()

    assert str(refusal.value).startswith(f"{variable}: ")
    assert words in str(refusal.value)


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("ONSALE_ALLOWED_ORIGINS", "")

    assert Settings.read() == Settings()


def test_every_bad_value_gets_a_line_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://ada:secret@db/onsale")
    monkeypatch.setenv("ONSALE_PORT", "65536")
    monkeypatch.setenv("ONSALE_ALLOWED_ORIGINS", "https://a.example/path")

    with pytest.raises(StartError) as refusal:
        Settings.read()

    lines = str(refusal.value).splitlines()
    variables = [line.partition(":")[0] for line in lines]
    assert variables == ["DATABASE_URL", "ONSALE_PORT", "ONSALE_ALLOWED_ORIGINS"]
    assert "secret" not in str(refusal.value)


def test_what_is_kept_is_kept_long_enough_for_those_who_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONSALE_KEEP_SEAT_CHANGES", "PT5M")
    monkeypatch.setenv("ONSALE_KEEP_RESERVATIONS", "P6D")  # Late money is looked for a day long.
    monkeypatch.setenv("ONSALE_KEEP_AUDITS", "59")

    with pytest.raises(StartError) as refusal:
        Settings.read()

    variables = [line.partition(":")[0] for line in str(refusal.value).splitlines()]
    assert variables == ["ONSALE_KEEP_RESERVATIONS", "ONSALE_KEEP_AUDITS"]


@pytest.mark.parametrize("port", ["abc", "-1", "65536", "80.5", "1e3", "٣", "9" * 5_000])
def test_what_is_no_port_is_refused_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("ONSALE_PORT", port)

    with pytest.raises(StartError) as refusal:
        Settings.read()

    assert str(refusal.value) == f"ONSALE_PORT: {port!r} is no port number from 1 to 65535"


def test_a_data_folder_that_is_a_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "Data"
    file.touch()
    monkeypatch.setenv("ONSALE_DATA_DIR", str(file))

    with pytest.raises(StartError) as refusal:
        Settings.read()

    assert str(refusal.value) == f"ONSALE_DATA_DIR: {file} is a file; name a folder"


def test_a_word_that_is_none_of_those_there_are_is_answered_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONSALE_EMBEDDED", "both")

    with pytest.raises(StartError) as refusal:
        Settings.read()

    assert str(refusal.value) == "ONSALE_EMBEDDED: must be 'wheel', 'system' or 'auto'"


@pytest.mark.parametrize("port", [0, 1, 65_535])
def test_every_port_there_is_may_be_asked_for(port: int) -> None:
    assert Settings.read(port=port).port == port


def test_settings_do_not_change_once_read() -> None:
    settings = Settings.read()

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_the_token_key_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    settings = Settings.read(data_dir=tmp_path / "new")

    first, second = load_token_key(settings), load_token_key(settings)

    assert first.thumbprint() == second.thumbprint()
    assert (tmp_path / "new" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("form", ["path", "PEM", "JWK"])
def test_a_token_key_is_given_as_a_path_or_as_text(tmp_path: Path, form: str) -> None:
    made = load_token_key(Settings.read(data_dir=tmp_path))
    path = tmp_path / KEY_FILE
    given = {
        "path": str(path),
        "PEM": path.read_text(),
        "JWK": json.dumps(made.as_dict(private=True)),
    }

    key = load_token_key(Settings.read(token_key=given[form]))

    assert key.thumbprint() == made.thumbprint()


@pytest.mark.parametrize("given", ["no-such-file", "{}", "-----BEGIN PRIVATE KEY-----\nsecret"])
def test_a_token_key_that_is_none_is_refused_without_being_quoted(given: str) -> None:
    with pytest.raises(StartError, match="ONSALE_TOKEN_KEY") as refusal:
        load_token_key(Settings.read(token_key=given))

    assert "secret" not in str(refusal.value)
