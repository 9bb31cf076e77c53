"""explain: says what a captured body becomes, by the rules the server has, and sends nothing."""
import hashlib
import json
import time
import urllib.parse

import pytest

import harness

SID = "0123456789abcdef0123456789abcdef"
TASK = "WT" + SID
EVENT = "EV" + SID
BASE = {"EventType": "task.completed", "Sid": EVENT, "TaskSid": TASK, "TaskAge": "912"}
ATTRIBUTES = {"email": "lena@example.org", "direction": "inbound", "channelType": "sms"}


def form(**changes):
    fields = {**BASE, "TimestampMs": str(int(time.time() * 1000)),
              "TaskAttributes": json.dumps(ATTRIBUTES), **changes}
    return urllib.parse.urlencode({n: v for n, v in fields.items() if v is not None}).encode()


def cloud_event(kind="taskrouter.task.created", **payload):
    return {"specversion": "1.0", "type": "com.twilio." + kind, "id": "EZ" + SID,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "data": {"payload": {"eventtype": "task.created", "task_sid": TASK,
                                 "task_attributes": json.dumps(ATTRIBUTES), **payload}}}


def explain(source, body, *more, environment=None):
    status, out, err = harness.run_command(
        "explain", "--source", source, "-", "--json", *more, data=body, environment=environment)
    assert (status, err) == (0, "")
    explanation = json.loads(out)
    assert explanation["source"] == source
    return explanation["records"]


def test_shows_record_event_rules_and_the_exact_requests():
    record, = explain("taskrouter", form())

    assert record["record_key"] == "task.completed/" + TASK
    assert record["verdict"] == "deliver"
    assert record["event"]["effect_key"] == "resolved/" + TASK
    assert record["event"]["customer"] == {"email": "lena@example.org"}
    assert "customer: by email" in record["trace"]
    lookup, contact, event = record["requests"]
    assert (lookup["method"], lookup["path"]) == (
        "GET", "/contacts/lena%40example.org?identifierType=email_id")
    assert (contact["method"], contact["path"]) == ("POST", "/contacts")
    assert contact["body"]["email"] == "lena@example.org"
    assert (event["method"], event["path"]) == ("POST", "/events")
    assert event["body"]["event_name"] == "SUPPORT_RESOLVED"
    assert event["body"]["event_properties"]["source_event_id"] == EVENT


def counts(tmp_path, body, **changes):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(changes))
    record, = explain("taskrouter", body, "--config", config)
    return record.get("counts")


def test_shows_what_is_counted_of_queues_and_agents(tmp_path):
    canceled = form(EventType="task.canceled", TaskCanceledReason="hangup", TaskAge="61",
                    TaskQueueName="Support ES")
    assert counts(tmp_path, canceled) == {
        "abandoned sms inbound Support ES": 1, "abandon sms inbound Support ES": 1,
        "abandon_ms sms inbound Support ES": 61000}
    assert counts(tmp_path, canceled, analytics={"retention": "0"}) is None
    assert counts(tmp_path, form(EventType="task.created")) is None
    lunch = form(EventType="worker.activity.update", TaskSid=None, WorkerSid="WK" + SID,
                 WorkerPreviousActivityName="Lunch", WorkerTimeInPreviousActivity="1800")
    assert counts(tmp_path, lunch) is None
    assert counts(tmp_path, lunch, connectors={"twilio_flex": {"sync": {
        "agent_activity": True}}}) == {f"activity_ms WK{SID} Lunch": 1800000}


def test_sends_just_these_requests(flexbrevo, sandbox, caller, twilio, tmp_path):
    """What explain says of a body is what Brevo gets when the server receives that body.

    The event carries the contact's numbers, or else they are shown as part of its creation.
    """
    body = form(AccountSid=harness.ACCOUNT_SID, WorkspaceSid=harness.WORKSPACE_SID)
    record, = explain("taskrouter", body, "--config", str(flexbrevo.config_file))
    assert sandbox.requests() == []

    assert caller.send(twilio.form(dict(urllib.parse.parse_qsl(body.decode())))).status == 204
    sandbox.wait_for_events(1)
    for said in record["requests"]:
        if "body" in said:
            sent = sandbox.requests(said["method"], said["path"])
            assert harness.as_one(entry["body"] for entry in sent) == said["body"]


@pytest.mark.parametrize("create, paths", [
    ("always", ["GET", "/contacts", "/events"]), ("known_only", ["GET", "/events"]),
    ("never", ["GET", "/events"])])
def test_says_of_which_contact_the_requests_are(create, paths, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"contacts": {"create": create}}))
    record, = explain("taskrouter", form(), "--config", config)

    rule, = (rule for rule in record["trace"] if rule.startswith("contacts.create: "))
    assert rule.startswith(f"contacts.create: {create}: as if Brevo ")
    assert ("unknown_contact" in rule) == (create != "always")
    assert [said["method"] if said["method"] == "GET" else said["path"]
            for said in record["requests"]] == paths
    assert ("contact_properties" in record["requests"][-1]["body"]) == (create != "never")


