"""What the harness itself promises to those who measure with it."""

import http.server
import json
import socket
import threading

import pytest

import brevo_schema
import harness


@pytest.fixture
def dead(tmp_path):
    """A program that was killed; where it listened, its port is free for others."""
    program = harness.Flexbrevo(tmp_path, {})
    with socket.create_server(("127.0.0.1", 0)) as free:
        program.admin_url = "http://127.0.0.1:%d" % free.getsockname()[1]
    return program


class Other(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b'{"status": 404}')

    def log_message(self, *_):
        pass


@pytest.mark.skipif(brevo_schema.described() is None, reason=brevo_schema.NOTHING_AT_HAND)
def test_a_request_that_does_not_fit_brevos_description_fails_its_test():
    sandbox = harness.Sandbox().start()
    try:
        sandbox.check()
        sandbox.fault("html_524")
        caller = harness.Caller(sandbox.url)
        event = {"event_name": "SUPPORT_RESOLVED", "identifiers": {"email_id": "nobody"}}
        caller.send(harness.Webhook("/v3/events", {"Content-Type": "application/json"},
                                    json.dumps(event).encode()))
        caller.close()
        with pytest.raises(AssertionError, match="POST /events: body.'identifiers'"):
            sandbox.check()
    finally:
        sandbox.stop()


def test_of_a_dead_program_there_are_no_metrics(dead):
    assert dead.metrics() == {}


def test_what_got_a_dead_programs_port_has_no_metrics_of_it(dead):
    port = int(dead.admin_url.rpartition(":")[2])
    with http.server.HTTPServer(("127.0.0.1", port), Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            assert dead.metrics() == {}
        finally:
            other.shutdown()
            thread.join()
