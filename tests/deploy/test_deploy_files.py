"""The files for containers, systemd and Kubernetes ask for no rights, and name what there is to name."""

import re
import shutil
import subprocess
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import typer.main

from deedbox import __version__
from deedbox.cli.application import commands
from deedbox.config.declared import declared
from tests.architecture.repository import ROOT, git_files
from tests.deploy.reading import CHART, DEPLOY, Instruction, stages, unit, without_actions, yaml

UNITS = sorted(DEPLOY.glob("*.service"))
TEMPLATES = sorted(CHART.glob("templates/*.yaml"))
COMMANDS = set(typer.main.get_command(commands).commands)  # type: ignore[attr-defined]  # a group
VARIABLES = {it.variable for it in declared().values()}
#: What a unit must say so that a broken server can touch nothing but its own folder.
HARDENING = {
    "DynamicUser": "yes",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
    "CapabilityBoundingSet": "",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def own_services() -> dict[str, Any]:
    return {name: it for name, it in compose()["services"].items() if "build" in it}


def final_stage() -> list[Instruction]:
    return stages(DEPLOY / "Dockerfile")[-1]


def values_of(name: str) -> list[str]:
    return [it.rest for it in final_stage() if it.name == name]


def test_the_image_runs_without_rights_and_is_asked_for_its_health() -> None:
    names = [it.name for it in final_stage()]
    (user,) = values_of("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "numbers, so that Kubernetes sees that it is not root"
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])
    assert values_of("VOLUME") == ["/data"]
    assert any('CMD ["deedbox", "healthcheck"]' in it for it in values_of("HEALTHCHECK"))
    assert values_of("ENTRYPOINT") == ['["deedbox"]']
    assert "healthcheck" in COMMANDS


def test_the_image_is_built_from_locked_packages_only() -> None:
    installs = [
        command
        for it in stages(DEPLOY / "Dockerfile")[0]
        if it.name == "RUN"
        for command in it.rest.split("&&")
        if "pip install" in command
    ]
    locked, own = installs
    assert {"--require-hashes", "--only-binary"} <= set(locked.split())
    assert own.split()[-2:] == ["--no-deps", "."]


def test_what_the_image_copies_is_in_its_context() -> None:
    allowed = {it[1:] for it in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if it[:1] == "!"}
    copied = {
        source
        for it in stages(DEPLOY / "Dockerfile")[0]
        if it.name == "COPY"
        for source in it.rest.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / it).exists() for it in copied)


