"""Behind real proxies with the configurations we ship, TLS included: Twilio's proof survives."""

import hashlib
import json
import re

import harness
import proxies
import pytest

BODY_MAX = 4 * 1024 * 1024
QUERIES = (
    "?a=1&b=2", "?b=2&a=1&a=1", "?q=a%20b+c%2Bd", "?q=a+b", "?q=%27quoted%27", "?q=it's",
    "?q=%C3%A9", "?q=%c3%A9%F0%9f%99%82", "?empty=&flag", "?=value", "?&&", "?a=1;b=2", "?;",
    "?path=%2Fa%2f..%2Fb", "?dots=/../x/./y", "?slashes=//a///b", "?percent=%25", "?percent=%2525",
    "?plus=%2B%2b+", "?pipe=%7C&tilde=~%7e&star=*%2A", "?at=@%40:,!$()", "?q=?a?b",
    "?brackets[a]=1&b%5Bc%5D=2", "?broken=100%", "?broken=%zz", "?", "")


@pytest.fixture(params=[proxies.NGINX, proxies.HAPROXY, proxies.CADDY], ids=lambda kind: kind.name)
def behind(request, tmp_path):
    """Puts a proxy before a URL, as often as a test likes."""
    started = []

    def make(upstream):
        proxy = proxies.Proxy(request.param, tmp_path / f"proxy{len(started)}", upstream)
        started.append(proxy)
        return proxy.start()

    yield make
    for proxy in started:
        proxy.stop()


@pytest.fixture
def tap(flexbrevo):
    tap = proxies.Tap(flexbrevo.url)
    yield tap
    tap.close()


@pytest.fixture
def proxy(behind, flexbrevo):
    return behind(flexbrevo.url)


def test_callbacks_streams_and_the_plugin_reach_brevo(proxy, twilio, sandbox):
    tasks = [harness.Task() for _ in range(3)]
    assert proxy.post(twilio.callback(tasks[0])).status == 204
    assert proxy.post(twilio.stream(tasks[1])).status == 204
    assert proxy.post(twilio.plugin(tasks[2])).status == 202
    sandbox.wait_for_events(3)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}


def test_the_target_arrives_byte_for_byte(proxy, twilio):
    with proxy.caller() as caller:
        statuses = {
            query: caller.send_webhook(twilio.form(
                harness.Task().callback("task.created"), "/webhooks/taskrouter" + query)).status
            for query in QUERIES}
    assert statuses == {query: 204 for query in QUERIES}


def test_odd_queries_of_event_streams_keep_the_hash_they_carry(proxy, twilio):
    body = json.dumps([harness.Task().cloud_event("task.created")]).encode()
    digest = hashlib.sha256(body).hexdigest()
    for query in (f"?tenant=it's&bodySHA256={digest}", f"?bodySHA256={digest}&path=%2fa%2Fb",
                  f"?a=%27;b&bodySHA256={digest}"):
        path = "/webhooks/event-streams" + query
        signature = twilio.validator.compute_signature(twilio.public_url + path, {})
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/json"}
        assert proxy.post(harness.Webhook(path, headers, body)).status == 204, query


def test_a_form_with_several_values_of_one_name_verifies(proxy, twilio):
    fields = [
        ("EventType", "onMessageAdded"), ("AccountSid", harness.ACCOUNT_SID),
        ("ConversationSid", harness.sid("CH")), ("MessageSid", harness.sid("IM")),
        ("Body", "Grüße & 1+1=2; it's \"ok\" 🙂"), ("Attributes", "{}"), ("Empty", ""),
        ("Tag", "b"), ("Tag", "a"), ("Tag", "a"), ("Tag", "")]
    assert proxy.post(twilio.form(fields, "/webhooks/conversations")).status == 200


def test_a_signature_for_another_url_is_refused(proxy):
    elsewhere = harness.Twilio(public_url="https://elsewhere.example.com")
    answer = proxy.post(elsewhere.callback(harness.Task()))
    assert (answer.status, answer.error()["code"]) == (403, "signature_mismatch")


@pytest.mark.parametrize("public_url,signed", [
    ("https://hooks.example.com:8443", "https://hooks.example.com:8443"),
    ("https://hooks.example.com:8443", "https://hooks.example.com"),
    ("https://hooks.example.com", "https://hooks.example.com:443")])
