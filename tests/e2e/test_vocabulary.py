"""What the other webhooks bring: one record for one event, every answer to a survey kept."""
import json

import pytest

import harness
from harness import ACCOUNT_SID, Customer, Task

HEX = "0123456789abcdef0123456789abcdef"
CHANNEL, CALL = "CH" + HEX, "CF" + HEX
SURVEY = "/webhooks/flex/survey"


def state(to, at="2026-01-01T00:16:00.000Z"):
    return {"EventType": "onConversationStateUpdated", "AccountSid": ACCOUNT_SID,
            "ConversationSid": CHANNEL, "StateFrom": "active", "StateTo": to,
            "StateUpdated": at, "Reason": "API", "MessagingBinding.Address": "+15550100123"}


def cloud_event(kind, data):
    return {"specversion": "1.0", "type": "com.twilio." + kind, "id": "EZ" + HEX, "data": data}


def counted(flexbrevo, what, source):
    return flexbrevo.metric(f'events_{what}_total{{source="{source}"}}')


def test_one_end_told_by_three_webhooks_is_one_record(caller, twilio, flexbrevo):
    closed = state("closed")
    interaction = {"EventType": "onChannelStatusUpdated", "AccountSid": ACCOUNT_SID,
                   "InteractionSid": "KD" + HEX, "MediaChannelSid": CHANNEL,
                   "ChannelStatus": "closed", "MediaChannelType": "sms"}
    assert caller.send(twilio.form(closed, "/webhooks/conversations")).status == 200
    assert caller.send(twilio.form(interaction, "/webhooks/flex/interactions")).status == 204
    assert caller.send(twilio.json(cloud_event(
        "conversations.conversation-state.updated", closed))).status == 204
    assert flexbrevo.metric("queue_accepted") == 1
    assert caller.send(twilio.form({**interaction, "MediaChannelSid": CALL,
                                    "MediaChannelType": "voice"},
                                   "/webhooks/flex/interactions")).status == 204
    assert flexbrevo.metric("queue_accepted") == 2


def test_a_conversation_that_pauses_twice_has_two_records(caller, twilio, flexbrevo):
    for at in ("2026-01-01T00:16:00.000Z", "2026-01-01T00:36:00.000Z"):
        for webhook in (twilio.form(state("inactive", at), "/webhooks/conversations"),
                        twilio.json(cloud_event("conversations.conversation-state.updated",
                                                state("inactive", at)))):
            assert caller.send(webhook).status in (200, 204)
    assert flexbrevo.metric("queue_accepted") == 2
    harness.wait_until(lambda: flexbrevo.metric("queue_filtered") == 2, "two facts")


def test_every_answer_of_a_survey_is_kept_and_a_repeated_one_once(caller, twilio, flexbrevo):
    task = Task()
    answers = [{"TaskSid": task.sid, "Question": question, "Score": "4"}
               for question in ("Was it quick?", "Was it friendly?")]
    for answer in answers + answers[:1]:
        assert caller.send(twilio.form(answer, SURVEY)).status == 204
    assert counted(flexbrevo, "accepted", "survey") == 2
    assert counted(flexbrevo, "duplicate", "survey") == 1


@pytest.mark.parametrize("is_json", [True, False])
def test_an_answer_reaches_brevo_with_its_score_and_without_its_comment(
        caller, twilio, sandbox, is_json):
    task, email = Task(), Customer.new().email
    answer = {"TaskSid": task.sid, "Score": "9", "ScoreMax": "10", "SurveyId": "nps",
              "Comment": "very private", "Email": email}
    send = twilio.json if is_json else twilio.form
    assert caller.send(send(answer, SURVEY)).status == 204

    sandbox.wait_for_events(1)
    sent, = sandbox.requests("POST", "/events")
    event = sent["body"]
    assert event["event_name"] == "CSAT_SUBMITTED"
    assert event["identifiers"] == {"email_id": email}
    properties = event["event_properties"]
    assert (properties["score"], properties["score_max"]) == (9, 10)
    assert properties["survey_id"] == "nps"
    assert "very private" not in json.dumps(sandbox.requests())
    assert sandbox.contact(email)["listIds"] == [33]        # csat_respondents


def test_what_nobody_can_read_in_an_answer_is_parked(caller, twilio, flexbrevo):
    assert caller.send(twilio.form({"TaskSid": Task().sid, "Score": "super"}, SURVEY)).status == 204
    assert caller.send(twilio.form({"Score": "5"}, SURVEY)).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 2, "both parked")
    flexbrevo.wait_for_metric('events_parked_total{reason="bad_score"}', 1)
    flexbrevo.wait_for_metric('events_parked_total{reason="unparseable"}', 1)


