"""`deedbox healthcheck` says whether the server on this machine is ready."""

from pathlib import Path

import pytest

from deedbox.config.loading import load
from deedbox.main.asking_health import own_address
from tests.certificates import make_certificate
from tests.cli.running import ran
from tests.ports import free_port
from tests.server_process import running_server


def test_a_server_that_is_ready_is_healthy_over_http_and_https(tmp_path: Path) -> None:
    """Ux: a command for containers."""
    made = make_certificate(tmp_path)
    tls = ["--tls-certificate", str(made.certificate), "--tls-key", str(made.key)]
    port = free_port()
    with running_server(tmp_path / "data", "--https", f"127.0.0.1:{port}", *tls) as server:
        for environment in (
            {"DEEDBOX_HTTP_LISTEN": f"0.0.0.0:{server.port}"},
            {
                "DEEDBOX_HTTP_LISTEN": "off",
                "DEEDBOX_HTTPS_LISTEN": f"0.0.0.0:{port}",
                "DEEDBOX_TLS_CERTIFICATE_FILE": str(made.certificate),
                "DEEDBOX_TLS_KEY_FILE": str(made.key),
            },
        ):
            asked = ran("healthcheck", environment=environment)
            assert (asked.returncode, asked.stdout) == (0, "ready\n"), asked.stderr
        assert ran("healthcheck", "--url", server.base_url).returncode == 0
        assert ran("healthcheck", "--url", f"{server.base_url}/d").returncode == 0


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1:{}", "https://127.0.0.1:{}"])
def test_who_does_not_answer_is_not_healthy(url: str) -> None:
    asked = ran("healthcheck", "--url", url.format(free_port()), environment={"DEEDBOX_HTTP_LISTEN": ":1"})
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "does not answer" in asked.stderr
    assert "Traceback" not in asked.stderr


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("10.0.0.1:80", "http://10.0.0.1:80"),
    ],
)
def test_the_server_is_asked_where_it_listens(listen: str, expected: str) -> None:
    assert own_address(load({"http.listen": ("--http", listen)}, {}).settings) == expected