def test_a_port_in_the_public_url_may_be_signed_or_not(
        behind, program, public_url, signed):
    server = program(changes={"server": {"public_url": public_url}}).start()
    webhook = harness.Twilio(public_url=signed).callback(harness.Task())
    webhook.headers["Host"] = public_url.removeprefix("https://")
    assert behind(server.url).post(webhook).status == 204


def test_a_token_of_6_kb_passes(proxy, twilio, iam, tmp_path):
    webhook = twilio.plugin(harness.Task(), token="")
    webhook.headers["Authorization"] = "Bearer " + "x" * 6000
    answer = proxy.post(webhook)
    # IAM was asked, and called it invalid: it was not cut off on the way
    assert (answer.status, iam.calls()) == (403, 1)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://flex.twilio.com"
    webhook.headers["Authorization"] = "Bearer " + "y" * 6000
    assert proxies.http2(proxy, webhook, tmp_path) == ("2", 403)
    assert iam.calls() == 2


def padded(size):
    """One event and blanks, `size` bytes of JSON."""
    return json.dumps([harness.Task().cloud_event("task.created")]).encode().ljust(size)


def test_a_body_of_4_mib_passes_and_a_larger_one_gets_our_answer(proxy, twilio, flexbrevo):
    assert proxy.post(twilio.json(padded(BODY_MAX))).status == 204
    answer = proxy.post(twilio.json(padded(BODY_MAX + 1)))
    assert (answer.status, answer.error()["code"]) == (503, "too_large")
    assert flexbrevo.metric("queue_accepted") == 1


@pytest.mark.parametrize("with_length", [True, False], ids=["length", "stream"])
def test_http2_in_front_is_the_same_to_us(proxy, twilio, tmp_path, with_length):
    large = twilio.json(padded(BODY_MAX))
    odd = "/webhooks/taskrouter?q=it's%27&a+b=%2B;c&e=%C3%a9&empty="
    form = twilio.form(harness.Task().callback("task.created"), odd)
    for webhook in (large, form):
        assert proxies.http2(proxy, webhook, tmp_path, with_length) == ("2", 204)


def test_the_connection_to_us_is_kept(behind, tap, twilio):
    with behind(tap.url).caller() as caller:
        for _ in range(20):
            assert caller.send_webhook(twilio.callback(harness.Task())).status == 204
    assert tap.requests().count(b"POST /webhooks/taskrouter HTTP/1.1\r\n") == 20
    assert len(tap.connections) == 1


def test_a_kept_connection_that_ends_under_a_request_loses_nothing(behind, tap, twilio, sandbox):
    task = harness.Task()
    proxy = behind(tap.url)
    with proxy.caller() as caller:
        for _ in range(3):
            assert caller.send_webhook(twilio.callback(harness.Task())).status == 204
        tap.cut_next()
        status = caller.send_webhook(twilio.callback(task)).status
        if not proxy.kind.repeats:      # then the sender is told to
            assert status == 502
            status = caller.send_webhook(twilio.callback(task)).status
    assert status == 204
    harness.wait_until(lambda: sandbox.tasks()[task.sid] == 1, "the event behind the cut")


def test_the_headers_we_read_arrive_unchanged(behind, tap, twilio):
    webhook = twilio.callback(harness.Task())
    with behind(tap.url).caller("127.0.0.2") as caller:
        assert caller.send_webhook(webhook).status == 204
    head, _, body = tap.requests().partition(b"\r\n\r\n")
    values = dict(re.findall(rb"(?m)^([\w-]+): (.*?)\r?$", head))
    arrived = {name.lower(): value.decode() for name, value in values.items()}
    assert body == webhook.body
    assert arrived[b"host"] == proxies.HOST
    assert arrived[b"x-twilio-signature"] == webhook.headers["X-Twilio-Signature"]
    assert arrived[b"content-type"] == webhook.headers["Content-Type"]
    assert arrived[b"x-forwarded-for"] == "127.0.0.2"


def test_a_caller_cannot_claim_to_be_called_from_twilio(behind, program, twilio):
    server = program(changes={"server": {"trusted_proxies": ["127.0.0.1"]}}).start()
    webhook = twilio.stream(harness.Task())
    del webhook.headers["X-Twilio-Signature"]
    webhook.headers["X-Forwarded-For"] = "35.90.102.130"
    assert server.caller().send(webhook).status == 503      # the proxy itself is believed
    with behind(server.url).caller("127.0.0.2") as caller:
        assert caller.send_webhook(webhook).status == 403
