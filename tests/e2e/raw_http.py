"""HTTP byte by byte, for tests of what no client library would send."""

import socket
import urllib.parse


def address_of(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


def connect(url, timeout_s=10):
    return socket.create_connection(address_of(url), timeout_s)


def request_bytes(webhook, method="POST", more=""):
    """A whole request as Twilio's client writes it."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in webhook.headers.items())
    return (f"{method} {webhook.path} HTTP/1.1\r\nHost: hooks.example.com\r\n{headers}{more}"
            f"Content-Length: {len(webhook.body)}\r\n\r\n").encode() + webhook.body


def read_to_end(connection):
    """All that is sent until the other side closes; a reset ends it as well."""
    received = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part


def read_answer(connection):
    """One answer with its body; b"" when there is none."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return received
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


def status_of(answer):
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[0] == b"HTTP/1.1" else 0
