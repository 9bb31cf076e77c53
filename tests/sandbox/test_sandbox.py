"""The sandbox keeps Brevo's documented rules: what it lets pass, Brevo would let pass."""

import base64
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

import brevo_sandbox
import brevo_schema
import brevo_tokens
import fake_iam
import http_service

EVENT = {"event_name": "SUPPORT_RESOLVED", "identifiers": {"email_id": "jane@example.com"},
         "event_date": "2026-01-01T00:00:00.123Z", "event_properties": {"duration_s": 412}}
JANUARY = "startDate=2026-01-01&endDate=2026-01-31"        # without: the last six months
CONTACT = {"email": "jane@example.com", "updateEnabled": True,
           "attributes": {"FIRSTNAME": "Jane", "SMS": "+34600111222"}}
WORKER = "WK0123456789abcdef0123456789abcdef"
ACCOUNT = "AC0123456789abcdef0123456789abcdef"


class Client:
    """One kept-alive connection."""

    def __init__(self, url, headers=None):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
        self.headers = headers or {}

    def call(self, method, path, body=None, headers=None):
        raw = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if raw is not None else {}
        self.connection.request(
            method, path, raw, {**self.headers, **kind, **(headers or {})})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.getheader("Content-Type") == "application/json":
            text = json.loads(text)
        return answer.status, text, answer.headers

    def post(self, path, body):
        return self.call("POST", path, body)[:2]

    def get(self, path):
        return self.call("GET", path)[:2]


@pytest.fixture
def start():
    started = []

    def start_service(service):
        server = http_service.Server(service).start()
        client = Client(server.url, {"api-key": "xkeysib-test"})
        started.append((server, client))
        return client

    yield start_service
    for server, client in started:
        client.connection.close()
        server.stop()


@pytest.fixture
def brevo(start):
    return start(brevo_sandbox.Brevo(rps=0))


# ---- keys and limits

def test_no_key_and_a_wrong_key_are_told_apart(start):
    client = start(brevo_sandbox.Brevo(api_key="xkeysib-right"))
    assert client.get("/v3/account") == (
        401, {"code": "unauthorized", "message": "Key not found"})
    client.headers = {}
    assert client.get("/v3/account") == (
        401, {"code": "unauthorized", "message": "authentication not found in headers"})
    client.headers = {"api-key": "xkeysib-right"}
    assert client.get("/v3/account")[0] == 200