def test_the_image_has_all_extras_in_the_versions_that_are_tested() -> None:
    def locked(name: str) -> dict[str, str]:
        lock = (ROOT / name).read_text("utf-8")
        return dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))

    image, tested = locked("requirements-extras.lock"), locked("requirements-dev.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    assert {re.split(r"[\[>=;]", it)[0] for it in wanted} <= set(image)
    assert "greenlet" in image, "migrations of PostgreSQL run through it"
    assert image.items() <= tested.items()
    assert locked("requirements.lock").items() <= image.items()


def test_compose_gives_no_rights_and_no_passwords() -> None:
    for name, it in own_services().items():
        assert it["read_only"] is True, name
        assert it["cap_drop"] == ["ALL"], name
        assert it["security_opt"] == ["no-new-privileges:true"], name
        assert (DEPLOY / it["build"]["context"] / it["build"]["dockerfile"]).is_file()
    for name, it in compose()["services"].items():
        for variable, value in it.get("environment", {}).items():
            assert "PASSWORD" not in variable or re.fullmatch(r"\$\{\w+:-\}", value), (name, variable)


def test_compose_lets_nobody_without_a_password_talk_to_nodes() -> None:
    command = compose()["services"]["nats"]["command"]
    assert command == ["--user", "deedbox", "--pass", "${NATS_PASSWORD:-}"]
    for name in ("node-a", "node-b"):
        url = compose()["services"][name]["environment"]["DEEDBOX_NATS_URL"]
        assert url == "nats://deedbox:${NATS_PASSWORD:-}@nats:4222"


def test_compose_uses_settings_and_volumes_that_are_there() -> None:
    volumes, ports = set(compose()["volumes"]), []
    for it in compose()["services"].values():
        assert {volume.partition(":")[0] for volume in it.get("volumes", [])} <= volumes
        ports += [port.partition(":")[0] for port in it.get("ports", [])]
    assert len(ports) == len(set(ports))
    for it in own_services().values():
        assert set(it["environment"]) <= VARIABLES


def test_the_one_server_with_sqlite_starts_without_a_profile() -> None:
    profiles = {name: it.get("profiles", []) for name, it in compose()["services"].items()}
    assert [name for name, it in profiles.items() if not it] == ["deedbox"]
    for name, it in compose()["services"].items():
        assert all("nodes" in profiles[other] for other in it.get("depends_on", [])), name


@pytest.mark.parametrize("path", UNITS, ids=lambda it: it.name)
def test_units_are_hardened(path: Path) -> None:
    service = unit(path)["Service"]
    assert {key: service[key][0] for key in HARDENING} == HARDENING
    words = service["ExecStart"][0].split()
    assert words[1] in COMMANDS


def test_the_server_unit_stops_and_starts_as_the_server_wants() -> None:
    service = unit(DEPLOY / "deedbox.service")["Service"]
    assert service["RestartPreventExitStatus"] == ["2"], "wrong settings"
    assert int(service["TimeoutStopSec"][0]) > declared()["http.stop_grace_s"].default
    timer = unit(DEPLOY / "deedbox-backup.timer")
    assert timer["Install"]["WantedBy"] == ["timers.target"]


def test_systemd_finds_nothing_wrong_where_there_is_systemd(tmp_path: Path) -> None:
    """Its own check, with a program that is there in the place of ours."""
    if shutil.which("systemd-analyze"):
        for path in [*UNITS, DEPLOY / "deedbox-backup.timer"]:
            text = path.read_text("utf-8").replace("/opt/deedbox/bin/deedbox", shutil.which("true") or "")
            (tmp_path / path.name).write_text(text, encoding="utf-8")
        for path in sorted(tmp_path.iterdir()):
            command = ["systemd-analyze", "verify", str(path)]
            verified = subprocess.run(command, check=False, capture_output=True, text=True)
            assert (verified.returncode, path.name in verified.stderr) == (0, False), verified.stderr


def test_systemd_finds_little_exposed_where_there_is_systemd(tmp_path: Path) -> None:
    """Its own scale reaches from 0 (nothing) to 10; most units of a distribution are above 9."""
    if shutil.which("systemd-analyze"):
        for path in UNITS:
            text = path.read_text("utf-8").replace("/opt/deedbox/bin/deedbox", shutil.which("true") or "")
            (tmp_path / path.name).write_text(text, encoding="utf-8")
            command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager"]
            judged = subprocess.run(
                [*command, str(tmp_path / path.name)], check=False, capture_output=True, text=True
            )
            assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_chart_is_of_this_release() -> None:
    chart = yaml((CHART / "Chart.yaml").read_text("utf-8"))
    assert (chart["apiVersion"], chart["name"], chart["appVersion"]) == ("v2", "deedbox", __version__)


def _paths(values: Any, above: str = "") -> set[str]:
    if not isinstance(values, dict) or not values:
        return {above}
    return {path for key, value in values.items() for path in _paths(value, f"{above}.{key}")}


def test_every_value_is_used_and_every_used_value_is_there() -> None:
    known = _paths(yaml((CHART / "values.yaml").read_text("utf-8")))
    text = "".join(it.read_text("utf-8") for it in CHART.glob("templates/*"))
    used = {f".{it}" for it in re.findall(r"\.Values\.([\w.]+)", text)}
    whole = {it for it in used if it not in known}
    assert all(any(path.startswith(f"{it}.") for path in known) for it in whole)
    assert {it for it in known if not any(it == path or it.startswith(f"{path}.") for path in used)} == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda it: it.name)
def test_templates_are_yaml_with_actions_that_end(path: Path) -> None:
    text = path.read_text("utf-8")
    opened = len(re.findall(r"\{\{-? (?:if|with|range|define) ", text))
    assert opened == len(re.findall(r"\{\{-? end ", text))
    document = yaml(without_actions(text))
    assert {"apiVersion", "kind", "metadata"} <= set(document)
    names = re.findall(r'include "([\w.]+)"', text)
    assert set(names) <= set(
        re.findall(r'define "([\w.]+)"', (CHART / "templates/_names.tpl").read_text("utf-8"))
    )


def test_the_pod_has_no_rights_and_writes_to_its_volumes_only() -> None:
    stateful = yaml(without_actions((CHART / "templates/statefulset.yaml").read_text("utf-8")))
    pod = stateful["spec"]["template"]["spec"]
    (container,), (before,) = pod["containers"], pod["initContainers"]
    assert before["securityContext"] == container["securityContext"]
    assert {it["name"] for it in [*container["volumeMounts"], *before["volumeMounts"]]} == {
        "data",
        *(it["name"] for it in pod["volumes"]),
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in values_of(
        "USER"
    )
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {it["name"] for it in container["env"]} - {"x"} <= VARIABLES
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_every_alert_is_in_the_runbook_and_asks_for_metrics_that_are_there() -> None:
    (group,) = yaml((DEPLOY / "alerts.yaml").read_text("utf-8"))["groups"]
    page = (ROOT / "docs" / "how-to" / "runbook.md").read_text("utf-8")
    assert [it["alert"] for it in group["rules"]] == re.findall(r"^## (Deedbox\w+)$", page, re.MULTILINE)
    metrics = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    for rule in group["rules"]:
        for name in re.findall(r"deedbox_[a-z_]+", rule["expr"]):
            assert f"`{name.removesuffix('_bucket')}`" in metrics, (rule["alert"], name)
        for route in re.findall(r'route="([^"]+)"', rule["expr"]):
            claims = (ROOT / "src/deedbox/api/plain_claims.py").read_text("utf-8")
            assert f'"{route}"' in claims, (rule["alert"], route)


def test_prometheus_finds_nothing_wrong_where_there_is_promtool(tmp_path: Path) -> None:
    """Its own check of the rules, and its own tests of when they fire."""
    if shutil.which("promtool"):
        for path in (DEPLOY / "alerts.yaml", Path(__file__).with_name("alerts_test.yaml")):
            shutil.copy(path, tmp_path)
        for command in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")):
            ran = subprocess.run(
                ["promtool", *command], cwd=tmp_path, check=False, capture_output=True, text=True
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_chart_refuses_several_servers_that_share_nothing() -> None:
    text = (CHART / "templates/statefulset.yaml").read_text("utf-8")
    head = text.partition("apiVersion")[0]
    assert head.count("{{- fail ") == 2
    for needed in ("database.existingSecret", "nats.existingSecret", "keyFile.existingSecret"):
        assert f".Values.{needed}" in head
    assert yaml((CHART / "values.yaml").read_text("utf-8"))["replicas"] == 1


def test_every_file_of_deployment_is_told_of() -> None:
    page = (ROOT / "docs" / "how-to" / "deploying.md").read_text("utf-8")
    files = git_files("--cached", "--others", "--exclude-standard", "deploy")
    single = [it for it in files if it.parent == DEPLOY]
    assert single
    assert not [it.name for it in single if f"../../deploy/{it.name}" not in page]
