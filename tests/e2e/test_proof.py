"""Who is let in, by which proof: URLs, forwarded headers, Basic auth, addresses, survey token."""

import base64
import http.client
import json
import socket
import urllib.parse

import pytest

import harness
from harness import Task, Twilio, Webhook

CALLBACK, STREAM = "callback", "stream"
SOURCES = {CALLBACK: "taskrouter", STREAM: "event-streams"}
LISTED = ["https://hooks.example.com", "https://other.example.com:8443/in"]
TWILIO = "35.90.102.130"
TRUSTED = {"trusted_proxies": ["127.0.0.1"]}
USER = "flex:s3cret/pass"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def serve(program, redis):
    """Starts the webhook server alone with changes to `server` and `twilio_flex`."""
    def start(server=None, flex=None):
        return program("serve", changes={
            "redis": {"url": redis.url}, "server": server or {},
            "connectors": {"twilio_flex": flex or {}}}).start()
    return start


def status(started, webhook):
    return started.caller().send(webhook).status


def request(route, public_url=harness.PUBLIC_URL, token=harness.AUTH_TOKEN):
    return getattr(Twilio(token, public_url), route)(Task())


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def rejected(started, source, reason):
    return started.metric(f'requests_rejected_total{{source="{source}",reason="{reason}"}}')


def lines(started, event):
    return [line for line in started.log().splitlines() if line.split()[2:3] == [event]]


# ---- public URLs

@pytest.mark.parametrize("given", [LISTED, ",".join(LISTED)], ids=["list", "text"])
@pytest.mark.parametrize("route", [CALLBACK, STREAM])
def test_each_of_several_public_urls_is_good(serve, route, given):
    started = serve({"public_url": given})
    for public_url in LISTED:
        assert status(started, request(route, public_url)) == 204, public_url
    wrong = request(route, "https://third.example.com")
    assert status(started, wrong) == (403 if route == CALLBACK else 503)


def test_a_route_has_urls_of_its_own_instead(serve):
    started = serve({"routes": {"taskrouter": {"public_url": LISTED[1]}}})
    assert status(started, request(CALLBACK, LISTED[1])) == 204
    assert status(started, request(CALLBACK, LISTED[0])) == 403
    assert status(started, request(STREAM, LISTED[0])) == 204
    assert status(started, request(STREAM, LISTED[1])) == 503


@pytest.mark.parametrize("configured,signed,expected", [
    ("https://a.example", "https://a.example:443", 204),
    ("https://a.example:443", "https://a.example", 204),
    ("https://a.example:8443", "https://a.example", 204),
    ("http://a.example", "http://a.example:80", 204),
    ("https://a.example", "https://a.example:80", 403),
    ("https://a.example", "http://a.example", 403),
    ("https://a.example", "https://A.example", 403),
    ("https://a.example", "https://a.example.evil", 403),
    ("https://a.example/in/", "https://a.example/in", 204),
    ("https://a.example/in", "https://a.example", 403),
    ("https://a.example", "https://a.example/in", 403)])
def test_ports_may_differ_and_nothing_else(serve, configured, signed, expected):
    started = serve({"public_url": ["https://unrelated.example", configured]})
    assert status(started, request(CALLBACK, signed)) == expected


@pytest.mark.parametrize("asked,signed,expected", [
    ("?a=it's", "?a=%27", 403), ("?a='b'", "?a=%27b%27", 204), ("?a=%27", "?a='", 204),
    ("?a=%7e", "?a=%7E", 403), ("?a=1&b=2", "?b=2&a=1", 403), ("?a=+", "?a=%20", 403),
    ("?a=1", "?a=1&", 403), ("", "?", 403), ("", "/", 403)])
def test_a_changed_query_is_another_url(serve, asked, signed, expected):
    started = serve()
    webhook = Twilio().form(Task().callback("task.created"), "/webhooks/taskrouter" + signed)
    webhook.path = "/webhooks/taskrouter" + asked
    assert status(started, webhook) == expected


# ---- forwarded headers

ELSEWHERE = "https://elsewhere.example.com"

