"""Hostile bytes, each followed on the same connection by a request that Twilio has signed.

The first is answered 4xx (505 where HTTP says so) and the connection ends: the second is never
served, so that nobody gets a request past a proxy that sees only the first.
"""

import pytest

import raw_http
from harness import Task

PATH = "/webhooks/taskrouter"
HOST = "Host: hooks.example.com\r\n"
POST = f"POST {PATH} HTTP/1.1\r\n" + HOST
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = POST + FORM + "Transfer-Encoding: chunked\r\n\r\n"

CASES = {
    # how long is the body?
    "two content-lengths": (400, POST + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"),
    "the same content-length twice": (400, POST + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    "a list of content-lengths": (400, POST + "Content-Length: 0, 0\r\n\r\n"),
    "a signed content-length": (400, POST + "Content-Length: +0\r\n\r\n"),
    "a negative content-length": (400, POST + "Content-Length: -1\r\n\r\n"),
    "a hexadecimal content-length": (400, POST + "Content-Length: 0x0\r\n\r\n"),
    "a content-length of 20 digits": (413, POST + "Content-Length: 99999999999999999999\r\n\r\n"),
    "a blank before the colon": (400, POST + "Content-Length : 0\r\n\r\n"),
    "content-length and chunked": (
        400, POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunked and content-length": (
        400, POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "chunked twice": (400, POST + "Transfer-Encoding: chunked\r\n" * 2 + "\r\n0\r\n\r\n"),
    "another encoding before chunked": (
        400, POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "an encoding that is not chunked": (400, POST + "Transfer-Encoding: identity\r\n\r\n"),
    "chunked with a tab": (400, POST + "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": (
        400, f"POST {PATH} HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    # where does a chunk end?
    "a chunk size that is none": (400, CHUNKED + "xyz\r\n"),
    "a chunk size of 0x": (400, CHUNKED + "0x1\r\na\r\n0\r\n\r\n"),
    "a chunk size over 64 bits": (413, CHUNKED + "10000000000000000\r\n"),
    "a chunk longer than its size": (400, CHUNKED + "1\r\nab\r\n0\r\n\r\n"),
    "an extension instead of a size": (400, CHUNKED + ";a=b\r\n\r\n0\r\n\r\n"),
    "an extension with a lone LF": (403, CHUNKED + "1;\nx\r\n0\r\n\r\n"),
    "chunks ended by lone LFs": (403, CHUNKED + "1\nx\n0\n\n"),
    "a trailer that is no header": (400, CHUNKED + "0\r\nno colon\r\n\r\n"),
    "a content-length in the trailer": (403, CHUNKED + "0\r\nContent-Length: 5\r\n\r\n"),
    # where does a line end, and a text?
    "a lone LF in the headers": (400, POST + "X: a\nContent-Length: 0\r\n\r\n"),
    "a lone LF behind the request line": (
        400, f"POST {PATH} HTTP/1.1\n{HOST}Content-Length: 0\r\n\r\n"),
    "a lone LF as the empty line": (400, POST + "Content-Length: 0\r\n\n"),
    "a lone CR in a header": (400, POST + "X: a\rContent-Length: 0\r\n\r\n"),
    "a folded header": (400, POST + "Content-Length:\r\n 0\r\n\r\n"),
    "a header folded behind its value": (400, POST + "X: a\r\n\tb\r\nContent-Length: 0\r\n\r\n"),
    "a folded first header": (400, f"POST {PATH} HTTP/1.1\r\n {HOST}\r\n"),
    "a NUL in the target": (400, f"POST {PATH}\0a HTTP/1.1\r\n{HOST}\r\n"),
    "a NUL in a header's value": (400, POST + "X: a\0b\r\n\r\n"),
    "a NUL in a header's name": (400, POST + "X\0Y: a\r\n\r\n"),
    "a NUL in the method": (400, f"PO\0ST {PATH} HTTP/1.1\r\n{HOST}\r\n"),
    "a header without a colon": (400, POST + "no colon\r\n\r\n"),
    "a header without a name": (400, POST + ": a\r\n\r\n"),
    # who sends what?
    "two hosts": (400, POST + HOST + "\r\n"),
    "no host": (400, f"POST {PATH} HTTP/1.1\r\n\r\n"),
    "two signatures": (400, POST + "X-Twilio-Signature: a\r\n" * 2 + "\r\n"),
    "two authorizations": (400, POST + "Authorization: Bearer a\r\n" * 2 + "\r\n"),
    "two content types": (400, POST + FORM + FORM + "\r\n"),
    "two content encodings": (400, POST + "Content-Encoding: identity\r\n" * 2 + "\r\n"),
    # what is asked for?
    "an absolute-form target": (400, f"POST http://hooks.example.com{PATH} HTTP/1.1\r\n{HOST}\r\n"),
    "an authority-form target": (400, f"CONNECT hooks.example.com:443 HTTP/1.1\r\n{HOST}\r\n"),
    "an asterisk-form target": (400, f"OPTIONS * HTTP/1.1\r\n{HOST}\r\n"),
    "a target without its slash": (400, f"POST webhooks HTTP/1.1\r\n{HOST}\r\n"),
    "a blank in the target": (400, f"POST {PATH}?a b HTTP/1.1\r\n{HOST}\r\n"),
    "a tab in the target": (400, f"POST {PATH}?a\tb HTTP/1.1\r\n{HOST}\r\n"),
    "a control character in the target": (400, f"POST {PATH}?\x01 HTTP/1.1\r\n{HOST}\r\n"),
    "two blanks in the request line": (400, f"POST  {PATH} HTTP/1.1\r\n{HOST}\r\n"),
    "a method in small letters": (400, f"post {PATH} HTTP/1.1\r\n{HOST}\r\n"),
    "an upgrade": (400, POST + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    "an unknown expectation": (417, POST + "Expect: 103-checkpoint\r\n\r\n"),
    # which HTTP?
    "the preface of HTTP/2": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/0.9": (400, f"GET {PATH}\r\n"),
    "HTTP/1.2": (505, f"POST {PATH} HTTP/1.2\r\n{HOST}\r\n"),
    "HTTP/3.0": (505, f"POST {PATH} HTTP/3.0\r\n{HOST}\r\n"),
    "http in small letters": (400, f"POST {PATH} http/1.1\r\n{HOST}\r\n"),
    # how much?
    "a huge header": (431, POST + "X: " + "a" * 20000 + "\r\n\r\n"),
    "a huge target": (414, f"POST {PATH}?" + "a" * 20000 + f" HTTP/1.1\r\n{HOST}\r\n"),
    "too many headers": (431, POST + "".join(f"X-{i}: a\r\n" for i in range(70)) + "\r\n"),
}

# Not HTTP at all: there is nobody to answer, but the connection ends all the same.
NO_HTTP = {
    "no request line": "GARBAGE\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
}


def exchange(flexbrevo, twilio, hostile):
    signed = raw_http.request_bytes(twilio.callback(Task()))
    with raw_http.connect(flexbrevo.url) as connection:
        connection.sendall(hostile.encode("latin-1") + signed)
        return raw_http.read_to_end(connection)


def test_hostile_requests_are_refused_and_nothing_behind_them_is_served(
        flexbrevo, twilio, sandbox):
    assert len(CASES) >= 30
    given = {}
    for name, (_, hostile) in CASES.items():
        answer = exchange(flexbrevo, twilio, hostile)
        given[name] = raw_http.status_of(answer)
        assert b"HTTP/1.1 2" not in answer, name
        assert b"Connection: close" in answer, name
    print("\n".join(f"{status}  {name}" for name, status in given.items()))
    assert given == {name: status for name, (status, _) in CASES.items()}
    assert flexbrevo.metric("queue_accepted") == 0
    check_serves(flexbrevo, twilio, sandbox)


def test_what_is_no_http_is_hung_up_on(flexbrevo, twilio, sandbox):
    for name, hostile in NO_HTTP.items():
        assert exchange(flexbrevo, twilio, hostile) == b"", name
    assert flexbrevo.metric("queue_accepted") == 0
    check_serves(flexbrevo, twilio, sandbox)


@pytest.mark.parametrize("name", ["a lone LF in the headers", "a folded header", "two hosts",
                                  "a NUL in a header's value", "chunks ended by lone LFs"])
def test_the_same_in_small_pieces(flexbrevo, twilio, name):
    status, hostile = CASES[name]
    signed = raw_http.request_bytes(twilio.callback(Task()))
    with raw_http.connect(flexbrevo.url) as connection:
        for byte in hostile.encode("latin-1"):
            connection.send(bytes([byte]))
        connection.sendall(signed)
        assert raw_http.status_of(raw_http.read_to_end(connection)) == status
    assert flexbrevo.metric("queue_accepted") == 0


MANY = "".join(f"X-{i}: a\r\n" for i in range(65))


@pytest.mark.parametrize("reason,more", [
    ("bad_request", "Host: hooks.example.com\r\n"), ("too_many_headers", MANY),
    ("bad_framing", "X: " + "a" * 16000 + "\r\n"), ("bad_framing", "Content-Length: x\r\n")], ids=["two hosts", "many headers", "large headers", "a length of x"])
def test_a_refusal_without_a_proof_is_counted_and_said(flexbrevo, twilio, reason, more):
    """Twilio throws an event away for it: when a proxy causes it, somebody has to know."""
    for _ in range(3):
        with raw_http.connect(flexbrevo.url) as connection:
            connection.sendall((f"POST /webhooks/event-streams?a=secret HTTP/1.1\r\n{HOST}{more}"
                                "\r\n").encode())
            assert 400 <= raw_http.status_of(raw_http.read_to_end(connection)) < 500
    name = f'requests_rejected_total{{source="event-streams",reason="{reason}"}}'
    assert flexbrevo.metric(name) == 3
    lines = [line for line in flexbrevo.log().splitlines() if "request_malformed" in line]
    assert len(lines) == 1 and f"source=event-streams reason={reason} count=1" in lines[0]
    assert "secret" not in flexbrevo.log()


def check_serves(flexbrevo, twilio, sandbox):
    """The same request behind a sound one is served: the table above proves something."""
    first, second = Task(), Task()
    with raw_http.connect(flexbrevo.url) as connection:
        connection.sendall(raw_http.request_bytes(twilio.callback(first)) +
                           raw_http.request_bytes(twilio.callback(second)))
        answers = raw_http.read_answer(connection)
        while answers.count(b"HTTP/1.1 ") < 2:
            answers += raw_http.read_answer(connection)
    assert answers.count(b"HTTP/1.1 204 ") == 2
    sandbox.wait_for_events(2)
    assert set(sandbox.tasks()) == {first.sid, second.sid}
