"""Ports for servers of a test: nobody is given one that another of this process was given and does not use yet."""

from cli.ports import free_port, free_ports


def test_none_is_given_twice() -> None:
    ports = [*free_ports(500), *(free_port() for _ in range(1_500))]
    assert len(set(ports)) == len(ports)
    assert all(15_000 <= port < 32_768 for port in ports)
