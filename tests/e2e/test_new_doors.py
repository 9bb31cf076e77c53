"""Interactions, survey, conversations, messaging and a sink's test: from the request to Brevo, once."""

import json
import re
import uuid

import pytest

import doors
import harness
from doors import BY_SOURCE, FORM, JSON, STREAMS, SURVEY
from harness import Customer, Task, sid

STATE_UPDATED = "conversations.conversation-state.updated"
CONVERSATIONS, INTERACTIONS, MESSAGING, TASKROUTER = (
    BY_SOURCE[name] for name in ("conversations", "interactions", "messaging", "taskrouter"))


@pytest.fixture
def config(config):
    config["connectors"]["twilio_flex"]["survey_token"] = doors.SURVEY_TOKEN
    return config


def status(flexbrevo):
    code, out, err = harness.run_command("status", "--json", "--config", flexbrevo.config_file)
    assert (code, err) == (0, "")
    return json.loads(out)


def settled(flexbrevo, accepted):
    """`status` once as many records as expected were accepted, and none is pending."""
    def look():
        told = status(flexbrevo)
        return told if told["queue_accepted"] == accepted and not told["queue_pending"] else None

    told = harness.wait_until(look, lambda: f"{accepted} settled, got {status(flexbrevo)}")
    assert told["unaccounted_events"] == 0
    return told


@pytest.fixture
def send(caller):
    """Sends a webhook, once or several times; each is acknowledged."""
    def send(door, *webhooks, times=1):
        for webhook in webhooks * times:
            answer = caller.send(webhook)
            assert answer.status == door.success, answer.body

    return send


# ---- the end of a conversation

def closings(conversation):
    """One and the same end, told by each route that can."""
    state = doors.conversation_state(ConversationSid=conversation)
    told = {name: state[name] for name in (
        "AccountSid", "ConversationSid", "StateFrom", "StateTo", "StateUpdated", "Reason")}
    return (
        (CONVERSATIONS, doors.signed(CONVERSATIONS, FORM, state)),
        (STREAMS, doors.signed(STREAMS, JSON, [doors.cloud_event(STATE_UPDATED, told)])),
        (INTERACTIONS, doors.signed(
            INTERACTIONS, FORM, doors.channel_status(MediaChannelSid=conversation))),
    )


@pytest.mark.parametrize("route", range(3), ids=["conversations", "event-streams", "interactions"])
def test_a_closed_conversation_is_known_and_names_nobody(flexbrevo, send, sandbox, route):
    door, webhook = closings(sid("CH"))[route]
    send(door, webhook, times=5)
    told = settled(flexbrevo, 1)
    assert told["filtered_by"] == {"not_flex": 1}
    assert sandbox.requests() == []


def test_a_conversation_closed_by_three_routes_is_one_record(flexbrevo, send, sandbox):
    conversation = sid("CH")
    for door, webhook in closings(conversation):
        send(door, webhook, times=2)
    assert settled(flexbrevo, 1)["filtered_by"] == {"not_flex": 1}
    assert sandbox.requests() == []


def test_the_end_of_a_call_is_told_by_interactions_alone(flexbrevo, send, sandbox):
    call = doors.channel_status(MediaChannelSid=sid("CF"), MediaChannelType="voice")
    send(INTERACTIONS, doors.signed(INTERACTIONS, FORM, call), times=3)
    assert settled(flexbrevo, 1)["filtered_by"] == {"not_flex": 1}
    assert f"key=conversation.ended/{call['InteractionSid']}" in flexbrevo.log()


def test_a_conversation_that_only_rests_is_a_fact(flexbrevo, send, sandbox):
    for state in ("inactive", "active"):
        send(CONVERSATIONS, doors.signed(CONVERSATIONS, FORM, doors.conversation_state(state)))
    assert settled(flexbrevo, 2)["filtered_by"] == {"facts": 2}
    assert sandbox.requests() == []


# ---- surveys

@pytest.mark.parametrize("way", list(doors.ways(SURVEY)))
def test_an_answer_becomes_a_contact_and_an_event(flexbrevo, send, sandbox, way):
    webhook = doors.ways(SURVEY)[way]
    text = webhook.body.decode()
    email = re.search(r"customer\d+(?:@|%40)example\.com", text).group().replace("%40", "@")
    task = re.search(r"WT[0-9a-f]{32}", text).group()
    send(SURVEY, webhook, times=10)
    event, = sandbox.wait_for_events(1)
    settled(flexbrevo, 1)

    assert sandbox.event_count() == 1
    assert event["event_name"] == "CSAT_SUBMITTED"
    said = event["event_properties"]
    assert {name: said.get(name) for name in (
        "score", "score_max", "survey_id", "task_sid", "channel")} == {
            "score": 4, "score_max": 5, "survey_id": "after-support", "task_sid": task,
            "channel": "sms"}
    assert sandbox.contact(email) is not None