SAYING_SO = [
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example.com"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example.com:443"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example.com",
     "X-Forwarded-Port": "443"},
    {"X-Forwarded-Proto": "http, https", "X-Forwarded-Host": "x.example, elsewhere.example.com"},
    {"Forwarded": "for=192.0.2.1;proto=https;host=elsewhere.example.com"},
    {"Forwarded": "host=x.example;proto=http, host=\"elsewhere.example.com\";proto=https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "x.example",
     "Forwarded": "proto=https;host=elsewhere.example.com"},
]
NOT_SAYING_SO = [
    {},
    {"X-Forwarded-Host": "elsewhere.example.com"},
    {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "elsewhere.example.com"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example.com, x.example"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example.com/"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example.com",
     "X-Forwarded-Port": "x"},
    {"Forwarded": "host=elsewhere.example.com;proto=https, for=10.0.0.1"},
    {"Forwarded": "host=elsewhere.example.com;proto=https;"},
    {"X-Original-Host": "elsewhere.example.com", "X-Forwarded-Proto": "https"},
    {"Host": "elsewhere.example.com", "X-Forwarded-Proto": "https"},
]


def test_a_trusted_proxy_may_name_the_url(serve):
    started = serve(TRUSTED)
    for headers in SAYING_SO:
        webhook = request(CALLBACK, ELSEWHERE)
        webhook.headers |= headers
        assert status(started, webhook) == 204, headers
    for headers in NOT_SAYING_SO:
        webhook = request(CALLBACK, ELSEWHERE)
        webhook.headers |= headers
        assert status(started, webhook) == 403, headers
    for headers in SAYING_SO + NOT_SAYING_SO:       # and the configured one stays good
        webhook = request(STREAM)
        webhook.headers |= headers
        assert status(started, webhook) == 204, headers


@pytest.mark.parametrize("server", [{}, {"trusted_proxies": ["10.0.0.0/8", "::1"]}])
def test_nobody_else_names_the_url(serve, server):
    started = serve(server)
    for headers in SAYING_SO + NOT_SAYING_SO:
        webhook = request(CALLBACK, ELSEWHERE)
        webhook.headers |= headers
        assert status(started, webhook) == 403, headers


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def test_who_comes_by_the_unix_socket_is_a_trusted_proxy(program, redis, tmp_path):
    path = str(tmp_path / "hooks.sock")
    started = program("serve", changes={"redis": {"url": redis.url}, "server": {
        "listen": "unix:" + path, "routes": {"taskrouter": {"allow_from": ["192.0.2.0/24"]}}}})
    started.start(wait=False)
    harness.wait_until(lambda: lines(started, "admin_listening"), started.log)
    started.admin_url = lines(started, "admin_listening")[0].partition("url=")[2]
    harness.wait_until(started.is_ready, started.log)
    for address, expected in (("192.0.2.1", 204), ("198.51.100.1", 403), (None, 403)):
        webhook = request(CALLBACK, ELSEWHERE)
        webhook.headers |= SAYING_SO[0] | ({"X-Forwarded-For": address} if address else {})
        connection = UnixConnection(path)
        connection.request("POST", webhook.path, webhook.body, webhook.headers)
        assert connection.getresponse().status == expected, address
        connection.close()


# ---- Basic auth, beside the signature

BOTH = {"routes": {"taskrouter": {"basic_auth": USER}, "event-streams": {"basic_auth": USER}}}


@pytest.mark.parametrize("route,refused", [(CALLBACK, 403), (STREAM, 503)])
def test_basic_auth_is_asked_for_in_addition(serve, route, refused):
    started = serve(BOTH)
    source = SOURCES[route]
    for given in (None, basic("flex:wrong"), basic("flex"), "Bearer " + USER, "Basic"):
        webhook = request(route)
        webhook.headers |= {"Authorization": given} if given else {}
        answer = started.caller().send(webhook)
        assert (answer.status, answer.error()["code"]) == (refused, "basic_auth"), given
    assert rejected(started, source, "basic_auth") == 5
    assert started.metric("queue_accepted") == 0
    webhook = request(route)
    webhook.headers["Authorization"] = basic(USER)
    assert status(started, webhook) == 204
    said = lines(started, "request_rejected")
    assert len(said) == 1 and "reason=basic_auth" in said[0]
    assert "s3cret" not in started.log()