def test_says_that_a_shadow_sends_nothing(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"brevo": {"mode": "shadow"}}))
    rules = [explain("taskrouter", form(), *more)[0]["trace"]
             for more in ((), ("--config", config))]

    assert [sum(rule.startswith("brevo.mode: shadow") for rule in trace) for trace in rules] == [
        0, 1]


def test_explains_each_event_of_a_batch():
    batch = [cloud_event(), cloud_event(task_attributes="{}"),
             cloud_event(kind="taskrouter.workflow.entered"), cloud_event(task_sid="WT1"),
             cloud_event(kind="taskrouter.reservation.accepted", reservation_sid="WR" + SID)]
    verdicts = [(r["verdict"], r.get("reason")) for r in
                explain("event-streams", json.dumps(batch).encode())]

    assert verdicts == [("deliver", None), ("filtered", "no_identity"),
                        ("ignored", "not_in_vocabulary"), ("parked", "unparseable"),
                        ("filtered", "facts")]


def test_a_fact_that_cannot_be_read_is_parked_like_an_event():
    fact = json.dumps(cloud_event(kind="taskrouter.task.wrapup"))
    twice = fact.replace('"specversion"', '"id": "EZ", "specversion"')

    assert [explain("event-streams", body.encode())[0]["reason"] for body in (fact, twice)] == [
        "facts", "unparseable"]


@pytest.mark.parametrize("source, body", [
    ("taskrouter", b"EventType=\xff"),
    ("event-streams", b'{"type": "\xff"}'),
    ("event-streams", b'{"type": "com.twilio.\\u0065vent"}'),
])
def test_a_type_that_cannot_be_shown_is_ignored_all_the_same(source, body):
    record, = explain(source, body)

    assert (record["verdict"], record["reason"]) == ("ignored", "not_in_vocabulary")


@pytest.mark.parametrize("source, body, verdict", [
    ("survey", {"TaskSid": "WT" + SID, "Email": "ana@example.com", "Score": "4",
                "TaskAttributes": json.dumps({"direction": "outbound"})}, "filtered"),
    ("messaging", {"MessageSid": "SM" + SID, "MessageStatus": "failed", "To": "+34600111222"},
     "deliver"),
])
def test_outbound_ignore_is_about_tickets_and_not_about_messages(source, body, verdict, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"outbound": "ignore", "connectors": {"twilio_flex": {
        "event_mapping": {"survey.completed": "CSAT_SUBMITTED",
                          "message.failed": "MESSAGE_FAILED"}}}}))
    record, = explain(source, urllib.parse.urlencode(body).encode(), "--config", str(path))

    assert record["verdict"] == verdict
    assert record["event"]["direction"] == "outbound"
    assert (record.get("reason") == "outbound") == (verdict == "filtered")


@pytest.mark.parametrize("to, reason", [("+34600111222", "channel_off"),
                                        ("whatsapp:+34600111222", None)])
def test_a_message_is_left_out_with_its_channel(to, reason, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"connectors": {"twilio_flex": {
        "channels": ["whatsapp"], "event_mapping": {"message.undelivered": "UNDELIVERED"}}}}))
    body = {"MessageSid": "SM" + SID, "MessageStatus": "undelivered", "To": to}
    record, = explain("messaging", urllib.parse.urlencode(body).encode(), "--config", path)

    assert record.get("reason") == reason


@pytest.mark.parametrize("changes, config, reason, remedy", [
    ({"TaskAttributes": "{}"}, {}, "no_identity", "email"),
    ({"AccountSid": "AC" + "9" * 32}, {"account_sid": "AC" + SID}, "foreign_account", "account_sid"),
    ({}, {"channels": ["voice"]}, "channel_off", "channels"),
    ({}, {"sync": {"tasks": False}}, "switched_off", "sync"),
    ({"EventType": "task.canceled", "TaskCanceledReason": "cleaned up"}, {}, "canceled_other",
     "ticket.abandoned_reasons and ticket.unserved_reasons"),
    ({"TimestampMs": "1700000000000"}, {}, "too_old_for_automation", "max_event_age"),
])
def test_says_why_nothing_is_sent_and_what_would_change_it(changes, config, reason, remedy, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"connectors": {"twilio_flex": config}}))
    record, = explain("taskrouter", form(**changes), "--config", str(path))

    assert (record["verdict"], record["reason"]) == ("filtered", reason)
    assert remedy in record["remedy"]
    sent = [request["path"] for request in record.get("requests", [])]
    assert "/events" not in sent


