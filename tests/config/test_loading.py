"""Settings: precedence, aliases, origins, and every way in which they can be wrong."""

from pathlib import Path

import pytest

from deedbox.config.loading import Loaded, load
from deedbox.config.sources import BadSettings


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "deedbox.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(
    environment: dict[str, str] | None = None,
    file: Path | None = None,
    options: dict[str, tuple[str, str | None]] | None = None,
) -> str:
    with pytest.raises(BadSettings) as caught:
        load(options or {}, environment or {}, file)
    return "\n".join(caught.value.problems)


def test_defaults_are_those_of_the_specification() -> None:
    """Behaviour §7."""
    claim = load({}, {}).settings.claim
    assert claim.allow_by_default is True
    assert (claim.duration_ms, claim.max_duration_ms) == (86_400_000, 604_800_000)
    assert claim.answers == "detailed"
    assert (claim.attempts_per_user, claim.attempts_per_device, claim.attempts_window_s) == (20, 5, 300)
    assert claim.label_key_days == 1826


def test_option_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Behaviour §7."""
    file = written(tmp_path, '[http]\nlisten = "127.0.0.1:1"\nkeep_alive_s = 7\n[log]\nlevel = "error"')
    environment = {"DEEDBOX_HTTP_LISTEN": "127.0.0.1:2", "DEEDBOX_LOG_LEVEL": "debug"}
    loaded = load({"http.listen": ("--http", "127.0.0.1:3")}, environment, file)
    assert loaded.settings.http.listen == "127.0.0.1:3"
    assert loaded.settings.log.level == "debug"
    assert loaded.settings.http.keep_alive_s == 7
    assert loaded.origins["http.listen"] == "--http"
    assert loaded.origins["log.level"] == "environment variable DEEDBOX_LOG_LEVEL"
    assert loaded.origins["http.keep_alive_s"] == f"http.keep_alive_s in {file}"
    assert loaded.origins["claim.duration_ms"] == "default"


def test_an_option_that_was_not_given_changes_nothing() -> None:
    assert load({"http.listen": ("--http", None)}, {}).settings.http.listen == "0.0.0.0:8080"


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = written(tmp_path, "[claim]\nduration_ms = 60000")
    assert load({}, {"DEEDBOX_CONFIG": str(file)}).settings.claim.duration_ms == 60_000


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("SECURITY_CLAIM_ALLOW_CLAIMING_BY_DEFAULT", "false", "allow_by_default", False),
        ("SECURITY_CLAIM_DURATION", "5000", "duration_ms", 5000),
        ("DEEDBOX_CLAIM_ANSWERS", "uniform", "answers", "uniform"),
    ],
)
def test_names_in_the_environment(variable: str, text: str, key: str, value: object) -> None:
    """Behaviour §7: the reference server's names are aliases."""
    loaded = load({}, {variable: text})
    assert getattr(loaded.settings.claim, key) == value
    assert loaded.origins[f"claim.{key}"] == f"environment variable {variable}"


@pytest.mark.parametrize(
    "text",
    [
        "[security.claim]\nallowClaimingByDefault = false\nduration = 5000",
        "[device.claim]\nduration = 5000\n[claim]\nallow_by_default = false",
    ],
)
def test_names_of_the_reference_server_in_the_file(tmp_path: Path, text: str) -> None:
    """Behaviour §7."""
    claim = load({}, {}, written(tmp_path, text)).settings.claim
    assert (claim.allow_by_default, claim.duration_ms) == (False, 5000)


def test_two_names_for_one_setting_are_refused() -> None:
    environment = {"SECURITY_CLAIM_DURATION": "1", "DEEDBOX_CLAIM_DURATION_MS": "2"}
    said = problems(environment)
    assert "claim.duration_ms is set twice" in said
    assert all(name in said for name in environment)


