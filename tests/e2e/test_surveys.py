"""Surveys answered within tasks: docs/mapping.md, from outside.

Waits are short here; that they are right is tests/unit/test_survey.c's business.
"""

import json
import time

import pytest

import harness
from harness import Task, sid

SCORE = "conversation_measure_1"
NPS = {"in": "support_task", "score": "rating.nps", "kind": "nps", "survey_id": "nps"}
BY_KIND = {"in": "survey_task", "attribute": "conversations.kind=Survey",
           "score": "conversations." + SCORE}
BY_QUEUE = {"in": "survey_task", "queue": "After-call survey", "score": "csat.score",
            "scale": "1-10", "comment": "csat.comment", "survey_id": "call"}


def survey_of(task, **answer):
    """The task of a survey, asked after another one."""
    return Task(customer=task.customer, attributes={
        "conversations": {"conversation_id": task.sid, "kind": "Survey", **answer}})


def told(flexbrevo, twilio, *callbacks):
    for task, event in callbacks:
        assert flexbrevo.caller().send(twilio.callback(task, event)).status in (200, 204)


def status(flexbrevo):
    code, out, err = harness.run_command("status", "--json", "--config", flexbrevo.config_file)
    assert (code, err) == (0, "")
    return json.loads(out)


def settled(flexbrevo, count):
    """All of `count` records, answers among them."""
    def look():
        now = status(flexbrevo)
        ends = ("queue_delivered", "queue_filtered", "queue_parked")
        return now if sum(now[end] for end in ends) == now["queue_accepted"] == count else None

    return harness.wait_until(look, lambda: f"{count} settled, {status(flexbrevo)}")


def said(sandbox, *names):
    event, = [one for one in sandbox.events() if one["event_name"] == "CSAT_SUBMITTED"]
    return {name: event["event_properties"].get(name) for name in names}


