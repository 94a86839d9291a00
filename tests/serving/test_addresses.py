"""Addresses and networks as people write them."""

import pytest

from deedbox.serving.addresses import ListenAddress, listen_address, trace_endpoint, trusted_networks


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        (":8080", "0.0.0.0", 8080),
        ("[::1]:8080", "::1", 8080),
        ("localhost:1", "localhost", 1),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert listen_address(text) == ListenAddress(host, port)


def test_off_is_no_address() -> None:
    assert listen_address("off") is None


@pytest.mark.parametrize(
    "text", ["", "8080", "host", "host:", "host:0", "host:65536", "host:x", "::1:80", "h:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|brackets"):
        listen_address(text)


def test_addresses_are_shown_as_they_are_written() -> None:
    assert str(ListenAddress("::1", 80)) == "[::1]:80"
    assert str(ListenAddress("127.0.0.1", 80)) == "127.0.0.1:80"


def test_networks_of_both_kinds_are_trusted() -> None:
    trusted_networks(("10.0.0.0/8", "192.0.2.1", "2001:db8::/32"))


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/33", "10.0.0.1/8"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="addresses or networks"):
        trusted_networks((text,))


@pytest.mark.parametrize("text", ["", "http://127.0.0.1:4318/v1/traces", "https://[::1]/v1/traces"])
def test_where_traces_may_go(text: str) -> None:
    trace_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:4318",
        "ftp://host/v1/traces",
        "http://host",
        "http://user:pass@host/v1",
        "http://h/v1?key=1",
    ],
)
def test_traces_go_to_an_address_without_secrets(text: str) -> None:
    with pytest.raises(ValueError, match=r"with a path|no secrets"):
        trace_endpoint(text)