def test_lists_in_environment_and_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[http]\ntrusted_proxies = ["10.0.0.0/8", "::1"]')
    assert load({}, {}, file).settings.http.trusted_proxies == ("10.0.0.0/8", "::1")
    environment = {"DEEDBOX_HTTP_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}
    assert load({}, environment).settings.http.trusted_proxies == ("10.0.0.0/8", "::1")


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """Behaviour §7: `DEEDBOX_..._FILE`."""
    secret = tmp_path / "password"
    secret.write_text("correct horse battery\n", encoding="utf-8")
    loaded = load({}, {"DEEDBOX_ADMIN_PASSWORD_FILE": str(secret)})
    assert loaded.settings.admin.password == "correct horse battery"


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    said = problems({"DEEDBOX_ADMIN_PASSWORD_FILE": str(missing)})
    assert "DEEDBOX_ADMIN_PASSWORD_FILE" in said
    assert str(missing) in said


def test_what_is_no_secret_does_not_come_from_a_file() -> None:
    assert "DEEDBOX_LOG_LEVEL_FILE is no setting" in problems({"DEEDBOX_LOG_LEVEL_FILE": "anything"})


def test_an_unknown_variable_is_named_with_a_suggestion() -> None:
    said = problems({"DEEDBOX_CLAIM_DURATION": "1"})
    assert "DEEDBOX_CLAIM_DURATION is no setting" in said
    assert "Did you mean DEEDBOX_CLAIM_DURATION_MS?" in said


def test_variables_of_others_are_left_alone() -> None:
    assert load({}, {"HOME": "/", "DEED": "x"}).settings == load({}, {}).settings


def test_an_unknown_key_in_the_file_is_named_with_a_suggestion(tmp_path: Path) -> None:
    file = written(tmp_path, "[claim]\nduraton_ms = 1")
    said = problems(file=file)
    assert f"claim.duraton_ms in {file} is no setting" in said
    assert "Did you mean claim.duration_ms?" in said


@pytest.mark.parametrize(
    ("variable", "text", "wanted"),
    [
        ("DEEDBOX_CLAIM_DURATION_MS", "a day", "a whole number, at least 1"),
        ("DEEDBOX_CLAIM_DURATION_MS", "0", "a whole number, at least 1"),
        ("DEEDBOX_CLAIM_ATTEMPTS_WINDOW_S", "86401", "a whole number from 1 to 86400"),
        ("DEEDBOX_CLAIM_ALLOW_BY_DEFAULT", "maybe", "true or false"),
        ("DEEDBOX_CLAIM_ANSWERS", "none", "one of detailed, uniform"),
        ("DEEDBOX_HTTP_LISTEN", "8080", "HOST:PORT"),
        ("DEEDBOX_HTTP_LISTEN", "127.0.0.1:65536", "from 1 to 65535"),
        ("DEEDBOX_HTTP_LISTEN", "::1:8080", "brackets"),
        ("DEEDBOX_HTTP_TRUSTED_PROXIES", "the proxy", "addresses or networks"),
        ("DEEDBOX_DATA_FOLDER", "", "a text that is not empty"),
    ],
)
def test_a_wrong_value_is_named_with_its_origin_and_what_is_expected(
    variable: str, text: str, wanted: str
) -> None:
    """Behaviour §7."""
    said = problems({variable: text})
    assert f"environment variable {variable}" in said
    assert wanted in said
    assert repr(text) in said


def test_types_in_the_file_are_strict(tmp_path: Path) -> None:
    said = problems(file=written(tmp_path, '[claim]\nduration_ms = "5000"'))
    assert "claim.duration_ms" in said
    assert "a whole number" in said


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "[claim]\nwrong = 1\n[other]\nkey = 2")
    said = problems({"DEEDBOX_NOTHING": "1"}, file)
    assert all(name in said for name in ("claim.wrong", "other.key", "DEEDBOX_NOTHING"))


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    said = problems(file=written(tmp_path, "[admin]\npassword = 31415926"))
    assert "admin.password" in said
    assert "31415926" not in said


@pytest.mark.parametrize(
    "address", ["http://u:31415926@h/v1", "http://u:3/1415926@h/v1", "http://h/v1?key=31415926"]
)
def test_a_secret_in_an_address_is_never_repeated(address: str) -> None:
    said = problems({"DEEDBOX_TRACES_ENDPOINT": address})
    assert "traces.endpoint" in said
    assert "1415926" not in said


@pytest.mark.parametrize("text", ["[claim", "claim = [", "\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    assert f"{file} is not valid TOML" in problems(file=file)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "can't be read" in problems(file=tmp_path / "missing.toml")


def test_settings_that_contradict_each_other_are_refused() -> None:
    said = problems({"DEEDBOX_CLAIM_MAX_DURATION_MS": "1000"})
    assert "claim.duration_ms (default) is 86400000" in said
    assert "DEEDBOX_CLAIM_MAX_DURATION_MS" in said


@pytest.mark.parametrize("protocol", ["https", "mqtts", "coaps"])
def test_encryption_needs_a_certificate(protocol: str) -> None:
    said = problems(options={f"{protocol}.listen": (f"--{protocol}", "127.0.0.1:8443")})
    assert f"{protocol}.listen (--{protocol}) needs" in said
    assert "--tls-certificate" in said
    assert "--tls-key" in said


def test_several_workers_need_postgresql_and_nats() -> None:
    workers: dict[str, tuple[str, str | None]] = {"serve.workers": ("--workers", "2")}
    said = problems(options=workers)
    assert "serve.workers (--workers) is 2" in said
    assert "--database-url postgresql://" in said
    assert "--nats-url nats://" in said
    postgresql = {"DEEDBOX_DATABASE_URL": "postgresql://deedbox@db.example/deedbox"}
    said = problems(postgresql, options=workers)
    assert "NATS" in said
    assert "SQLite" not in said
    both = postgresql | {"DEEDBOX_NATS_URL": "nats://nats.example:4222"}
    assert load(workers, both).settings.serve.workers == 2


def test_something_must_be_served() -> None:
    assert "nothing would be served" in problems(options={"http.listen": ("--http", "off")})


def test_paths_follow_the_data_folder(tmp_path: Path) -> None:
    def placed(loaded: Loaded) -> tuple[str, Path]:
        return loaded.settings.database_url, loaded.settings.key_file

    folder = str(tmp_path)
    loaded = load({"data.folder": ("--data", folder)}, {})
    assert placed(loaded) == (f"sqlite:{folder}/deedbox.sqlite", tmp_path / "secret.key")
    named = load({}, {"DEEDBOX_DATABASE_URL": "sqlite:other.sqlite", "DEEDBOX_SECRETS_KEY_FILE": "other.key"})
    assert placed(named) == ("sqlite:other.sqlite", Path("other.key"))
