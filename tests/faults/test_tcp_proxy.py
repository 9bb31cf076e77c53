"""The network in between does what it is told, and nothing else."""

import socket
import threading
import time

import pytest

from tcp_proxy import Proxy


@pytest.fixture
def echo(tmp_path):
    """A unix socket that says everything again."""
    path = tmp_path / "echo.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve(connection):
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


@pytest.fixture
def proxy(echo):
    proxy = Proxy(echo).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        yield client


def said_again(client, data=b"hello"):
    client.sendall(data)
    heard = b""
    while len(heard) < len(data):
        heard += client.recv(4096)
    return heard


def test_without_faults_everything_passes(client):
    data = bytes(range(256)) * 400
    assert said_again(client, data) == data


@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_hangs_passes_when_it_is_healed(proxy, client, direction):
    assert said_again(client) == b"hello"
    proxy.hang(direction)
    client.sendall(b"late")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(10)
    proxy.heal()
    client.settimeout(5)
    assert client.recv(10) == b"late"


def test_what_is_delayed_comes_later(proxy, client):
    proxy.delay("up", 0.2)
    began = time.monotonic()
    assert said_again(client) == b"hello"
    assert time.monotonic() - began >= 0.2


def test_what_is_cut_comes_in_part_and_then_nothing(proxy, client):
    proxy.cut("down", 3)
    client.sendall(b"hello")
    heard = b""
    with pytest.raises(ConnectionResetError):
        while data := client.recv(10):
            heard += data
        raise ConnectionResetError
    assert heard in (b"", b"hel")       # a reset may overtake what was sent before it
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as other:
        assert said_again(other) == b"hello"        # once


@pytest.mark.parametrize("fault", ["reset", "refuse"])
def test_who_is_reset_hears_nothing_more(proxy, client, fault):
    assert said_again(client) == b"hello"
    proxy.reset()
    try:
        if fault == "refuse":
            proxy.refuse()
            client.close()
            client = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        with client:
            assert client.recv(10) == b""
    except ConnectionResetError:    # while connecting, even
        pass


def test_a_target_that_is_away_closes(tmp_path):
    proxy = Proxy(tmp_path / "nobody").start()
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            assert client.recv(10) == b""
    except ConnectionResetError:    # while connecting, even
        pass
    proxy.stop()
