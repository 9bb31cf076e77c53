"""`brevo.ipv4_only`: Brevo blocks an IPv6 address that changes, so none of our requests has one.

Nothing but ::1 answers here, and `localhost` is both. Of batches, which only follow other calls, see
tests/unit/test_batch.c.
"""

import contextlib
import socket

import pytest

import brevo_tokens
import harness
import http_service
from harness import Task

CALL, AUDIT, TOKEN = "GET /v3/contacts/", "GET /v3/contacts/attributes", "POST " + brevo_tokens.PATH


class Heard:
    """The sandbox, and what it was asked."""

    def __init__(self, brevo):
        self.brevo, self.asked = brevo, set()

    def __getattr__(self, name):
        return getattr(self.brevo, name)

    def handle(self, request):
        self.asked.add(f"{request.method} {request.path}")
        return self.brevo.handle(request)


class Ipv6Server(http_service.Server):
    address_family = socket.AF_INET6


@pytest.fixture
def by_ipv6(sandbox):
    try:
        server = Ipv6Server(Heard(sandbox.brevo), host="::1").start()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    port = server.server_address[1]
    with contextlib.closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", port))        # and does not listen
        yield f"http://localhost:{port}", server.service.asked
        server.stop()


def changes(base_url, ipv4_only, token_url=None):
    oauth = {"client_id": "app", "client_secret": harness.CLIENT_SECRET, "token_url": token_url,
             "scope": " ".join(sorted(brevo_tokens.SCOPES))}
    return {"brevo": {"base_url": base_url + "/v3", "ipv4_only": ipv4_only,
                      **({"oauth": oauth, "api_key": None} if token_url else {})}}


@pytest.mark.parametrize("ipv4_only", [True, False])
def test_calls_and_audits_go_by_ipv4_alone(program, twilio, by_ipv6, ipv4_only):
    url, asked = by_ipv6
    flexbrevo = program(changes=changes(url, ipv4_only)).start()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
    if ipv4_only:
        failed = 'brevo_requests_total{endpoint="%s",status="not_sent"}'
        for endpoint in ("contact_lookup", "attributes"):
            harness.wait_until(lambda: flexbrevo.metrics().get(
                "flexbrevo_" + failed % endpoint, 0) >= 2, f"{endpoint} that goes nowhere")
        assert not asked
    else:
        harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 1, "its delivery")
        assert AUDIT in asked and any(one.startswith(CALL) for one in asked - {AUDIT})


@pytest.mark.parametrize("ipv4_only", [True, False])
def test_tokens_are_asked_for_by_ipv4_alone(program, sandbox, by_ipv6, ipv4_only):
    url, asked = by_ipv6
    sandbox.brevo.tokens = brevo_tokens.Tokens("app", harness.CLIENT_SECRET)
    by_ipv4 = sandbox.url.removesuffix("/v3")
    flexbrevo = program(changes=changes(by_ipv4, ipv4_only, url + brevo_tokens.PATH)).start()
    if ipv4_only:
        harness.wait_until(lambda: "token_missing" in flexbrevo.log(), "a token from nowhere")
        assert not asked
    else:
        harness.wait_until(lambda: "token_obtained" in flexbrevo.log(), "a token")
        assert asked == {TOKEN}
