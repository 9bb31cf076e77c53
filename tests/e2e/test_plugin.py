"""The Flex UI plugin's posts: who may send them, what IAM is asked, what the browser may read."""

import concurrent.futures
import json
import subprocess
import time
import urllib.parse

import pytest

import harness
from harness import Task

ORIGIN = "https://flex.twilio.com"
PATH = "/webhooks/flex/task-complete"


@pytest.fixture
def flexbrevo(program, redis):
    return program("serve", changes={"redis": {"url": redis.url}}).start()


def with_bearer(request, token):
    """The token in the header instead of the body."""
    body = json.loads(request.body)
    del body["Token"]
    request.body = json.dumps(body).encode()
    request.headers["Authorization"] = "Bearer " + token
    return request


def as_form(request):
    fields = {name: json.dumps(value) if isinstance(value, dict) else value
              for name, value in json.loads(request.body).items()}
    request.body = urllib.parse.urlencode(fields).encode()
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    return request


def stored(redis):
    """Every byte Redis holds."""
    def cli(*arguments):
        return subprocess.run(["redis-cli", "-s", str(redis.socket), *arguments],
                              capture_output=True, check=True).stdout

    kinds = {b"hash": "hgetall", b"string": "get"}
    found = b""
    for key in cli("keys", "*").split():
        command = kinds.get(cli("type", key.decode()).strip())
        found += key + (cli(command, key.decode()) if command else b"")
    return found


@pytest.mark.parametrize("change", [lambda request: request, as_form])
def test_a_post_is_accepted_and_its_token_is_not_stored(caller, twilio, redis, change):
    task = Task()
    answer = caller.send(change(twilio.plugin(task)))
    assert answer.status == 202
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Vary"] == "Origin"
    everything = stored(redis)
    assert task.sid.encode() in everything
    assert task.customer.email.partition("@")[0].encode() in everything
    assert b"eyJ" not in everything


def test_the_token_may_be_a_bearer(caller, twilio):
    token = harness.fake_iam.flex_token(harness.WORKER_SID)
    assert caller.send(with_bearer(twilio.plugin(Task()), token)).status == 202
    assert caller.send(with_bearer(twilio.plugin(Task()), token + "x")).status == 403


def test_a_token_of_6_kb_fits_into_a_header(caller, twilio):
    token = "e" * 6000 + harness.fake_iam.flex_token(harness.WORKER_SID)
    request = with_bearer(twilio.plugin(Task()), token)
    request.headers |= {"User-Agent": "Mozilla/5.0 " + "x" * 120, "Accept": "*/*",
                        "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    assert caller.send(request).status == 202


def test_a_signature_is_proof_too(caller, twilio, iam):
    body = Task().plugin_body()
    body["TaskAttributes"] = json.dumps(body["TaskAttributes"])
    fields = {name: str(value) for name, value in body.items()}
    assert caller.send(twilio.form(fields, PATH)).status == 202
    assert caller.send(twilio.json(json.dumps(body).encode(), PATH)).status == 202
    stranger = harness.Twilio(token="0" * 32)
    assert caller.send(stranger.form(fields, PATH)).status == 403
    assert iam.calls() == 0


def test_one_token_is_asked_about_once(flexbrevo, twilio, iam):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        def post(_):
            caller = harness.Caller(flexbrevo.url)
            try:
                return caller.send(twilio.plugin(Task())).status
            finally:
                caller.close()

        assert set(pool.map(post, range(64))) == {202}
    assert iam.calls() == 1


def test_a_refused_token_is_not_asked_about_again(caller, twilio, iam):
    for _ in range(3):
        assert caller.send(twilio.plugin(Task(), token="eyJ.no.token")).status == 403
    assert iam.calls() == 1


@pytest.mark.parametrize("token", ["a b", 'a"b', "a\\b", "\u00e9", "x" * 9000])
def test_what_cannot_be_a_token_is_not_asked_about(caller, twilio, iam, token):
    assert caller.send(twilio.plugin(Task(), token=token)).status in (401, 403)
    assert iam.calls() == 0


def test_iam_away_is_429_and_not_remembered(caller, twilio, iam):
    iam.fault("server_error")
    answer = caller.send(twilio.plugin(Task()))
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert caller.send(twilio.plugin(Task())).status == 202


def test_iam_that_hangs_is_answered_for_in_time(caller, twilio, iam):
    iam.fault("hang", seconds=10)
    began = time.monotonic()
    assert caller.send(twilio.plugin(Task())).status == 429
    assert time.monotonic() - began < 3


def test_the_auth_token_iam_accepts_is_found_in_the_ring(program, redis, twilio, iam):
    flexbrevo = program("serve", changes={
        "redis": {"url": redis.url},
        "connectors": {"twilio_flex": {
            "auth_token": "0" * 32, "auth_tokens": ["1" * 32, harness.AUTH_TOKEN]}}}).start()
    caller = harness.Caller(flexbrevo.url)
    assert caller.send(twilio.plugin(Task())).status == 202
    assert iam.calls() == 3
    other = harness.fake_iam.flex_token(harness.WORKER_SID).replace("eyJ", "eyJx")
    assert caller.send(twilio.plugin(Task(), token=other)).status == 202
    assert iam.calls() == 4                      # it is known now which one works
    caller.close()


def test_no_auth_token_iam_accepts_is_our_fault(caller, twilio, iam, flexbrevo):
    iam.fault("unauthorized", count=-1)
    assert caller.send(twilio.plugin(Task())).status == 429
    assert "check account_sid and auth_token" in flexbrevo.log()


def test_an_agent_posts_only_his_own_work(caller, twilio):
    other = harness.sid("WK")
    assert caller.send(twilio.plugin(Task(), WorkerSid=other)).status == 403
    assert caller.send(as_form(twilio.plugin(Task(), WorkerSid=other))).status == 403
    spelled = twilio.plugin(Task(), WorkerSid=other)
    spelled.body = spelled.body.replace(b'"WorkerSid"', b'"Worker\\u0053id"')
    assert caller.send(spelled).status == 403
    silent = twilio.plugin(Task())
    body = json.loads(silent.body)
    del body["WorkerSid"]
    silent.body = json.dumps(body).encode()
    assert caller.send(silent).status == 202


def test_an_answer_that_names_no_worker_contradicts_none(caller, twilio, iam):
    iam.fault("status", status=200, body={"valid": True})
    assert caller.send(twilio.plugin(Task())).status == 202


def test_a_page_of_another_origin_may_post_but_not_read(caller, twilio):
    request = twilio.plugin(Task())
    for origin in ("https://evil.example.org", "https://flex.twilio.com.evil.example.org",
                   "https://FLEX.twilio.com", "null"):
        request.headers["Origin"] = origin
        answer = caller.send(request)
        assert answer.status == 202
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_errors_are_readable_by_the_page(caller, twilio):
    for method, change, status in (
            ("PUT", {}, 405), ("POST", {"Content-Type": "text/plain"}, 415),
            ("POST", {"Content-Type": "application/json"}, 401)):
        request = twilio.plugin(Task(), token="")
        request.headers |= change
        answer = caller.send(request, method)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.error()["message"]
