"""The port helper hands out ports that can be listened on and that the kernel leaves alone."""

import socket

from tests.ports import HIGHEST_PORT, LOWEST_PORT, free_port


def test_ports_are_distinct_and_below_those_of_the_kernel() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == len(ports)
    assert all(LOWEST_PORT <= port <= HIGHEST_PORT < 32_768 for port in ports)


def test_a_port_in_use_is_passed_over() -> None:
    taken = free_port()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken + 1))
        listener.listen()
        assert free_port() != taken + 1


def test_a_handed_out_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()
