"""What people read about settings is complete and shows no secret."""

from deedbox.config.declared import ALIASES, declared
from deedbox.config.loading import load
from deedbox.config.reference import HIDDEN, effective, reference_table
from tests.architecture.repository import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "settings.md"


def test_every_setting_is_documented_as_it_is_declared() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    missing = [line for line in reference_table().splitlines() if line not in text]
    assert not missing, "paste the output of: deedbox config --reference"


def test_the_document_names_no_setting_that_is_gone() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == reference_table().splitlines()[2:]


def test_every_setting_says_what_it_does() -> None:
    silent = [setting.name for setting in declared().values() if not setting.description.endswith(".")]
    assert not silent


def test_every_alias_means_a_setting() -> None:
    assert set(ALIASES.values()) <= set(declared())


def test_no_two_settings_share_a_variable() -> None:
    variables = [setting.variable for setting in declared().values()]
    files = [f"{setting.variable}_FILE" for setting in declared().values() if setting.is_secret]
    assert len({*variables, *files}) == len(variables) + len(files)


def test_effective_settings_hide_secrets_and_show_origins() -> None:
    loaded = load({}, {"DEEDBOX_ADMIN_PASSWORD": "correct horse", "DEEDBOX_DATA_FOLDER": "here"})
    rows = {row.name: row for row in effective(loaded)}
    assert rows["admin.password"].value == HIDDEN
    assert rows["admin.password"].origin == "environment variable DEEDBOX_ADMIN_PASSWORD"
    assert rows["database.url"].value == "sqlite:here/deedbox.sqlite"
    assert rows["secrets.key_file"].value == "here/secret.key"
    assert "correct horse" not in repr(list(rows.values()))
