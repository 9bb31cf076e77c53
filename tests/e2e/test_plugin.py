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


@pytest.mark.parametrize("fault", ["garbage", "oversized", "server_error", "close"])
def test_an_answer_that_says_nothing_is_not_remembered(caller, twilio, iam, fault):
    iam.fault(fault)
    assert caller.send(twilio.plugin(Task())).status == 429
    assert caller.send(twilio.plugin(Task())).status == 202
    assert iam.calls() == 2


def test_a_yes_that_is_over_is_a_no_and_says_why(caller, twilio, iam, flexbrevo):
    iam.fault("expired")
    for _ in range(2):
        assert caller.send(twilio.plugin(Task())).status == 403
    assert iam.calls() == 1
    reason = 'requests_rejected_total{source="flex-plugin",reason="token_expired"}'
    assert flexbrevo.metric(reason) == 2


def test_a_yes_without_an_end_is_a_yes(caller, twilio, iam):
    iam.fault("undated")
    for _ in range(2):
        assert caller.send(twilio.plugin(Task())).status == 202
    assert iam.calls() == 1


def test_a_slow_iam_is_waited_for(caller, twilio, iam):
    iam.fault("delay", seconds=1)
    assert caller.send(twilio.plugin(Task())).status == 202


def test_iam_is_left_alone_when_it_asks_for_patience(caller, twilio, iam, flexbrevo):
    known = twilio.plugin(Task())
    assert caller.send(known).status == 202
    iam.fault("limited")
    for _ in range(3):
        other = harness.fake_iam.flex_token(harness.sid("WK"))
        assert caller.send(twilio.plugin(Task(), token=other)).status == 429
    assert iam.calls() == 2
    assert caller.send(known).status == 202          # what is known is known
    assert "IAM asks for patience" in flexbrevo.log()


def test_a_wrong_ring_is_walked_once_for_all_agents(program, redis, twilio, iam):
    ring = [f"{i:032x}" for i in range(8)]
    flexbrevo = program("serve", changes={
        "redis": {"url": redis.url},
        "connectors": {"twilio_flex": {"auth_token": ring[0], "auth_tokens": ring[1:]}}}).start()

    def post(_):
        worker = harness.sid("WK")
        request = twilio.plugin(
            Task(), token=harness.fake_iam.flex_token(worker), WorkerSid=worker)
        return flexbrevo.caller().send(request).status

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(post, range(32))) == {429}
    assert iam.calls() == len(ring)


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


@pytest.mark.parametrize("name", ["WorkerSid", "workerSid", "worker_sid", "Worker_Sid"])
def test_no_spelling_of_the_worker_gets_past_the_check(caller, twilio, name):
    request = twilio.plugin(Task())
    body = json.loads(request.body)
    del body["WorkerSid"]
    for mine, status in ((False, 403), (True, 202)):
        body[name] = harness.WORKER_SID if mine else harness.sid("WK")
        request.body = json.dumps(body).encode()
        assert caller.send(request).status == status


def test_what_attributes_say_of_a_worker_is_the_customers_business(caller, twilio):
    task = Task()
    attributes = {**task.customer.attributes(), "worker_sid": harness.sid("WK")}
    assert caller.send(twilio.plugin(task, TaskAttributes=attributes)).status == 202


@pytest.mark.parametrize("first, second, status", [
    ("WorkerSid", "WorkerSid", 400),        # no JSON object has a member twice
    ("WorkerSid", "worker_sid", 202),       # the first is what is read, here and later
    ("worker_sid", "WorkerSid", 202)])
def test_of_two_workers_in_one_post_the_one_that_is_read_counts(
        caller, twilio, first, second, status):
    request = twilio.plugin(Task())
    body = json.loads(request.body)
    del body["WorkerSid"]
    rest = json.dumps(body)[1:].encode()

    def post(*sids):
        named = b", ".join(b'"%s": "%s"' % (name.encode(), sid.encode())
                           for name, sid in zip((first, second), sids))
        return caller.send(
            harness.Webhook(request.path, request.headers, b"{" + named + b", " + rest)).status

    assert post(harness.WORKER_SID, harness.sid("WK")) == status
    assert post(harness.sid("WK"), harness.WORKER_SID) == (400 if status == 400 else 403)


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


def cors(answer):
    return {name: value for name, value in answer.headers.items()
            if name.startswith("Access-Control") or name == "Vary"}


def preflight(caller, origin, path=PATH):
    headers = {"Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "authorization,content-type"}
    if origin is not None:
        headers["Origin"] = origin
    return caller.send(harness.Webhook(path, headers, None), "OPTIONS")


def test_a_preflight_needs_no_proof_and_names_what_is_allowed(caller, iam):
    answer = preflight(caller, ORIGIN)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert cors(answer) == {
        "Vary": "Origin", "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, Authorization",
        "Access-Control-Max-Age": "600", "Access-Control-Expose-Headers": "Retry-After"}
    assert iam.calls() == 0


@pytest.mark.parametrize("origin", [
    None, "", "null", "*", "https://evil.example.org", "https://flex.twilio.com.",
    "https://flex.twilio.com:443", "http://flex.twilio.com", "https://flex.twilio.com/",
    "https://flex.twilio.com, https://flex.twilio.com", "HTTPS://flex.twilio.com"])
def test_a_preflight_of_another_origin_is_granted_nothing(caller, origin):
    answer = preflight(caller, origin)
    assert answer.status == 204
    assert cors(answer) == {"Vary": "Origin"}


def test_other_endpoints_are_not_for_pages(caller):
    answer = preflight(caller, ORIGIN, "/webhooks/taskrouter")
    assert answer.status == 405
    assert cors(answer) == {}


def failures(twilio, iam):
    """(status, method, request) of everything that can go wrong with a page's post."""
    def changed(body=None, token=None, **headers):
        request = twilio.plugin(Task(), token=token)
        request.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        request.body = request.body if body is None else body
        return request

    valid = harness.fake_iam.flex_token(harness.WORKER_SID)
    yield 400, "POST", changed(b"no JSON", Authorization="Bearer " + valid)
    yield 401, "POST", changed(token="")
    yield 403, "POST", changed(token="eyJ.no.token")
    yield 403, "POST", changed(X_Twilio_Signature="A" * 27 + "=")
    yield 405, "GET", changed()
    yield 405, "PUT", changed()
    yield 413, "POST", changed(b"x" * (4 * 1024 * 1024 + 1))
    yield 415, "POST", changed(Content_Type="text/plain")
    yield 415, "POST", changed(Content_Encoding="gzip")
    iam.fault("server_error")
    yield 429, "POST", changed(token=valid.replace("eyJ", "eyJx"))


def test_every_refusal_is_readable_by_an_allowed_page_and_no_other(flexbrevo, twilio, iam):
    granted = {"Vary": "Origin", "Access-Control-Allow-Origin": ORIGIN,
               "Access-Control-Expose-Headers": "Retry-After"}
    for origin, expected in ((ORIGIN, granted), ("https://evil.example.org", {"Vary": "Origin"})):
        for status, method, request in failures(twilio, iam):
            request.headers["Origin"] = origin
            answer = flexbrevo.caller().send(request, method)
            assert (answer.status, cors(answer)) == (status, expected), request.headers
            assert answer.error()["message"]
            assert (status == 429) == ("Retry-After" in answer.headers)