def test_the_same_answer_by_form_and_json_is_one_event(flexbrevo, send, sandbox):
    answer = doors.survey()
    send(SURVEY, doors.signed(SURVEY, FORM, answer), doors.signed(SURVEY, JSON, answer), times=2)
    told = settled(flexbrevo, 2)
    assert (told["queue_delivered"], told["filtered_by"]) == (1, {"already_delivered": 1})
    assert sandbox.event_count() == 1


def test_a_comment_before_the_score_does_not_stand_for_the_answer(flexbrevo, send, sandbox):
    answer = doors.survey()
    send(SURVEY, doors.signed(SURVEY, FORM, {**answer, "Score": "", "Comment": "well"}))
    settled(flexbrevo, 1)
    send(SURVEY, doors.signed(SURVEY, FORM, answer))
    event, = sandbox.wait_for_events(1)
    assert event["event_properties"]["score"] == 4
    assert settled(flexbrevo, 2)["filtered_by"] == {"no_answer": 1}


def test_two_surveys_of_one_task_are_two_events(flexbrevo, send, sandbox):
    answer = doors.survey()
    for name in ("speed", "kindness"):
        send(SURVEY, doors.signed(SURVEY, FORM, {**answer, "SurveyId": name}))
    sandbox.wait_for_events(2)
    assert {event["event_properties"]["survey_id"] for event in sandbox.events()} == {
        "speed", "kindness"}


def test_an_answer_after_a_completion_belongs_to_the_same_contact(flexbrevo, send, sandbox, twilio):
    task = Task()
    send(TASKROUTER, twilio.callback(task))
    send(SURVEY, doors.signed(SURVEY, JSON, doors.survey(
        TaskSid=task.sid, Email=task.customer.email)))
    sandbox.wait_for_events(2)
    assert {event["event_name"] for event in sandbox.events()} == {
        "SUPPORT_RESOLVED", "CSAT_SUBMITTED"}
    assert len({event["contact_id"] for event in sandbox.events()}) == 1


def test_explain_says_of_an_answer_what_brevo_then_gets(flexbrevo, send, sandbox):
    for kind in SURVEY.kinds:
        webhook = doors.signed(SURVEY, kind)
        code, out, err = harness.run_command(
            "explain", "--source", "survey", "-", "--json", "--config", flexbrevo.config_file,
            data=webhook.body)
        assert (code, err) == (0, "")
        record, = json.loads(out)["records"]
        assert (record["verdict"], record["event"]["type"]) == ("deliver", "survey.completed")
        before = len(sandbox.requests("POST", "/events"))
        send(SURVEY, webhook)
        harness.wait_until(lambda: len(sandbox.requests("POST", "/events")) > before, "the event")
        sent = sandbox.requests("POST", "/events")[-1]["body"]
        expected = record["requests"][-1]["body"]
        # the time of receipt stands in for one no survey names
        assert {**sent, "event_date": None} == {**expected, "event_date": None}


# ---- messages, facts

@pytest.mark.parametrize("state", ["delivered", "undelivered", "failed", "read"])
def test_a_messages_status_is_kept_once_and_no_event_yet(flexbrevo, send, sandbox, state):
    message = sid("SM")
    callback = doors.message_status(state, MessageSid=message)
    data = {"messageSid": message, "timestamp": doors.iso_now(), "messageStatus": state.upper(),
            "accountSid": harness.ACCOUNT_SID, "from": callback["From"], "to": callback["To"]}
    send(MESSAGING, doors.signed(MESSAGING, FORM, callback), times=2)
    send(STREAMS, doors.signed(
        STREAMS, JSON, [doors.cloud_event("messaging.message." + state, data)]), times=2)
    assert settled(flexbrevo, 1)["filtered_by"] == {"not_mapped": 1}
    assert sandbox.requests() == []


@pytest.mark.parametrize("event", ["task.updated", "worker.activity.update"])
def test_what_happens_often_to_one_subject_is_each_time_a_fact(flexbrevo, send, sandbox, event):
    task = Task()
    for _ in range(3):
        fields = {**task.callback(event), "Sid": sid("EV"), "WorkerSid": harness.WORKER_SID}
        send(TASKROUTER, doors.signed(TASKROUTER, FORM, fields), times=2)
    assert settled(flexbrevo, 3)["filtered_by"] == {"facts": 3}
    assert sandbox.requests() == []


# ---- a sink's test