def test_a_token_is_given_for_id_secret_and_scope_and_taken_while_it_lives(start):
    service = brevo_sandbox.Brevo(api_key="right")
    service.tokens = brevo_tokens.Tokens("app", "s:e+c")
    client = start(service)
    client.headers = {}
    basic = "Basic " + base64.b64encode(b"app:s%3Ae%2Bc").decode()
    form = b"grant_type=client_credentials&scope=contacts%3Aread%20events:write"

    def ask(body=form, authorization=basic):
        return client.call("POST", brevo_tokens.PATH, body, {
            "Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization})

    assert ask(authorization="Basic " + base64.b64encode(b"app:s:e+c").decode())[0] == 401
    assert ask(form.replace(b"events", b"loyalty"))[1]["error"] == "invalid_scope"
    assert ask(b"grant_type=password")[1]["error"] == "unsupported_grant_type"
    status, answer, _ = ask()
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)
    client.headers = {"Authorization": "Bearer " + answer["access_token"]}
    assert client.post("/v3/contacts", CONTACT)[0] == 201
    service.tokens.revoke()
    assert client.post("/v3/contacts", CONTACT)[0] == 401


def test_every_answer_tells_the_rate_limit(brevo):
    for path in ("/v3/account", "/v3/contacts/nobody%40example.com", "/v3/nowhere"):
        headers = brevo.call("GET", path)[2]
        for name in ("limit", "remaining", "reset"):
            assert headers["x-sib-ratelimit-" + name].isdigit()


def test_over_the_limit_is_429_and_the_next_second_is_not(start):
    client = start(brevo_sandbox.Brevo(rps=3))
    client.post("/v3/contacts", CONTACT)
    answers = [client.call("POST", "/v3/events", EVENT) for _ in range(4)]
    assert [answer[0] for answer in answers] == [204, 204, 204, 429]
    assert [answer[2]["x-sib-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    deadline = time.monotonic() + 5
    while client.post("/v3/events", EVENT)[0] == 429:
        assert time.monotonic() < deadline


def test_contacts_and_events_have_limits_of_their_own(start):
    client = start(brevo_sandbox.Brevo(rps=1))
    assert client.post("/v3/contacts", CONTACT)[0] == 201
    assert client.post("/v3/events", EVENT)[0] == 204
    assert client.get("/v3/contacts/attributes")[0] == 429


def test_what_is_neither_has_a_hundred_an_hour(start):
    client = start(brevo_sandbox.Brevo())
    answers = [client.call("GET", "/v3/account") for _ in range(101)]
    assert [answer[0] for answer in answers].count(200) == 100
    assert answers[-1][0] == 429
    assert int(answers[-1][2]["x-sib-ratelimit-reset"]) > 3000


# ---- contacts

def test_a_contact_is_created_once_then_updated(brevo):
    assert brevo.post("/v3/contacts", CONTACT) == (201, {"id": 1})
    assert brevo.post("/v3/contacts", CONTACT) == (204, b"")
    assert brevo.post("/v3/contacts", {**CONTACT, "email": "Jane@Example.com"}) == (204, b"")


def test_without_update_enabled_an_existing_contact_is_refused(brevo):
    brevo.post("/v3/contacts", CONTACT)
    status, body = brevo.post("/v3/contacts", {"email": "jane@example.com"})
    assert (status, body["code"]) == (400, "duplicate_parameter")
    assert body["message"] == "Contact already exist"


def test_a_phone_of_another_contact_refuses_the_whole_contact(brevo):
    brevo.post("/v3/contacts", CONTACT)
    status, body = brevo.post("/v3/contacts", {**CONTACT, "email": "joe@example.com"})
    assert status == 400
    assert body["metadata"] == {"duplicate_identifiers": ["SMS"]}
    assert body["message"] == \
        "Unable to create contact, SMS is already associated with another Contact"
    assert brevo.get("/v3/contacts/joe%40example.com")[0] == 404


def test_an_invalid_phone_refuses_the_whole_contact(brevo):
    for phone in ("client:anonymous", "+0123456", "12", "", 34600111222):
        status, body = brevo.post("/v3/contacts", {**CONTACT, "attributes": {"SMS": phone}})
        assert (status, body) == (
            400, {"code": "invalid_parameter", "message": "Invalid phone number"}), phone


def test_unknown_and_mistyped_attributes_vanish_in_silence(brevo):
    lost = {"NO_SUCH": "x", "firstname": "x", "CSAT_SCORE": "4", "LAST_SUPPORT_DATE":
            "2026-01-01T00:00:00Z", "VIP_TIER": 3}
    kept = {"AVG_WAIT_TIME": 41.5, "LASTNAME": "Doe"}
    assert brevo.post("/v3/contacts", {**CONTACT, "attributes": {**lost, **kept}})[0] == 201
    assert brevo.get("/v3/contacts/1")[1]["attributes"] == kept
    assert brevo.get("/sandbox/log")[1][0]["ignored"] == list(lost)


def test_what_brevo_refuses_in_a_contact(brevo):
    for body, code in (
            ({"attributes": {"FIRSTNAME": "Jane"}}, "missing_parameter"),
            ({"email": "jane"}, "invalid_parameter"),
            ({**CONTACT, "attributes": {"EMAIL": "jane@example.com"}}, "invalid_parameter"),
            ({**CONTACT, "attributes": {"FIRSTNAME": None}}, "invalid_parameter"),
            ({**CONTACT, "listIds": [99]}, "invalid_parameter"),
            ({**CONTACT, "listIds": ["32"]}, "invalid_parameter"),
            ([], "bad_request")):
        status, answer = brevo.post("/v3/contacts", body)
        assert (status, answer["code"]) == (400, code), body


def test_flags_that_override_people_are_violations(brevo):
    for flag in ("emailBlacklisted", "smsBlacklisted", "forceMerge"):
        brevo.post("/v3/contacts", {**CONTACT, flag: False})
    violations = brevo.get("/sandbox/violations")[1]
    assert [text.split()[0] for text in violations] == [
        "emailBlacklisted", "smsBlacklisted", "forceMerge"]


def test_phones_come_back_as_digits_and_find_the_contact(brevo):
    brevo.post("/v3/contacts", CONTACT)
    for phone in ("%2B34600111222", "34600111222", "0034600111222"):
        status, body = brevo.get(f"/v3/contacts/{phone}?identifierType=phone_id")
        assert (status, body["attributes"]["SMS"]) == (200, "34600111222")


def test_a_contact_with_only_a_phone_shows_a_synthetic_email(brevo):
    brevo.post("/v3/contacts", {"attributes": {"SMS": "+34600111222"}, "updateEnabled": True})
    assert brevo.get("/v3/contacts/1")[1]["email"] == "34600111222@mailin-sms.com"


def test_put_updates_and_never_creates(brevo):
    path = "/v3/contacts/jane%40example.com?identifierType=email_id"
    status, body, _ = brevo.call("PUT", path, {"attributes": {"FIRSTNAME": "J"}})
    assert (status, body["code"]) == (404, "document_not_found")
    brevo.post("/v3/contacts", {**CONTACT, "listIds": [32]})
    changes = {"attributes": {"FIRSTNAME": "J"}, "listIds": [33], "unlinkListIds": [32]}
    assert brevo.call("PUT", path, changes)[0] == 204
    contact = brevo.get(path)[1]
    assert (contact["attributes"]["FIRSTNAME"], contact["listIds"]) == ("J", [33])


# ---- events

def test_an_event_is_accepted_and_kept(brevo):
    brevo.post("/v3/contacts", CONTACT)
    assert brevo.post("/v3/events", EVENT) == (204, b"")
    listed = brevo.get("/v3/events?" + JANUARY)[1]
    assert (listed["count"], listed["events"][0]["contact_id"]) == (1, 1)
    assert brevo.get("/sandbox/violations")[1] == []


def test_an_event_before_its_contact_is_a_violation(brevo):
    assert brevo.post("/v3/events", EVENT)[0] == 204
    assert brevo.get("/sandbox/violations")[1] == [
        "SUPPORT_RESOLVED was sent before its contact was created"]


BAD_EVENTS = (
    {**EVENT, "event_name": "task.completed"},
    {**EVENT, "event_name": "x" * 256},
    {**EVENT, "identifiers": {}},
    {**EVENT, "identifiers": {"email": "jane@example.com"}},
    {**EVENT, "identifiers": {"phone_id": "client:anonymous"}},
    {**EVENT, "event_date": "2026-01-01"},
    {**EVENT, "event_date": "2026-13-01T00:00:00Z"},
    {**EVENT, "event_date": 1767225600},
    {**EVENT, "event_properties": {"a.b": 1}},
    {**EVENT, "event_properties": {"a": None}},
    {**EVENT, "event_properties": {"a": {"b": None}}},
    {**EVENT, "contact_properties": {"firstname": "Jane"}},
    {**EVENT, "surprise": 1},
    {"identifiers": EVENT["identifiers"]},
)


@pytest.mark.parametrize("event", BAD_EVENTS, ids=range(len(BAD_EVENTS)))
def test_what_brevo_refuses_in_an_event(brevo, event):
    status, body = brevo.post("/v3/events", event)
    assert status == 400 and body["code"] == "invalid_parameter"
    assert brevo.get("/sandbox/events")[1] == []


def test_event_properties_over_50_kb_are_refused(brevo):
    text = "x" * (50 * 1024 - len('{"text": ""}'))
    assert brevo.post("/v3/events", {**EVENT, "event_properties": {"text": text}})[0] == 204
    assert brevo.post("/v3/events", {**EVENT, "event_properties": {"text": text + "x"}})[0] == 400


def test_a_batch_tells_each_failure_by_index(brevo):
    brevo.post("/v3/contacts", CONTACT)
    nameless = {"identifiers": EVENT["identifiers"]}
    nobody = {**EVENT, "identifiers": {}}
    batch = {"events": [EVENT, nameless, EVENT, nobody, nameless]}
    status, body = brevo.post("/v3/events/batch", batch)
    assert (status, body["status"]) == (207, "partiallyQueued")
    assert (body["total_events"], body["successful_events"], body["failed_events"]) == (5, 2, 3)
    assert body["errors"] == [
        {"eventIndex": [1, 4], "message": "undefined event_name"},
        {"eventIndex": [3], "message": "Please pass at least one identifier or contact id"}]
    assert len(brevo.get("/sandbox/events")[1]) == 2


def test_a_batch_is_all_good_or_all_bad_or_no_batch(brevo):
    assert brevo.post("/v3/events/batch", {"events": [EVENT] * 200}) == (
        202, {"message": "events queued", "count": 200})
    status, body = brevo.post("/v3/events/batch", {"events": [{}]})
    assert (status, body["status"], body["successful_events"]) == (400, "failed", 0)
    big = {**EVENT, "event_properties": {"text": "x" * 45_000}}
    for batch in ([EVENT], {"events": []}, {"events": [EVENT] * 201}, {"events": [big] * 12}):
        status, body = brevo.post("/v3/events/batch", batch)
        assert (status, body["code"]) == (400, "invalid_parameter")


def test_events_are_listed_newest_first_by_page_and_window(brevo):
    brevo.post("/v3/contacts", CONTACT)
    for day in (2, 1, 3):
        brevo.post("/v3/events", {**EVENT, "event_date": f"2026-01-0{day}T00:00:00Z"})
    dates = [event["event_date"][9] for event in brevo.get("/v3/events?limit=2&" + JANUARY)[1]["events"]]
    assert dates == ["3", "2"]
    window = "/v3/events?startDate=2026-01-02&endDate=2026-01-03"
    assert brevo.get(window)[1]["count"] == 2
    window = "/v3/events?startDate=2026-01-02T00:00:01Z&endDate=2026-01-03T00:00:00Z"
    assert brevo.get(window)[1]["count"] == 1
    assert brevo.get("/v3/events?startDate=2026-01-02")[0] == 400
    assert brevo.get("/v3/events?startDate=2026-01-02&endDate=2026-01-01")[0] == 400
    assert brevo.get("/v3/events?startDate=x&endDate=2026-01-01")[0] == 400
    assert brevo.get("/v3/events?limit=0")[0] == 400


def test_events_are_listed_of_the_contacts_and_names_asked_for(brevo):
    for email in ("jane@example.com", "joe@example.com"):
        brevo.post("/v3/contacts", {"email": email})
        for name in ("A", "B"):
            brevo.post("/v3/events", {"event_name": name, "identifiers": {"email_id": email}})

    def listed(query):
        return {(event["contact_id"], event["event_name"])
                for event in brevo.get("/v3/events?" + query)[1]["events"]}

    assert listed("contact_id=1&event_name=A") == {(1, "A")}
    assert listed("contact_id=1&contact_id=2&event_name=A") == {(1, "A"), (2, "A")}
    assert listed("event_name=A&event_name=B") == {(n, name) for n in (1, 2) for name in "AB"}
    assert brevo.get("/v3/events?contact_id=jane")[0] == 400


def test_an_old_event_is_listed_where_it_is_asked_for(brevo):
    brevo.post("/v3/events", {**EVENT, "event_date": "2020-01-01T00:00:00Z"})
    assert brevo.get("/v3/events")[1] == {"events": [], "count": 0}
    assert brevo.get("/v3/events?startDate=2019-12-31&endDate=2020-01-01")[1]["count"] == 1


def test_events_may_be_shown_later_than_they_are_taken(brevo):
    brevo.post("/sandbox/faults", {"fault": "late_events", "seconds": 60})
    brevo.post("/v3/events", EVENT)
    assert brevo.get("/v3/events?" + JANUARY)[1]["count"] == 0
    brevo.call("DELETE", "/sandbox/faults")
    assert brevo.get("/v3/events?" + JANUARY)[1]["count"] == 1


# ---- the rest of the API

def test_attributes_can_be_listed_and_created_once(brevo):
    listed = brevo.get("/v3/contacts/attributes")[1]["attributes"]
    names = [attribute["name"] for attribute in listed]
    assert {"FLEX_IDENTITY", "FIRSTNAME", "SMS", "WHATSAPP", "VIP_TIER", "ACCOUNT_ID"} <= set(names)
    path = "/v3/contacts/attributes/normal/CITY"
    assert brevo.post(path, {"type": "number"})[0] == 400
    assert brevo.post(path, {"type": "text"}) == (201, b"")
    assert brevo.post(path, {"type": "text"})[0] == 400


def test_lists_can_be_created_listed_and_joined(brevo):
    assert brevo.post("/v3/contacts/lists", {"name": "vip", "folderId": 1}) == (201, {"id": 34})
    assert brevo.get("/v3/contacts/lists?limit=50")[1]["count"] == 3
    assert brevo.get("/v3/contacts/lists/34")[1]["name"] == "vip"
    assert brevo.get("/v3/contacts/lists/99")[0] == 404
    brevo.post("/v3/contacts", CONTACT)
    path = "/v3/contacts/lists/34/contacts/add"
    emails = {"emails": ["jane@example.com", "joe@example.com"]}
    assert brevo.post(path, emails) == (
        201, {"contacts": {"success": ["jane@example.com"], "failure": ["joe@example.com"]}})
    assert brevo.post(path, emails)[1]["message"] == "Contact already in list and/or does not exist"
    assert brevo.post("/v3/contacts/lists/99/contacts/add", emails)[0] == 404


def test_bad_json_wrong_type_path_and_method(brevo):
    assert brevo.post("/v3/events", b"{")[0] == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert brevo.call("POST", "/v3/events", b"a=1", form)[0] == 415
    assert brevo.get("/v3/nowhere")[0] == 404
    assert brevo.call("DELETE", "/v3/events")[0] == 405


# ---- faults, log, control

@pytest.mark.parametrize("name,status,text", [
    ("ip_blocked", 401, "authorised_ips"), ("key_revoked", 401, "Key not found"),
    ("forbidden", 403, "permission_denied"), ("payment", 402, "not_enough_credits"),
    ("rate_limited", 429, "rate limit"), ("html_524", 524, "<!DOCTYPE html>"),
    ("empty_500", 500, ""), ("object_500", 500, "{}")])
def test_a_named_fault_hits_as_often_as_asked_and_has_no_effect(brevo, name, status, text):
    brevo.post("/v3/contacts", CONTACT)
    asked = {"endpoint": "POST /events", "fault": name, "count": 2}
    assert brevo.post("/sandbox/faults", asked)[0] == 204
    assert brevo.post("/v3/contacts", CONTACT)[0] == 204
    for _ in range(2):
        answered, body = brevo.post("/v3/events", EVENT)
        assert answered == status
        assert text in (body.decode() if isinstance(body, bytes) else json.dumps(body))
    assert brevo.post("/v3/events", EVENT)[0] == 204
    assert len(brevo.get("/sandbox/events")[1]) == 1


def test_429_comes_with_the_reset_asked_for_or_without_headers(brevo):
    brevo.post("/sandbox/faults", {"fault": "rate_limited", "reset": 45})
    brevo.post("/sandbox/faults", {"fault": "rate_limited"})
    assert brevo.call("GET", "/v3/account")[2]["x-sib-ratelimit-reset"] == "45"
    assert brevo.call("GET", "/v3/account")[2]["x-sib-ratelimit-reset"] is None


@pytest.mark.parametrize("fault", [
    {"fault": "close", "apply": True}, {"fault": "close"},
    {"fault": "hang", "seconds": 0.05, "apply": True}])
def test_a_request_hung_up_on_took_effect_or_not_as_asked(brevo, fault):
    brevo.post("/v3/contacts", CONTACT)
    brevo.post("/sandbox/faults", {**fault, "endpoint": "POST /events"})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        brevo.post("/v3/events", EVENT)
    brevo.connection.close()
    assert len(brevo.get("/sandbox/events")[1]) == int(fault.get("apply", False))
    entry = brevo.get("/sandbox/log")[1][-1]
    assert (entry["answered"], entry["fault"]) == (False, fault["fault"])


def test_a_delay_answers_late_and_right(brevo):
    brevo.post("/sandbox/faults", {"fault": "delay", "seconds": 0.2})
    began = time.monotonic()
    assert brevo.get("/v3/account")[0] == 200
    assert time.monotonic() - began >= 0.2


def test_an_unknown_fault_is_refused(brevo):
    for asked in ({"fault": "fire"}, {}, {"fault": "close", "colour": 1}):
        assert brevo.post("/sandbox/faults", asked)[0] == 400


def test_the_log_tells_everything_and_reset_forgets_it(brevo):
    brevo.post("/v3/contacts", CONTACT)
    brevo.post("/v3/events", b"{")
    first, second = brevo.get("/sandbox/log")[1]
    assert (first["method"], first["path"], first["status"]) == ("POST", "/contacts", 201)
    assert (first["body"], second["body"], second["status"]) == (CONTACT, "{", 400)
    assert brevo.get("/sandbox/log?after=1")[1] == [second]
    assert brevo.call("DELETE", "/sandbox")[0] == 204
    assert brevo.get("/sandbox/log")[1] == brevo.get("/sandbox/contacts")[1] == []


def test_calls_are_counted_by_endpoint(brevo):
    brevo.post("/v3/contacts", CONTACT)
    brevo.get("/v3/contacts/jane%40example.com?identifierType=email_id")
    brevo.get("/v3/contacts/1")
    brevo.post("/v3/events", {})
    assert brevo.get("/sandbox/calls")[1] == {
        "POST /contacts": 1, "GET /contacts/{}": 2, "POST /events": 1}


def test_a_restored_sandbox_is_the_same_account_and_tells_what_it_saw_before(start, tmp_path):
    log, lines = str(tmp_path / "log"), []
    first = start(brevo_sandbox.Brevo(rps=0, log_file=log))
    first.post("/v3/contacts", CONTACT)
    first.post("/v3/events", EVENT)
    first.post("/v3/events", {})
    with open(log, "a", encoding="utf-8") as file:
        file.write('{"cut sho')
    restored = brevo_sandbox.Brevo(rps=0, pretty=lines.append)
    restored.restore(log)
    second = start(restored)
    for page in ("contacts", "events"):
        old, new = (client.get("/sandbox/" + page)[1] for client in (first, second))
        assert [{**item, "createdAt": 0, "modifiedAt": 0} for item in old] == \
            [{**item, "createdAt": 0, "modifiedAt": 0} for item in new]
    assert lines == []
    second.post("/v3/events", EVENT)
    assert lines[0].startswith("Brevo received an event   SUPPORT_RESOLVED  jane@example.com")
    assert lines[0].endswith("SEEN BEFORE")


def reaches(client):
    try:
        return client.get("/sandbox/contacts")[1]
    except OSError:
        client.connection.close()
        return None


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_that_was_away_is_the_same_account_at_the_same_place():
    with subprocess.Popen([sys.executable, brevo_sandbox.__file__], stdout=subprocess.PIPE,
                          text=True) as process:
        client = Client(process.stdout.readline().split()[-1], {"api-key": "x"})
        client.post("/v3/contacts", CONTACT)
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: reaches(client) is None)
        process.send_signal(signal.SIGUSR2)
        wait_for(lambda: reaches(client) is not None)
        assert [contact["email"] for contact in reaches(client)] == ["jane@example.com"]
        client.connection.close()
        process.terminate()
        assert process.wait() == 0


def test_many_connections_at_once_lose_nothing(start):
    service = brevo_sandbox.Brevo(rps=0)
    first = start(service)
    first.post("/v3/contacts", CONTACT)

    def post():
        client = Client("http://" + first.connection.host + ":" + str(first.connection.port),
                        first.headers)
        for _ in range(50):
            assert client.post("/v3/events", EVENT)[0] == 204
        client.connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(service.account.events) == 400


# ---- against a machine-readable description of the API, where there is one

needs_description = pytest.mark.skipif(brevo_schema.described() is None,
                                       reason=brevo_schema.NOTHING_AT_HAND)

# What the sandbox itself would let pass, or refuses without a word of what is wrong with it.
UNDESCRIBED = (
    ("POST", "/contacts", {"attributes": {"FIRSTNAME": "Jane"}}, "POST /contacts: body: "),
    ("POST", "/contacts", {"email": "jane"}, "POST /contacts: body['email']: "),
    ("POST", "/contacts", {**CONTACT, "attributes": {"firstname": "x"}}, "body['attributes']: "),
    ("POST", "/contacts", {**CONTACT, "tags": []}, "POST /contacts: body: "),
    ("PUT", "/contacts/1?identifierType=contact_id", {"getId": True},
     "PUT /contacts/{identifier}: body: "),
    ("PUT", "/contacts/1?identifierType=number", {}, "identifierType: "),
    ("GET", "/contacts/1?kind=contact_id", None, "kind is not described"),
    ("POST", "/events", {**EVENT, "event_date": "2026-13-01T00:00:00Z"}, "body['event_date']: "),
    ("POST", "/events", b'{"event_name": "A', "its body is no JSON"),
    ("POST", "/events/batch", [EVENT], "POST /events/batch: body: "),
    ("POST", "/events/batch", {"events": [EVENT, {**EVENT, "event_properties": {"a": None}}]},
     "body['events'][1]['event_properties']['a']: "),
    ("GET", "/events?limit=0", None, "limit: "),
    ("GET", "/events?contact_id=jane", None, "contact_id[0]: "),
    ("POST", "/track/event", EVENT, "POST /track/event is not described"),
)


@needs_description
def test_what_does_not_fit_the_description_is_a_violation_whatever_is_answered(brevo):
    for fault in (None, "html_524", "close"):
        for method, path, body, problem in UNDESCRIBED:
            brevo.call("DELETE", "/sandbox")
            if fault:
                brevo.post("/sandbox/faults", {"fault": fault})
            try:
                brevo.call(method, "/v3" + path, body)
            except (http.client.RemoteDisconnected, ConnectionResetError):
                brevo.connection.close()
            said = brevo.get("/sandbox/violations")[1]
            assert [problem in text for text in said].count(True) == 1, (fault, problem, said)
            assert brevo.get("/sandbox/described")[1] == 1


@needs_description
def test_what_fits_the_description_is_none(brevo):
    calls = (("POST", "/contacts", CONTACT), ("POST", "/events", EVENT),
             ("POST", "/events/batch", {"events": [EVENT] * 200}),
             ("PUT", "/contacts/jane%40example.com?identifierType=email_id", {"ext_id": "x"}),
             ("GET", "/contacts/34600111222?identifierType=phone_id", None),
             ("GET", "/contacts/attributes", None), ("GET", "/account", None),
             ("GET", "/events?contact_id=1&contact_id=2&event_name=A&limit=9&" + JANUARY, None))
    for method, path, body in calls:
        assert brevo.call(method, "/v3" + path, body)[0] < 300
    assert brevo.get("/sandbox/violations")[1] == []
    assert brevo.get("/sandbox/described")[1] == len(calls)


@needs_description
def test_the_sandbox_agrees_with_the_api_description(brevo):
    jsonschema = pytest.importorskip("jsonschema")
    paths = json.loads(brevo_schema.description().read_text())["paths"]
    good_events = [EVENT, {k: EVENT[k] for k in ("event_name", "identifiers")},
                   {**EVENT, "identifiers": {"phone_id": "+34600111222"}},
                   {**EVENT, "event_properties": {"a": 1.5, "b": True, "c": [1], "d": {"e": "f"}}},
                   {**EVENT, "event_date": "2026-01-01T00:00:00+01:00"}]
    contacts = [CONTACT, {"email": "a@example.com"}, {"ext_id": "x-1"},
                {"attributes": {"WHATSAPP": "+34600111223"}}, {"attributes": {"FIRSTNAME": "x"}},
                {"email": "jane"}, {**CONTACT, "attributes": {"SMS": "client:jane"}}]
    for path, bodies in (("/events", good_events + list(BAD_EVENTS)), ("/contacts", contacts),
                         ("/events/batch", [{"events": good_events}, [EVENT], {"events": []},
                                            {"events": [EVENT] * 201}])):
        schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        checker = jsonschema.Draft202012Validator(
            schema, format_checker=brevo_schema.formats(jsonschema))
        for body in bodies:
            brevo.call("DELETE", "/sandbox")
            accepted = brevo.post("/v3" + path, body)[0] in (201, 202, 204)
            assert accepted == (checker.is_valid(body) and body not in STRICTER), body


@needs_description
def test_what_the_sandbox_lists_is_as_the_description_has_it(brevo):
    jsonschema = pytest.importorskip("jsonschema")
    paths = json.loads(brevo_schema.description().read_text())["paths"]
    described = paths["/events"]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    brevo.post("/v3/contacts", CONTACT)
    brevo.post("/v3/events", EVENT)
    for query in (JANUARY, "contact_id=2"):
        jsonschema.validate(brevo.get("/v3/events?" + query)[1], schema)


# a null inside a nested object, which the description does not look into
STRICTER = [{**EVENT, "event_properties": {"a": {"b": None}}}]


# ---- the fake IAM

def test_iam_answers_by_what_the_token_says(start):
    iam = start(fake_iam.Iam(ACCOUNT, "secret"))
    basic = base64.b64encode(f"{ACCOUNT}:secret".encode()).decode()
    iam.headers = {"Authorization": "Basic " + basic}
    path = f"/v1/Accounts/{ACCOUNT}/Tokens/validate"
    status, body = iam.post(path, {"token": fake_iam.flex_token(WORKER)})
    assert (status, body["valid"], body["worker_sid"]) == (200, True, WORKER)
    assert iam.post(path, {"token": "eyJ.expired"})[1]["valid"] is False
    iam.headers = {}
    assert iam.post(path, {"token": fake_iam.flex_token(WORKER)}) == (401, fake_iam.UNAUTHORIZED)
    iam.post("/sandbox/faults", {"fault": "server_error"})
    assert iam.post(path, {"token": "x"}) == (500, {})
    assert len(iam.get("/sandbox/log")[1]) == 4
