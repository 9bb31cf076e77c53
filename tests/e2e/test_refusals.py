"""Unsigned, wrongly signed, oversized, malformed: the promised status, and nothing queued."""

import json

import pytest

import harness
from harness import Task, Webhook

CALLBACK, STREAM, PLUGIN = "callback", "stream", "plugin"


def webhook(twilio, route):
    return getattr(twilio, route)(Task())


def check_refused(answer, status, flexbrevo, sandbox):
    assert answer.status == status, answer.body
    if answer.status >= 400:
        error = answer.error()
        assert set(error) == {"code", "message"} and all(error.values())
    assert flexbrevo.metric("queue_accepted") == 0
    assert sandbox.requests() == []


@pytest.mark.parametrize("route,status", [(CALLBACK, 403), (STREAM, 403)])
def test_no_signature(caller, twilio, sandbox, flexbrevo, route, status):
    request = webhook(twilio, route)
    del request.headers["X-Twilio-Signature"]
    check_refused(caller.send(request), status, flexbrevo, sandbox)


@pytest.mark.parametrize("route,status", [(CALLBACK, 403), (STREAM, 503)])
def test_a_signature_of_another_token(caller, sandbox, flexbrevo, route, status):
    stranger = harness.Twilio(token="0" * 32)
    check_refused(caller.send(webhook(stranger, route)), status, flexbrevo, sandbox)


def test_the_secret_of_an_api_key_signs_nothing(program, sandbox):
    secret = "0123456789abcdefghijklmnopqrstuv"
    started = program(changes={"connectors": {"twilio_flex": {
        "api_key_sid": "SK" + "0" * 32, "api_key_secret": secret}}}).start()
    request = webhook(harness.Twilio(token=secret), CALLBACK)
    check_refused(started.caller().send(request), 403, started, sandbox)


@pytest.mark.parametrize("route,status", [(CALLBACK, 403), (STREAM, 503)])
def test_a_signature_for_another_url(caller, sandbox, flexbrevo, route, status):
    elsewhere = harness.Twilio(public_url="https://other.example.com")
    check_refused(caller.send(webhook(elsewhere, route)), status, flexbrevo, sandbox)


def test_another_body_under_a_captured_url(caller, twilio, sandbox, flexbrevo):
    request = twilio.stream(Task())
    request.body = json.dumps([Task().cloud_event("task.completed")]).encode()
    check_refused(caller.send(request), 403, flexbrevo, sandbox)


def test_json_without_its_hash(caller, twilio, sandbox, flexbrevo):
    request = twilio.stream(Task())
    request.path = "/webhooks/event-streams"
    signature = twilio.validator.compute_signature(twilio.public_url + request.path, {})
    request.headers["X-Twilio-Signature"] = signature
    check_refused(caller.send(request), 403, flexbrevo, sandbox)


def unsigned(request):
    del request.headers["X-Twilio-Signature"]


def without_hash(request):
    request.path = "/webhooks/event-streams"


def changed(request):
    request.body += b" "


LOOPBACK = {"server": {"trusted_proxies": ["127.0.0.0/8"]}}
TWILIO = "35.90.102.130"


def check_lost_proof(started, sandbox, request, lose, forwarded, status):
    """A request whose proof was lost, sent by 127.0.0.1 in the name of others."""
    lose(request)
    request.headers["X-Forwarded-For"] = forwarded
    check_refused(started.caller().send(request), status, started, sandbox)


@pytest.mark.parametrize("lose,reason", [
    (unsigned, "no_signature"), (without_hash, "no_body_hash"), (changed, "wrong_body_hash")])
def test_a_proof_our_own_proxy_lost_is_asked_for_again(program, twilio, sandbox, lose, reason):
    started = program(changes=LOOPBACK).start()
    check_lost_proof(started, sandbox, twilio.stream(Task()), lose, TWILIO, 503)
    name = f'flexbrevo_requests_rejected_total{{source="event-streams",reason="{reason}"}}'
    assert started.metrics()[name] == 1
    said = [line for line in started.log().splitlines() if "request_rejected" in line]
    assert len(said) == 1 and f"reason={reason} status=503" in said[0] and "a proxy" in said[0]


@pytest.mark.parametrize("forwarded", [
    TWILIO + ", 192.0.2.1", "192.0.2.1", "unknown", "127.0.0.1"])
def test_a_lost_proof_from_elsewhere_is_forbidden(program, twilio, sandbox, forwarded):
    started = program(changes=LOOPBACK).start()
    check_lost_proof(started, sandbox, twilio.stream(Task()), unsigned, forwarded, 403)