@pytest.mark.parametrize("route", [CALLBACK, STREAM])
@pytest.mark.parametrize("public_url", [
    "https://flex:s3cret%2Fpass@hooks.example.com", "https://hooks.example.com:443",
    "https://flex:s3cret%2Fpass@hooks.example.com:443"])
def test_the_signed_url_may_have_the_user_and_password_in_it(serve, route, public_url):
    started = serve(BOTH)
    webhook = request(route, public_url)
    webhook.headers["Authorization"] = basic(USER)
    assert status(started, webhook) == 204


@pytest.mark.parametrize("source", ["taskrouter", "event-streams"])
def test_trigger_shows_the_password_of_the_route_as_twilio_does(serve, source):
    started = serve(BOTH)
    exit_status, _, error = harness.run_command(
        "trigger", "task.created", "--source", source, "--to", started.url,
        "--config", str(started.config_file))
    assert exit_status == 0, error
    assert started.metric("queue_accepted") == 1


def test_basic_auth_never_replaces_the_signature(serve):
    started = serve(BOTH)
    webhook = request(CALLBACK)
    webhook.headers["Authorization"] = basic(USER)
    del webhook.headers["X-Twilio-Signature"]
    assert status(started, webhook) == 403
    stranger = request(CALLBACK, token="0" * 32)
    stranger.headers["Authorization"] = basic(USER)
    assert status(started, stranger) == 403
    assert started.metric("queue_accepted") == 0


@pytest.mark.parametrize("password,expected", [(USER, 503), ("flex:wrong", 403)])
@pytest.mark.parametrize("lost", ["signature", "hash", "body", "shape"])
def test_event_streams_with_a_lost_proof_and_the_right_password_comes_again(
        serve, lost, password, expected):
    started = serve(BOTH)
    webhook = request(STREAM)
    webhook.headers["Authorization"] = basic(password)
    if lost == "signature":
        del webhook.headers["X-Twilio-Signature"]
    elif lost == "hash":
        webhook.path = "/webhooks/event-streams"
    elif lost == "body":
        webhook.body += b" "
    else:
        webhook.headers["X-Twilio-Signature"] = "cut"
    assert status(started, webhook) == expected


