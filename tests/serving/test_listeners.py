"""Sockets are bound all together or not at all, and a failure names the address and the way out."""

import contextlib
import socket
from pathlib import Path

import pytest

from deedbox.serving.addresses import ListenAddress
from deedbox.serving.listeners import (
    CannotListen,
    bind_all,
    bind_shares,
    close_all,
    read_signers,
    tls_context,
)
from tests.certificates import make_certificate
from tests.ports import free_port


def test_bound_sockets_do_not_answer_yet() -> None:
    port = free_port()
    bound = bind_all({"http.listen": ListenAddress("127.0.0.1", port)})
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    close_all(bound)


def test_a_port_in_use_is_named_and_nothing_stays_bound() -> None:
    taken, free = free_port(), free_port()
    with socket.create_server(("127.0.0.1", taken)):
        addresses = {
            "http.listen": ListenAddress("127.0.0.1", free),
            "https.listen": ListenAddress("127.0.0.1", taken),
        }
        with pytest.raises(CannotListen) as caught:
            bind_all(addresses)
    assert f"Another program uses 127.0.0.1:{taken} (https.listen)" in str(caught.value)
    assert "--https HOST:PORT" in str(caught.value)
    close_all(bind_all({"http.listen": addresses["http.listen"]}))


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(CannotListen, match=r"no address 192\.0\.2\.1"):
        bind_all({"http.listen": ListenAddress("192.0.2.1", free_port())})


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(CannotListen, match=r"'nowhere\.invalid' is not known"):
        bind_all({"http.listen": ListenAddress("nowhere.invalid", free_port())})


def test_connections_are_spread_over_all_who_share_an_address() -> None:
    port = free_port()
    shares = bind_shares({"mqtt.listen": ListenAddress("127.0.0.1", port)}, 2)
    listening = [share["mqtt.listen"][0] for share in shares]
    for it in listening:
        it.listen(200)
    clients = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(200)]
    taken = [_accepted(it) for it in listening]
    # Chance decides for each: this fails once in a million times a million runs.
    assert sum(taken) == 200 and min(taken) > 50
    for it in clients:
        it.close()
    for share in shares:
        close_all(share)


def test_who_does_not_listen_gets_none_of_a_shared_address() -> None:
    port = free_port()
    ready, starting = bind_shares({"mqtt.listen": ListenAddress("127.0.0.1", port)}, 2)
    ready["mqtt.listen"][0].listen(20)
    clients = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(20)]
    assert _accepted(ready["mqtt.listen"][0]) == 20
    for client in clients:
        client.close()
    close_all(ready)
    close_all(starting)


def test_a_shared_address_is_not_shared_with_another_server() -> None:
    address = {"mqtt.listen": ListenAddress("127.0.0.1", free_port())}
    shares = bind_shares(address, 2)
    shares[0]["mqtt.listen"][0].listen()
    with pytest.raises(CannotListen, match="Another program uses"):
        bind_shares(address, 2)
    for share in shares:
        close_all(share)


def _accepted(listening: socket.socket) -> int:
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            taken += 1
    return taken


def test_certificate_and_key_that_belong_together_are_accepted(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    assert tls_context(made.certificate, made.key).get_ca_certs() == []


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = make_certificate(tmp_path / "one"), make_certificate(tmp_path / "other")
    with pytest.raises(CannotListen, match="PEM files that belong together"):
        tls_context(one.certificate, other.key)


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    made.certificate.write_text("not a certificate", encoding="utf-8")
    with pytest.raises(CannotListen, match="PEM files that belong together"):
        tls_context(made.certificate, made.key)


def test_a_certificate_that_is_missing_is_named(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    made.certificate.unlink()
    with pytest.raises(CannotListen, match="can't be read"):
        tls_context(made.certificate, made.key)


def test_a_file_without_certificates_of_signers_is_refused(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    for file, why in ((made.key, "holds no certificates"), (tmp_path / "none.pem", "can't be read")):
        with pytest.raises(CannotListen, match=why):
            read_signers(file)