def test_a_surveys_task_is_an_answer_and_no_support_case(program, sandbox, twilio):
    """Nothing is configured: the answer comes in steps, by two routes, and the task is canceled."""
    flexbrevo = program(changes={"csat": {"settle": "2s"}}).start()
    support = Task()
    asked = survey_of(support)
    told(flexbrevo, twilio, (support, "task.created"), (asked, "task.created"))
    asked.attributes["conversations"][SCORE] = 2
    told(flexbrevo, twilio, (asked, "task.updated"))
    asked.time_ms += 1000
    asked.attributes["conversations"][SCORE] = 4
    asked.canceled_reason = "CSAT saved"
    told(flexbrevo, twilio, (asked, "task.canceled"), (support, "task.completed"))
    assert flexbrevo.caller().send(twilio.stream(asked, event="task.canceled")).status == 204
    now = settled(flexbrevo, 7)     # two of them the answers within updated and canceled

    assert sorted(event["event_name"] for event in sandbox.events()) == [
        "CSAT_SUBMITTED", "SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]
    assert said(sandbox, "score", "score_max", "survey_id", "ticket", "task_sid") == {
        "score": 4, "score_max": 5, "survey_id": "default", "ticket": support.sid,
        "task_sid": asked.sid}
    contact = sandbox.contact(support.customer.email)
    assert contact["attributes"]["CSAT_SCORE"] == 4
    assert contact["attributes"]["SUPPORT_TICKET_COUNT"] == 1
    assert contact["listIds"] == [32, 33]
    assert now["filtered_by"] == {"survey_task": 2, "facts": 1, "already_delivered": 1}


def test_a_support_case_that_carries_an_nps_is_resolved_beside_it(program, sandbox, twilio):
    flexbrevo = program(changes={"csat": {"extractors": [NPS]}}).start()
    task = Task(attributes={"rating": {"nps": "9"}})
    told(flexbrevo, twilio, (task, "task.completed"))
    settled(flexbrevo, 2)
    assert sorted(event["event_name"] for event in sandbox.events()) == [
        "CSAT_SUBMITTED", "SUPPORT_RESOLVED"]
    assert said(sandbox, "score", "score_max", "survey_id") == {
        "score": 9, "score_max": 10, "survey_id": "nps"}
    contact = sandbox.contact(task.customer.email)
    assert "CSAT_SCORE" not in contact["attributes"]
    assert contact["listIds"] == [32, 33]


def test_what_only_a_browser_told_is_delivered_and_its_answer_when_twilio_tells_it(
        program, sandbox, twilio):
    """Each copy of a completion, however late: one resolution, one answer."""
    flexbrevo = program(changes={"csat": {"extractors": [NPS]},
                                 "queue": {"plugin_wait": "100ms"}}).start()
    task = Task(attributes={"rating": {"nps": "9"}})
    assert flexbrevo.caller().send(twilio.plugin(task)).status == 202
    settled(flexbrevo, 1)
    assert [event["event_name"] for event in sandbox.events()] == ["SUPPORT_RESOLVED"]
    assert flexbrevo.caller().send(twilio.plugin(task)).status == 202
    told(flexbrevo, twilio, (task, "task.completed"), (task, "task.completed"))
    assert settled(flexbrevo, 2)["queue_delivered"] == 2
    assert flexbrevo.caller().send(twilio.json([task.cloud_event("task.completed")])).status == 204
    assert settled(flexbrevo, 2)["queue_delivered"] == 2
    assert sorted(event["event_name"] for event in sandbox.events()) == [
        "CSAT_SUBMITTED", "SUPPORT_RESOLVED"]
    assert said(sandbox, "score", "survey_id") == {"score": 9, "survey_id": "nps"}
    resolved = 'events_delivered_total{event="SUPPORT_RESOLVED"}'
    assert flexbrevo.metric(resolved) == 1
    assert flexbrevo.metric("unaccounted_events") == 0


def test_of_what_a_browser_told_and_another_task_resolved_twilios_answer_is_heard(
        program, sandbox, twilio):
    flexbrevo = program(changes={"csat": {"extractors": [NPS]},
                                 "queue": {"plugin_wait": "100ms"}}).start()
    ticket = {"conversations": {"conversation_id": "T-1"}}
    first = Task(attributes=ticket)
    task = Task(customer=first.customer, attributes={"rating": {"nps": "9"}, **ticket})
    told(flexbrevo, twilio, (first, "task.completed"))
    settled(flexbrevo, 1)
    assert flexbrevo.caller().send(twilio.plugin(task)).status == 202
    assert settled(flexbrevo, 2)["filtered_by"] == {"already_delivered": 1}
    told(flexbrevo, twilio, (task, "task.completed"), (task, "task.completed"))
    now = settled(flexbrevo, 3)         # the third is the answer
    assert now["filtered_by"] == {"already_delivered": 1}
    assert sorted(event["event_name"] for event in sandbox.events()) == [
        "CSAT_SUBMITTED", "SUPPORT_RESOLVED"]
    assert said(sandbox, "score", "survey_id") == {"score": 9, "survey_id": "nps"}
    assert flexbrevo.metric("unaccounted_events") == 0


def test_an_answer_is_told_once_though_its_ticket_gets_a_better_name(program, sandbox, twilio):
    flexbrevo = program(changes={"csat": {"extractors": [NPS], "settle": "300ms"}}).start()
    attributes = {"flexInteractionSid": sid("KD"), "rating": {"nps": "9"}}
    task = Task(attributes=attributes)
    told(flexbrevo, twilio, (task, "task.updated"))
    settled(flexbrevo, 2)
    task.attributes = {**attributes, "conversations": {"conversation_id": "matter-1"}}
    task.time_ms += 5000
    told(flexbrevo, twilio, (task, "task.completed"))
    assert settled(flexbrevo, 4)["filtered_by"] == {"facts": 1, "already_delivered": 1}
    assert said(sandbox, "score") == {"score": 9}


def test_a_surveys_queue_is_waited_for_and_its_score_is_on_its_scale(program, sandbox, twilio):
    flexbrevo = program(changes={"csat": {"extractors": [BY_QUEUE]}}).start()
    asked = Task(queue="After-call survey", attributes={"csat": {"score": "0"}})
    served = Task()
    told(flexbrevo, twilio, (asked, "task.created"), (served, "task.created"))
    harness.wait_until(lambda: status(flexbrevo)["queue_pending"] == 2, "two that wait")
    told(flexbrevo, twilio, (served, "task-queue.entered"), (asked, "task-queue.entered"),
         (asked, "task.completed"))
    now = settled(flexbrevo, 6)
    assert [event["event_name"] for event in sandbox.events()] == ["SUPPORT_REQUESTED"]
    assert now["filtered_by"] == {"survey_task": 2, "facts": 2}
    assert now["parked_by"] == {"bad_score": 1}


@pytest.mark.parametrize("changes, reason", [
    ({"connectors": {"twilio_flex": {"sync": {"csat": False}}}}, "switched_off"),
    ({"connectors": {"twilio_flex": {"channels": ["voice"]}}}, "channel_off")])
def test_an_answer_that_is_left_out_leaves_no_trace(program, sandbox, twilio, changes, reason):
    flexbrevo = program(changes=changes).start()
    told(flexbrevo, twilio, (survey_of(Task(), **{SCORE: 5}), "task.updated"))
    assert settled(flexbrevo, 2)["filtered_by"] == {"facts": 1, reason: 1}
    assert sandbox.requests() == []


POST = "/webhooks/flex/survey"


def posted(task, twilio, **more):
    """An answer that says no more than which task or conversation it is about, and whose it is."""
    return twilio.form({"TaskSid": task.sid, "Email": task.customer.email, "Score": "4", **more},
                       POST)


@pytest.fixture
def call():
    """A task that knows all names of its ticket."""
    return Task(attributes={"channelType": "whatsapp", "direction": "inbound",
                            "flexInteractionSid": sid("KD"), "conversationSid": sid("CH"),
                            "call_sid": sid("CA")})


@pytest.mark.parametrize("about", ["TaskSid", "ConversationSid", "CallSid"])
@pytest.mark.parametrize("told_first", ["its task", "the answer"])
def test_an_answer_has_what_its_ticket_knows(program, sandbox, twilio, call, about, told_first):
    flexbrevo = program(changes={"csat": {"settle": "1s"}}).start()
    named = {"TaskSid": call.sid, "ConversationSid": call.attributes["conversationSid"],
             "CallSid": call.attributes["call_sid"]}
    answer = posted(call, twilio, **{"TaskSid": "", about: named[about]})
    posts = [twilio.callback(call, "task.created"), answer]
    for post in posts if told_first == "its task" else reversed(posts):
        assert flexbrevo.caller().send(post).status in (200, 204)
    settled(flexbrevo, 2)
    assert said(sandbox, "channel", "conversation_sid", "interaction_sid", "ticket") == {
        "channel": "whatsapp", "conversation_sid": named["ConversationSid"],
        "interaction_sid": call.attributes["flexInteractionSid"],
        "ticket": call.attributes["flexInteractionSid"]}


def test_an_answer_about_a_conversation_is_the_latest_tickets(program, sandbox, twilio, call):
    """Flex may take a conversation up again for another interaction, which is another ticket."""
    flexbrevo = program(changes={"csat": {
        "settle": "100ms",
        "extractors": [{"in": "endpoint", "score": "score", "comment": "comment"}]}}).start()
    conversation = call.attributes["conversationSid"]
    later = Task(customer=call.customer,
                 attributes={**call.attributes, "flexInteractionSid": sid("KD")})
    for count, (task, answer) in enumerate([
            (call, {"Score": "4", "Comment": "quick"}), (later, {"Score": "2"})], 1):
        task.time_ms = int(time.time() * 1000)
        assert flexbrevo.caller().send(twilio.callback(task, "task.created")).status == 204
        assert flexbrevo.caller().send(posted(
            call, twilio, TaskSid="", ConversationSid=conversation, **answer)).status == 204
        settled(flexbrevo, 2 * count)
    answers = [event["event_properties"] for event in sandbox.events()
               if event["event_name"] == "CSAT_SUBMITTED"]
    assert [(answer["score"], answer.get("comment"), answer["ticket"]) for answer in answers] == [
        (4, "quick", call.attributes["flexInteractionSid"]),
        (2, None, later.attributes["flexInteractionSid"])]
    assert sandbox.contact(call.customer.email)["attributes"]["SUPPORT_TICKET_COUNT"] == 2


@pytest.mark.parametrize("channels, own, told", [
    (["sms"], {}, False), (["sms"], {"Channel": "sms"}, False),
    (["whatsapp"], {"Channel": "sms"}, True)])
def test_of_an_answer_its_tickets_channel_is_switched(
        program, sandbox, twilio, call, channels, own, told):
    flexbrevo = program(changes={
        "connectors": {"twilio_flex": {"channels": channels}}, "csat": {"settle": "1s"}}).start()
    assert flexbrevo.caller().send(posted(call, twilio, **own)).status == 204
    told_of(flexbrevo, twilio, call)
    assert ("channel_off" in settled(flexbrevo, 2)["filtered_by"]) != told
    answers = [event for event in sandbox.events() if event["event_name"] == "CSAT_SUBMITTED"]
    assert [event["event_properties"]["channel"] for event in answers] == ["sms"] * told


def told_of(flexbrevo, twilio, task):
    assert flexbrevo.caller().send(twilio.callback(task, "task.created")).status == 204


@pytest.mark.parametrize("outbound, told", [
    ("ignore", []), ("resolved", ["CSAT_SUBMITTED"]),
    ("all", ["CSAT_SUBMITTED", "SUPPORT_REQUESTED"])])
def test_of_what_the_business_began_a_survey_is_told_as_configured(
        program, sandbox, twilio, call, outbound, told):
    call.attributes["direction"] = "outbound"
    flexbrevo = program(changes={"outbound": outbound, "csat": {"settle": "1s"}}).start()
    assert flexbrevo.caller().send(posted(call, twilio)).status == 204
    told_of(flexbrevo, twilio, call)
    settled(flexbrevo, 2)
    assert sorted(event["event_name"] for event in sandbox.events()) == told
    assert told or sandbox.requests() == []


def test_a_surveys_workflow_is_waited_for_where_only_its_sid_is_told(program, sandbox, twilio):
    flexbrevo = program(changes={"csat": {"extractors": [
        {"in": "survey_task", "workflow": "Assign to Anyone", "score": "csat.score"}]}}).start()
    asked = Task()
    created = {name: value for name, value in asked.callback("task.created").items()
               if name != "WorkflowName"}
    assert flexbrevo.caller().send(twilio.form(created, "/webhooks/taskrouter")).status == 204
    harness.wait_until(lambda: status(flexbrevo)["queue_pending"] == 1, "one that waits")
    told(flexbrevo, twilio, (asked, "reservation.accepted"))
    assert settled(flexbrevo, 2)["filtered_by"] == {"survey_task": 1, "facts": 1}
    assert sandbox.requests() == []


def test_explain_shows_the_answer_and_why_no_other_extractor_applies(program):
    flexbrevo = program(changes={"csat": {"extractors": [BY_QUEUE, BY_KIND]}}).start()
    task = survey_of(Task(), **{SCORE: 5})
    code, out, err = harness.run_command(
        "explain", "--source", "event-streams", "-", "--json", "--config", flexbrevo.config_file,
        data=json.dumps([task.cloud_event("task.completed")]).encode())
    assert (code, err) == (0, "")
    completed, answer = json.loads(out)["records"]
    assert (completed["reason"], answer["verdict"]) == ("survey_task", "deliver")
    assert answer["record_key"] == f"survey.completed/{task.sid}/default/task.completed"
    assert answer["requests"][-1]["body"]["event_properties"]["score"] == 5
    for record in (completed, answer):
        assert record["extractors"] == [
            {"extractor": {**BY_QUEUE}, "applies": False, "unmet": "queue"},
            {"extractor": {**BY_KIND}, "applies": True, "taken": True,
             "answered": True}]
    code, out, err = harness.run_command(
        "explain", "--source", "event-streams", "-", "--config", flexbrevo.config_file,
        data=json.dumps([task.cloud_event("task.completed")]).encode())
    assert (code, err) == (0, "")
    assert out.count("does not apply, by its `queue`") == 2
    assert out.count("applies, and finds an answer") == 2


def test_explain_says_which_of_two_extractors_of_one_survey_is_not_taken(program):
    """What that one would find makes no answer, and the survey's end is without one."""
    second = {**BY_KIND, "attribute": "other", "score": "other.score"}
    flexbrevo = program(changes={"csat": {"extractors": [BY_KIND, second]}}).start()
    task = survey_of(Task())
    task.attributes["other"] = {"score": 4}
    body = json.dumps([task.cloud_event("task.completed")]).encode()
    explain = ("explain", "--source", "event-streams", "-", "--config", flexbrevo.config_file)
    record, = json.loads(harness.run_command(*explain, "--json", data=body)[1])["records"]
    assert record["reason"] == "no_answer" and "csat.extractors" in record["remedy"]
    assert [(one["taken"], one["answered"]) for one in record["extractors"]] == [
        (True, False), (False, True)]
    assert harness.run_command(*explain, data=body)[1].count(
        ": not taken: an earlier one has this survey id\n") == 1