def test_a_password_whose_variable_is_missing_does_not_open_the_door(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("server: { routes: { taskrouter: { basic_auth: \"${HOOKS_USER}\" } } }\n")
    done = harness.run_command("check-config", "--config", path, environment={
        "TWILIO_ACCOUNT_SID": harness.ACCOUNT_SID, "TWILIO_AUTH_TOKEN": "t",
        "BREVO_API_KEY": "k", "FLEXBREVO_PUBLIC_URL": harness.PUBLIC_URL})
    assert done[0] == 78
    assert "environment variable HOOKS_USER is not set" in done[2]
    assert "server.routes.taskrouter.basic_auth" in done[2]


# ---- addresses

def allowed(*networks, trusted=("127.0.0.1",)):
    return {"trusted_proxies": list(trusted), "routes": {
        name: {"allow_from": list(networks)} for name in ("taskrouter", "event-streams")}}


@pytest.mark.parametrize("route,refused", [(CALLBACK, 403), (STREAM, 503)])
def test_only_the_listed_addresses_are_served(serve, route, refused):
    started = serve(allowed("192.0.2.0/24", "2001:db8::/32"))
    for forwarded, expected in (
            ("192.0.2.9", 204), ("198.51.100.1, 192.0.2.9", 204), ("192.0.2.9, 127.0.0.1", 204),
            ("2001:db8::7", 204), ("[2001:db8::7]:443", 204), ("192.0.2.9:443", 204),
            ("192.0.2.9, 198.51.100.1", refused), ("198.51.100.1", refused),
            ("192.0.2.9, unknown", refused), ("127.0.0.1", refused), (None, refused),
            ("192.0.2.9,", refused)):
        webhook = request(route)
        webhook.headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
        assert status(started, webhook) == expected, forwarded
    said = lines(started, "request_rejected")
    assert len(said) == 1 and f"reason=source_address status={refused}" in said[0]
    assert "allow_from" in said[0]
    source = SOURCES[route]
    assert rejected(started, source, "source_address") == 6


def test_a_stranger_cannot_forward_himself_into_the_list(serve):
    started = serve(allowed("192.0.2.0/24", trusted=()))
    webhook = request(CALLBACK)
    webhook.headers["X-Forwarded-For"] = "192.0.2.9"
    assert status(started, webhook) == 403
    answer = started.caller().send(webhook)
    assert answer.error()["code"] == "source_address"


def test_without_a_proxy_the_connection_is_the_address(serve):
    started = serve(allowed("127.0.0.0/8", trusted=()))
    webhook = request(CALLBACK)
    webhook.headers["X-Forwarded-For"] = "198.51.100.1"     # nobody's word
    assert status(started, webhook) == 204


def test_the_right_address_proves_nothing(serve):
    started = serve(allowed("127.0.0.0/8", trusted=()))
    assert status(started, request(CALLBACK, token="0" * 32)) == 403
    assert rejected(started, "taskrouter", "signature_mismatch") == 1


# ---- survey

SURVEY = "/webhooks/flex/survey"
TOKEN = "survey-t0ken"


def survey(headers=None, kind=FORM, body=b"TaskSid=WT0123456789abcdef0123456789abcdef&Score=5"):
    return Webhook(SURVEY, {"Content-Type": kind} | (headers or {}), body)


def test_a_survey_may_be_signed(serve):
    started = serve()
    answer = {"TaskSid": harness.sid("WT"), "Score": "5"}
    assert status(started, Twilio().form(answer, SURVEY)) == 204
    assert status(started, Twilio().json(answer, SURVEY)) == 204
    unhashed = Twilio().json(answer, SURVEY)
    unhashed.path = SURVEY
    assert status(started, unhashed) == 403
    assert status(started, Twilio("0" * 32).form(answer, SURVEY)) == 403


@pytest.mark.parametrize("given,expected", [
    ("Bearer " + TOKEN, 204), ("bearer " + TOKEN, 204), (basic("anybody:" + TOKEN), 204),
    (basic(":" + TOKEN), 204), (basic(TOKEN), 204), ("Bearer " + TOKEN + "x", 403),
    ("Bearer " + TOKEN[:-1], 403), ("Bearer", 403), (basic(TOKEN + ":"), 403),
    (basic("user:"), 403), (TOKEN, 403), (None, 403)])
def test_a_survey_that_cannot_sign_knows_the_token(serve, given, expected):
    started = serve(flex={"survey_token": TOKEN})
    headers = {"Authorization": given} if given else {}
    assert status(started, survey(headers)) == expected
    assert status(started, survey(headers, "application/json", json.dumps(
        {"TaskSid": harness.sid("WT"), "Score": 5}).encode())) == expected
    reason = "no_token" if given is None else "survey_token"
    assert rejected(started, "survey", reason) == (0 if expected == 204 else 2)
    assert TOKEN not in started.log()


def test_the_whole_of_user_and_password_may_be_the_survey_token(serve):
    started = serve(flex={"survey_token": "user:pass"})
    assert status(started, survey({"Authorization": basic("user:pass")})) == 204
    assert status(started, survey({"Authorization": basic("user:other")})) == 403


def test_without_a_survey_token_only_a_signature_is_good(serve):
    started = serve(flex={"survey_token": ""})
    for given in (None, "Bearer ", "Bearer x", basic(":"), basic("user:")):
        answer = started.caller().send(survey({"Authorization": given} if given else {}))
        assert (answer.status, answer.error()["code"]) == (403, "unauthorized"), given
        assert "survey token" in answer.error()["message"]
    assert rejected(started, "survey", "no_signature") == 5


def test_a_wrong_signature_is_not_excused_by_the_survey_token(serve):
    started = serve(flex={"survey_token": TOKEN})
    webhook = Twilio("0" * 32).form({"TaskSid": harness.sid("WT")}, SURVEY)
    webhook.headers["Authorization"] = "Bearer " + TOKEN
    assert status(started, webhook) == 403


def test_the_survey_token_opens_no_other_door(serve):
    started = serve(flex={"survey_token": TOKEN})
    for path, kind in (("/webhooks/taskrouter", FORM), ("/webhooks/conversations", FORM),
                       ("/webhooks/event-streams", "application/json")):
        webhook = Webhook(path, {"Content-Type": kind, "Authorization": "Bearer " + TOKEN}, b"a=1")
        assert status(started, webhook) == 403, path


@pytest.mark.parametrize("body", [b"", b"&", b"&&", b"=", b"=&=&", b"&" * 100_000])
def test_a_signed_json_request_opens_the_door_to_no_form(serve, body):
    """Both are over the URL alone; one that was seen would be good for any number of bodies."""
    started = serve()
    webhook = Twilio().json({"TaskSid": harness.sid("WT"), "Score": 5}, "/webhooks/flex/survey")
    assert status(started, webhook) == 204
    webhook.headers["Content-Type"] = FORM
    webhook.body = body
    assert status(started, webhook) == 403
    assert started.metric("queue_accepted") == 1


@pytest.mark.parametrize("path", [
    "/webhooks/taskrouter", "/webhooks/conversations", "/webhooks/messaging",
    "/webhooks/flex/interactions", "/webhooks/flex/survey"])
def test_a_signature_over_the_url_alone_is_no_proof_of_a_body(serve, path):
    started = serve()
    webhook = Twilio().form({}, path)
    for body in (b"&", b"&&", b"=", b"=&="):
        webhook.body = body
        assert status(started, webhook) == 403
    assert started.metric("queue_accepted") == 0


# ---- two of them

@pytest.mark.parametrize("name", ["X-Twilio-Signature", "Authorization"])
@pytest.mark.parametrize("route", [CALLBACK, STREAM])
def test_two_proofs_are_none(serve, name, route):
    started = serve()
    webhook = request(route)
    webhook.headers.setdefault("Authorization", basic(USER))
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(started.url).netloc, timeout=5)
    connection.putrequest("POST", webhook.path)
    for header, value in [*webhook.headers.items(), (name, webhook.headers[name])]:
        connection.putheader(header, value)
    connection.putheader("Content-Length", str(len(webhook.body)))
    connection.endheaders(webhook.body)
    assert connection.getresponse().status == 400
    connection.close()
    assert rejected(started, SOURCES[route], "bad_request") == 1
    assert started.metric("queue_accepted") == 0