def test_a_test_event_is_filtered_only_where_brevo_is_live():
    body = form(flexbrevo_test="true")
    live = {"BREVO_BASE_URL": "https://api.brevo.com/v3"}
    sandbox = {"BREVO_BASE_URL": "http://127.0.0.1:9/v3"}

    assert explain("taskrouter", body, environment=live)[0]["reason"] == "test_event"
    assert explain("taskrouter", body, environment=sandbox)[0]["verdict"] == "deliver"
    assert explain("taskrouter", form(flexbrevo_test="deliver"),
                   environment=live)[0]["verdict"] == "deliver"


def test_a_plugin_post_as_form_or_json_never_shows_its_token():
    post = {"Token": "eyJhbGciOi.secret", "TaskSid": TASK, "Reason": "done"}
    for body in (json.dumps({**post, "TaskAttributes": ATTRIBUTES}),
                 urllib.parse.urlencode({**post, "TaskAttributes": json.dumps(ATTRIBUTES)})):
        record, = explain("flex-plugin", body.encode())
        assert record["verdict"] == "deliver"
        assert "eyJ" not in json.dumps(record)


def plugin_waits(source, body):
    record, = explain(source, body)
    return [rule for rule in record["trace"] if "queue.plugin_wait" in rule]


def test_a_wait_of_browser_and_twilio_for_each_other_is_a_rule():
    post = {"TaskSid": TASK, "TaskAttributes": ATTRIBUTES}
    nobody = form(TaskAttributes="{}")

    assert plugin_waits("flex-plugin", json.dumps(post).encode()) == [
        "plugin: waits queue.plugin_wait for Twilio's signed word"]
    assert plugin_waits("flex-plugin", json.dumps({"TaskSid": "WR" + SID}).encode()) == []
    assert plugin_waits("taskrouter", nobody) == [
        "plugin: waits queue.plugin_wait for it to say whose it is"]
    assert plugin_waits("taskrouter", form()) == []
    assert plugin_waits("taskrouter", form(EventType="task.created", TaskAttributes="{}")) == []


def test_a_plugin_post_with_a_reservation_waits_for_its_task():
    record, = explain("flex-plugin", json.dumps({"TaskSid": "WR" + SID}).encode())

    assert (record["verdict"], record["reason"]) == ("unresolved", "unresolved_reservation")
    assert "reservation.accepted" in record["remedy"]


def test_each_answer_of_a_survey_is_a_record_of_its_own():
    answers = [{"TaskSid": TASK, "Question": question, "Score": 4, "Email": "lena@example.org"}
               for question in "ab"]
    records = [explain("survey", json.dumps(answer).encode())[0] for answer in answers]
    as_form, = explain("survey", urllib.parse.urlencode(answers[0]).encode())

    for record, answer in zip(records, answers):
        digest = hashlib.sha256(json.dumps(answer).encode()).hexdigest()
        assert record["record_key"] == f"survey.completed/{TASK}/{digest[:16]}"
        assert record["event"]["effect_key"] == f"survey/{TASK}/default"
    assert as_form["verdict"] == "deliver"


@pytest.mark.parametrize("source, body, verdict", [
    ("event-streams", b"[{", "parked"), ("event-streams", b"", "parked"),
    ("taskrouter", b"a=1", "parked"), ("flex-plugin", b"{", "refused")])
def test_a_body_that_is_no_document_is_kept_or_refused(source, body, verdict):
    record, = explain(source, body)

    assert (record["verdict"], record["reason"]) == (verdict, "unparseable")
    assert ("nothing is kept" in record["remedy"]) == (verdict == "refused")
    assert record.get("record_key", "").startswith("raw/" if verdict == "parked" else "")


def test_an_empty_batch_has_no_events():
    assert explain("event-streams", b"[]") == []
    status, out, _ = harness.run_command("explain", "--source", "event-streams", "-", data=b"[]")
    assert (status, out) == (0, "no events\n")


def test_the_text_says_the_same(tmp_path):
    captured = tmp_path / "captured.form"
    captured.write_bytes(form())
    status, out, err = harness.run_command("explain", "--source", "taskrouter", captured)

    assert (status, err) == (0, "")
    for part in ("record    task.completed/" + TASK, "verdict   deliver",
                 "rule      customer: by email", "request   POST /events", "SUPPORT_RESOLVED"):
        assert part in out


@pytest.mark.parametrize("arguments, status, complaint", [
    (["-"], 64, "--source is missing"),
    (["--source", "taskrouter"], 64, "FILE is missing"),
    (["--source", "carrier-pigeon", "-"], 64, "unknown source: carrier-pigeon"),
    (["--source", "taskrouter", "/nonexistent"], 66, "/nonexistent"),
])
def test_refuses_what_it_cannot_read(arguments, status, complaint):
    code, out, err = harness.run_command("explain", *arguments, data=b"")

    assert (code, out) == (status, "")
    assert err.startswith("flexbrevo: ") and complaint in err
    assert err.count("\n") == 1