def test_a_sinks_test_is_logged_shown_and_no_event(flexbrevo, send, sandbox):
    assert status(flexbrevo)["event_streams_test"] is None
    assert "event streams test" not in flexbrevo.admin("/readyz?verbose")[1]
    ids = []
    for count in (1, 2):
        ids.append(str(uuid.uuid4()))
        event = doors.cloud_event("eventstreams.test-event", {"test_id": ids[-1]})
        event |= {"id": harness.ACCOUNT_SID, "source": "Sink"}      # the same id for every test
        send(STREAMS, doors.signed(STREAMS, JSON, [event]))
        assert f"event_streams_test test_id={ids[-1]}\n" in flexbrevo.log()
        told = settled(flexbrevo, count)
        assert told["filtered_by"] == {"facts": count}
        assert told["event_streams_test"]["test_id"] == ids[-1]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", told["event_streams_test"]["received"])
    text = harness.run_command("status", "--config", flexbrevo.config_file)[1]
    assert re.search(rf"^event streams test  {ids[-1]}  \d+ s ago$", text, re.M)
    assert re.search(rf"^event streams test: {ids[-1]}  \d+ s ago$",
                     flexbrevo.admin("/readyz?verbose")[1], re.M)
    assert sandbox.requests() == []


def test_a_sinks_test_is_shown_before_any_worker_has_come_to_it(program, redis):
    server = program("serve", changes={"redis": {"url": redis.url}}).start()
    event = doors.cloud_event("eventstreams.test-event", {"test_id": "0b5d0a3e-first"})
    assert server.caller().send(doors.signed(STREAMS, JSON, [event])).status == 204
    harness.wait_until(
        lambda: (status(server)["event_streams_test"] or {}).get("test_id") == "0b5d0a3e-first",
        "the test to be shown")
    assert "event streams test: 0b5d0a3e-first" in server.admin("/readyz?verbose")[1]
    assert status(server)["queue_pending"] == 1


# ---- what cannot be read

def test_a_proved_body_that_cannot_be_read_is_parked_whatever_its_door(flexbrevo, send, sandbox):
    broken = {FORM: {"a": "1"}, JSON: b'{"Score": '}
    sent = [(door, kind) for door in doors.DOORS if door is not doors.PLUGIN for kind in door.kinds]
    for door, kind in sent:
        send(door, doors.signed(door, kind, broken[kind]))
    assert settled(flexbrevo, len(sent))["parked_by"] == {"unparseable": len(sent)}
    assert sandbox.requests() == []


# ---- the tool that makes samples

VERDICTS = {
    "task.created": "delivered", "task.completed": "delivered", "task.canceled": "delivered",
    "survey.completed": "delivered", "task.updated": "facts", "reservation.accepted": "facts",
    "worker.activity.update": "facts", "sink.test": "facts", "conversation.ended": "not_flex",
    "message.delivered": "not_mapped", "message.failed": "not_mapped"}


def test_each_sample_of_trigger_is_what_it_claims_to_be(flexbrevo, sandbox):
    for event in VERDICTS:
        code, _, err = harness.run_command(
            "trigger", event, "--email", Customer.new().email, "--to", flexbrevo.url, "--config",
            flexbrevo.config_file)
        assert (code, err) == (0, "")
    told = settled(flexbrevo, len(VERDICTS))
    verdicts = list(VERDICTS.values())
    assert told["queue_delivered"] == verdicts.count("delivered") == sandbox.event_count()
    assert told["filtered_by"] == {reason: verdicts.count(reason)
                                   for reason in ("facts", "not_flex", "not_mapped")}
    assert told["parked_by"] == {}


@pytest.mark.parametrize("event, source", doors.SAMPLES)
def test_explain_understands_each_sample_of_each_source(recorder, event, source):
    for body in {door.source: door.kinds for door in doors.DOORS}[source]:
        code, _, err = harness.run_command(
            "trigger", event, "--source", source, "--body", body, "--token", "5ec4e7", "--to",
            f"http://127.0.0.1:{recorder.server_port}")
        assert (code, err) == (0, "")
        code, out, err = harness.run_command(
            "explain", "--source", source, "-", "--json", data=recorder.bodies[-1].encode(),
            environment={"BREVO_BASE_URL": "http://127.0.0.1:9/v3"})     # no live one: no test_event
        assert (code, err) == (0, "")
        record, = json.loads(out)["records"]
        assert record["record_key"].startswith(event + "/")
        verdict = VERDICTS[event]
        assert (record["verdict"], record.get("reason")) == (
            ("deliver", None) if verdict == "delivered" else ("filtered", verdict))


def test_a_calls_end_by_trigger_is_about_the_interaction(flexbrevo):
    task = sid("WT")
    code, _, err = harness.run_command(
        "trigger", "conversation.ended", "--channel", "voice", "--task", task, "--to",
        flexbrevo.url, "--config", flexbrevo.config_file)
    assert (code, err) == (0, "")
    settled(flexbrevo, 1)
    assert f"key=conversation.ended/KD{task[2:]} " in flexbrevo.log()