@pytest.mark.parametrize("route", [CALLBACK, STREAM])
@pytest.mark.parametrize("blanks", [" ", "\t", "  \t "])
def test_blanks_around_a_header_are_no_part_of_it(serve, blanks, route):
    started = serve(BOTH)
    webhook = request(route)
    webhook.headers["Authorization"] = basic(USER)
    webhook.headers["Content-Encoding"] = "identity"
    for name in webhook.headers:
        webhook.headers[name] = blanks + webhook.headers[name] + blanks
    assert status(started, webhook) == 204


# ---- what an operator sees

def test_a_form_as_large_as_any_body_is_verified(serve):
    started = serve()
    limit = 4 * 1024 * 1024
    fields = Task().callback("task.created")
    room = limit - len(Twilio().form(fields | {"Padding": ""}).body)
    assert status(started, Twilio().form(fields | {"Padding": "x" * room})) == 204
    answer = started.caller().send(Twilio().form(fields | {"Padding": "x" * (room + 1)}))
    assert (answer.status, answer.error()["code"]) == (413, "too_large")


def test_each_token_in_use_is_counted(serve):
    old, other = "0" * 31 + "1", "0" * 31 + "2"
    started = serve(flex={"auth_tokens": [old, other]})
    for token, count in ((harness.AUTH_TOKEN, 3), (other, 2)):
        for _ in range(count):
            assert status(started, request(CALLBACK, token=token)) == 204
    assert status(started, request(CALLBACK, token="0" * 32)) == 403
    counted = {name: value for name, value in started.metrics().items()
               if "requests_verified_total" in name}
    assert counted == {'flexbrevo_requests_verified_total{token="auth_token"}': 3,
                       'flexbrevo_requests_verified_total{token="auth_tokens[1]"}': 2}