def test_how_a_message_ended_is_one_record_of_both_routes(caller, twilio, flexbrevo):
    message = {"AccountSid": ACCOUNT_SID, "MessageSid": "SM" + HEX, "MessageStatus": "delivered",
               "From": "+15550100000", "To": "+15550100123"}
    assert caller.send(twilio.form(message, "/webhooks/messaging")).status == 204
    assert caller.send(twilio.form({**message, "MessageStatus": "sent"},
                                   "/webhooks/messaging")).status == 204
    assert caller.send(twilio.json([cloud_event("messaging.message.delivered", {
        "messageSid": "SM" + HEX, "messageStatus": "DELIVERED"})])).status == 204
    assert flexbrevo.metric("queue_accepted") == 1
    assert counted(flexbrevo, "ignored", "messaging") == 1
    harness.wait_until(lambda: flexbrevo.metric("queue_filtered") == 1, "not mapped")


def test_a_status_that_is_mapped_reaches_brevo_once_for_whoever_was_written_to(
        program, sandbox, twilio):
    mapping = {"message.failed": "MESSAGE_FAILED", "message.read": "MESSAGE_READ"}
    flexbrevo = program(changes={"connectors": {"twilio_flex": {"event_mapping": mapping}}}).start()
    caller = flexbrevo.caller()
    message = {"AccountSid": ACCOUNT_SID, "MessageSid": "SM" + HEX, "From": "+15550100000",
               "To": "+34600111222"}
    for status in ("failed", "delivered", "failed"):
        assert caller.send(twilio.form({**message, "MessageStatus": status, "ErrorCode": "30006"},
                                       "/webhooks/messaging")).status == 204
    assert caller.send(twilio.json([cloud_event("messaging.message.failed", {
        "messageSid": "SM" + HEX, "messageStatus": "FAILED", "to": "+34600111222",
        "errorCode": 30006})])).status == 204
    read = {**message, "MessageSid": "MM" + HEX, "To": "whatsapp:+34600111222",
            "MessageStatus": "read"}
    assert caller.send(twilio.form(read, "/webhooks/messaging")).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 2
                       and flexbrevo.metric("queue_filtered") == 1, "settled")
    events = {event["body"]["event_name"]: event["body"]
              for event in sandbox.requests("POST", "/events")}
    assert len(sandbox.requests("POST", "/events")) == 2
    failed, was_read = events["MESSAGE_FAILED"], events["MESSAGE_READ"]
    assert failed["identifiers"] == {"phone_id": "+34600111222"}
    assert failed["event_properties"]["message_sid"] == "SM" + HEX
    assert failed["event_properties"]["reason"] == "30006"
    assert failed["event_properties"]["channel"] == "sms"
    assert was_read["identifiers"] == {"whatsapp_id": "+34600111222"}
    assert was_read["event_properties"]["channel"] == "whatsapp"


def test_two_statuses_of_one_message_are_two_events_each_once(program, sandbox, twilio):
    mapping = {"message.delivered": "MESSAGE_DELIVERED", "message.read": "MESSAGE_READ"}
    flexbrevo = program(changes={"connectors": {"twilio_flex": {"event_mapping": mapping}}}).start()
    caller = flexbrevo.caller()
    message = {"AccountSid": ACCOUNT_SID, "MessageSid": "SM" + HEX,
               "From": "whatsapp:+15550100000", "To": "whatsapp:+34600111222"}
    for status in ("delivered", "read", "delivered", "read"):
        assert caller.send(twilio.form({**message, "MessageStatus": status},
                                       "/webhooks/messaging")).status == 204
        assert caller.send(twilio.json([cloud_event("messaging.message." + status, {
            "messageSid": "SM" + HEX, "messageStatus": status.upper(),
            "to": "whatsapp:+34600111222"})])).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 2, "both settled")
    assert flexbrevo.metric("queue_accepted") == 2
    told = sandbox.events()
    assert sorted(event["event_name"] for event in told) == ["MESSAGE_DELIVERED", "MESSAGE_READ"]
    assert {event["event_properties"]["message_sid"] for event in told} == {"SM" + HEX}
    assert len({event["event_properties"]["source_event_id"] for event in told}) == 2


def test_a_sinks_test_is_kept(caller, twilio, flexbrevo):
    test = cloud_event("eventstreams.test-event",
                       {"test_id": "4fbd2c58-7a2b-4a0e-9f3e-1d2c3b4a5f60"})
    for _ in range(2):
        assert caller.send(twilio.json([test])).status == 204
    assert flexbrevo.metric("queue_accepted") == 1