def test_nobody_but_a_trusted_proxy_says_where_a_request_came_from(flexbrevo, twilio, sandbox):
    check_lost_proof(flexbrevo, sandbox, twilio.stream(Task()), unsigned, TWILIO, 403)


def test_a_lost_proof_of_another_caller_is_forbidden(program, twilio, sandbox):
    started = program(changes=LOOPBACK).start()
    check_lost_proof(started, sandbox, twilio.callback(Task()), unsigned, TWILIO, 403)


@pytest.mark.parametrize("token,status", [("", 401), ("eyJhbGci.expired", 403)])
def test_a_plugin_without_a_valid_token(caller, twilio, sandbox, flexbrevo, token, status):
    request = twilio.plugin(Task(), token=token)
    answer = caller.send(request)
    check_refused(answer, status, flexbrevo, sandbox)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://flex.twilio.com"


def test_a_plugin_with_another_workers_token(caller, twilio, sandbox, flexbrevo):
    token = harness.fake_iam.flex_token(harness.sid("WK"))
    check_refused(caller.send(twilio.plugin(Task(), token=token)), 403, flexbrevo, sandbox)


def test_a_plugin_while_iam_is_away_is_asked_to_come_back(caller, twilio, sandbox, flexbrevo, iam):
    iam.fault("server_error", count=-1)
    answer = caller.send(twilio.plugin(Task()))
    check_refused(answer, 429, flexbrevo, sandbox)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("route,status", [(CALLBACK, 413), (STREAM, 503), (PLUGIN, 413)])
def test_a_body_over_the_limit(caller, twilio, sandbox, flexbrevo, route, status):
    request = webhook(twilio, route)
    request.body += b" " * (4 * 1024 * 1024 + 1)
    check_refused(caller.send(request), status, flexbrevo, sandbox)


@pytest.mark.parametrize("route,status", [(CALLBACK, 415), (STREAM, 503), (PLUGIN, 415)])
def test_a_content_type_that_is_not_the_routes(caller, twilio, sandbox, flexbrevo, route, status):
    request = webhook(twilio, route)
    request.headers["Content-Type"] = "multipart/form-data; boundary=x"
    check_refused(caller.send(request), status, flexbrevo, sandbox)


def test_a_signed_body_that_cannot_be_read_is_parked_whole(caller, twilio, sandbox, flexbrevo):
    assert caller.send(twilio.json(b'[{"type": "cut sho')).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 1, "a parked record")
    assert flexbrevo.metrics()['flexbrevo_events_parked_total{reason="unparseable"}'] == 1
    assert sandbox.requests() == []


def test_an_empty_body_that_is_signed_is_parked_like_any_other_that_cannot_be_read(
        caller, twilio, flexbrevo):
    assert caller.send(twilio.form({})).status == 204
    assert caller.send(twilio.json(b"")).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 2, "two parked bodies")


def test_one_bad_element_of_a_batch_is_parked_alone(caller, twilio, sandbox, flexbrevo):
    good = Task()
    batch = [good.cloud_event("task.completed"), {"type": 7}, Task().cloud_event("task.completed")]
    assert caller.send(twilio.json(batch)).status == 204
    sandbox.wait_for_events(2)
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 1, "a parked record")


def test_an_unreadable_plugin_body(caller, twilio, sandbox, flexbrevo):
    request = twilio.plugin(Task())
    request.headers["Authorization"] = "Bearer " + harness.fake_iam.flex_token(harness.WORKER_SID)
    request.body = b"{"
    check_refused(caller.send(request), 400, flexbrevo, sandbox)


@pytest.mark.parametrize("path,method,status", [
    ("/webhooks/taskrouter", "GET", 405), ("/webhooks/event-streams", "PUT", 405),
    ("/webhooks/taskrouter/", "POST", 404), ("/", "GET", 404), ("/webhooks/unknown", "POST", 404)])
def test_other_methods_and_paths(caller, sandbox, flexbrevo, path, method, status):
    answer = caller.send(Webhook(path, {}, b""), method)
    check_refused(answer, status, flexbrevo, sandbox)
    assert (answer.headers["Allow"] is not None) == (status == 405)


def test_the_browser_may_ask_first(caller):
    asked = {"Origin": "https://flex.twilio.com", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,authorization"}
    answer = caller.send(Webhook("/webhooks/flex/task-complete", asked, None), "OPTIONS")
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://flex.twilio.com"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "content-type" in allowed and "authorization" in allowed
    stranger = caller.send(Webhook("/webhooks/flex/task-complete",
                                   {**asked, "Origin": "https://evil.example.org"}, None), "OPTIONS")
    assert stranger.headers["Access-Control-Allow-Origin"] is None