def test_without_an_auth_token_the_ring_keeps_its_numbers(serve):
    started = serve(flex={"auth_token": None, "auth_tokens": ["0" * 31 + "1", harness.AUTH_TOKEN]})
    assert status(started, request(CALLBACK)) == 204
    assert started.metric('requests_verified_total{token="auth_tokens[1]"}') == 1


def test_when_no_signature_verifies_there_is_an_alarm_until_one_does(serve):
    started = serve()
    assert started.metrics()["flexbrevo_signatures_failing"] == 0
    caller = started.caller()
    for number in range(40):
        assert started.metric("signatures_failing") == (1 if number >= 20 else 0), number
        route, refused = ((CALLBACK, 403), (STREAM, 503))[number % 2]
        assert caller.send(request(route, token="0" * 32)).status == refused
    assert len(lines(started, "signatures_failing")) == 1
    assert "error signatures_failing" in lines(started, "signatures_failing")[0]
    assert caller.send(request(CALLBACK)).status == 204
    assert started.metric("signatures_failing") == 0
    assert len(lines(started, "signatures_recovered")) == 1
    for _ in range(40):                     # a stranger, while Twilio's verify
        assert caller.send(request(CALLBACK, token="0" * 32)).status == 403
    assert started.metric("signatures_failing") == 0
    assert len(lines(started, "signatures_failing")) == 1


def test_what_is_malformed_raises_no_alarm(serve):
    started = serve()
    caller = started.caller()
    for _ in range(30):
        webhook = request(CALLBACK)
        webhook.headers["X-Twilio-Signature"] = "nonsense"
        assert caller.send(webhook).status == 403
    assert started.metric("signatures_failing") == 0


def test_the_log_names_the_urls_that_were_tried_and_nothing_private(serve):
    started = serve({**TRUSTED, "public_url": LISTED, "routes": {
        "conversations": {"basic_auth": USER}}}, {"auth_tokens": ["0" * 31 + "1"]})
    path = "/webhooks/taskrouter?site=private-site&b&+1555-private=1&bodySHA256=private-hash"
    webhook = Twilio("0" * 32).form(Task().callback("task.completed"), path)
    webhook.headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "proxy.example.com"}
    assert status(started, webhook) == 403
    conversation = Twilio("0" * 32).form({"EventType": "x"}, "/webhooks/conversations")
    assert status(started, conversation) == 403

    said = lines(started, "signature_tried")
    names = "/webhooks/taskrouter?site&b&*&bodySHA256"
    assert [line.partition(" url=")[2] for line in said[:3]] == [
        f'"https://hooks.example.com{names}" or="https://hooks.example.com:443{names}"',
        f'"https://other.example.com:8443/in{names}" or="https://other.example.com/in{names}"',
        f'"https://proxy.example.com{names}" or="https://proxy.example.com:443{names}"']
    assert all("source=taskrouter tokens=2 " in line for line in said[:3])
    assert len(said) == 5 and all("source=conversations" in line for line in said[3:])
    log = started.log()
    for private in ("private", "s3cret", "0" * 31, webhook.headers["X-Twilio-Signature"],
                    conversation.headers["X-Twilio-Signature"]):
        assert private not in log, private
    good = harness.Twilio().form(Task().callback("task.completed"), path)
    assert good.headers["X-Twilio-Signature"] not in log


def test_a_flood_of_wrong_signatures_is_few_lines(serve):
    started = serve()
    caller = started.caller()
    for _ in range(100):
        assert caller.send(request(CALLBACK, token="0" * 32)).status == 403
    assert len(lines(started, "signature_tried")) == 1
    assert len(lines(started, "request_rejected")) == 1
