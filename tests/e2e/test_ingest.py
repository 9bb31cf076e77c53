"""What Twilio is answered, beyond the refusals: success, counts, odd transports, hard times."""

import http.client
import os
import signal
import time
import urllib.parse

import pytest

import harness
from harness import Task, Webhook

CALLBACK, STREAM, PLUGIN = "callback", "stream", "plugin"
ANSWER_S = 3                    # callers give up after 5


@pytest.fixture
def flexbrevo(program, redis):
    return program("serve", changes={"redis": {"url": redis.url}}).start()


def counted(flexbrevo, what, source):
    return flexbrevo.metric(f'events_{what}_total{{source="{source}"}}')


def test_taskrouter_gets_204_with_the_content_type_it_asks_for(caller, twilio):
    answer = caller.send(twilio.callback(Task()))
    assert answer.status == 204
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == b""


def test_a_caller_alone_is_answered_at_once(caller, twilio):
    began = time.monotonic()
    for _ in range(20):
        assert caller.send(twilio.callback(Task())).status == 204
    assert time.monotonic() - began < 2     # each waits for one round trip to Redis, no timer


def test_event_streams_may_send_an_array_or_an_object(caller, twilio, flexbrevo):
    assert caller.send(twilio.stream(Task(), Task())).status == 204
    assert caller.send(twilio.json(Task().cloud_event("task.completed"))).status == 204
    assert flexbrevo.metric("queue_accepted") == 3


def test_repeats_and_types_we_do_not_map_are_acknowledged_and_counted(caller, twilio, flexbrevo):
    task = Task()
    for _ in range(3):
        assert caller.send(twilio.callback(task)).status == 204
    assert caller.send(twilio.callback(Task(), "workflow.entered")).status == 204
    assert caller.send(twilio.json([])).status == 204
    assert counted(flexbrevo, "accepted", "taskrouter") == 1
    assert counted(flexbrevo, "duplicate", "taskrouter") == 2
    assert counted(flexbrevo, "ignored", "taskrouter") == 1
    assert flexbrevo.metric("queue_accepted") == 1
    assert flexbrevo.metric('last_event_timestamp_seconds{source="taskrouter"}') > 0


def test_a_batch_larger_than_one_redis_call_is_stored_whole(caller, twilio, flexbrevo):
    tasks = [Task() for _ in range(1000)]
    assert caller.send(twilio.stream(*tasks)).status == 204
    assert flexbrevo.metric("queue_accepted") == 1000
    assert caller.send(twilio.stream(*tasks)).status == 204
    assert flexbrevo.metric("queue_accepted") == 1000
    assert counted(flexbrevo, "duplicate", "event-streams") == 1000


@pytest.mark.parametrize("route,status", [(CALLBACK, 415), (STREAM, 503), (PLUGIN, 415)])
def test_a_compressed_body_is_refused(caller, twilio, flexbrevo, route, status):
    request = getattr(twilio, route)(Task())
    request.headers["Content-Encoding"] = "gzip"
    answer = caller.send(request)
    assert (answer.status, answer.error()["code"]) == (status, "unsupported_media_type")
    request.headers["Content-Encoding"] = "identity"
    assert caller.send(request).status < 300


@pytest.mark.parametrize("path,kind,status", [
    ("/webhooks/taskrouter", "application/x-www-form-urlencoded", 403),
    ("/webhooks/event-streams", "application/json", 403),
    ("/webhooks/flex/task-complete", "application/json", 401)])
def test_an_empty_body_proves_nothing(caller, path, kind, status):
    assert caller.send(Webhook(path, {"Content-Type": kind}, b"")).status == status


@pytest.mark.parametrize("path", ["/webhooks/taskrouter", "/webhooks/event-streams",
                                  "/webhooks/flex/task-complete"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_other_methods_are_told_which_are_allowed(caller, path, method):
    answer = caller.send(Webhook(path, {}, None), method)
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]


def test_a_query_is_part_of_what_is_signed_as_it_is(caller, twilio):
    path = "/webhooks/taskrouter?b=%7E&a=1%2C2&b=%zz&'q'=%27"
    assert caller.send(twilio.form(Task().callback("task.completed"), path)).status == 204
    moved = twilio.form(Task().callback("task.completed"), path)
    moved.path = path.replace("%7E", "~")
    assert caller.send(moved).status == 403


def test_a_chunked_body_and_7_kb_of_headers_are_taken(flexbrevo, twilio):
    request = twilio.callback(Task())
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(flexbrevo.url).netloc, timeout=5)
    half = len(request.body) // 2
    connection.request(
        "POST", request.path, iter([request.body[:half], request.body[half:]]),
        {**request.headers, "X-Padding": "x" * 6500, **{f"X-{i}": "v" for i in range(20)}},
        encode_chunked=True)
    assert connection.getresponse().status == 204
    connection.close()


def test_a_hundred_wrong_signatures_are_one_line_in_the_log(caller, flexbrevo):
    stranger = harness.Twilio(token="0" * 32)
    for _ in range(100):
        assert caller.send(stranger.callback(Task())).status == 403
    lines = [line for line in flexbrevo.log().splitlines() if "request_rejected" in line]
    assert len(lines) == 1
    assert "public_url=" + harness.PUBLIC_URL in lines[0]
    assert flexbrevo.metric(
        'requests_rejected_total{source="taskrouter",reason="signature_mismatch"}') == 100
    assert flexbrevo.metric("queue_accepted") == 0


@pytest.mark.parametrize("route,status", [(CALLBACK, 503), (STREAM, 503), (PLUGIN, 429)])
def test_a_redis_that_hangs_is_answered_for_in_time_without_a_spool(
        program, redis, twilio, route, status):
    caller = program("serve", {"redis": {"url": redis.url},
                               "queue": {"spool_max": 0}}).start().caller()
    os.kill(redis.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = caller.send(getattr(twilio, route)(Task()))
        assert answer.status == status
        assert time.monotonic() - began < ANSWER_S
    finally:
        os.kill(redis.process.pid, signal.SIGCONT)
    task = Task()
    harness.wait_until(lambda: caller.send(twilio.callback(task)).status == 204, "a 204")


def test_callers_that_leave_while_redis_hangs_harm_nobody(flexbrevo, caller, redis, twilio):
    os.kill(redis.process.pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            left = harness.Caller(flexbrevo.url)
            request = twilio.callback(Task())
            left.connection.request("POST", request.path, request.body, request.headers)
            left.close()
        assert caller.send(twilio.callback(Task())).status == 204   # from the spool
    finally:
        os.kill(redis.process.pid, signal.SIGCONT)
    task = Task()
    harness.wait_until(lambda: caller.send(twilio.callback(task)).status == 204, "a 204")
    pid = flexbrevo.process.pid
    harness.wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) < 30, "closed descriptors")
