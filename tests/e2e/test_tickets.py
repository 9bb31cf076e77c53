"""One matter of a customer's is one ticket, however many tasks it takes: docs/mapping.md, from outside.

Each test tells a story by signed callbacks and looks at what Brevo was told, and why not of the
rest. Waits are short here; that they are right is tests/unit/test_ticket.c's business.
"""

import itertools
import json
import time

import pytest

import harness
from harness import Customer, Task, sid

SETTLE_S = 0.3
WAITS = {"ticket": {"settle": "300ms", "abandoned_after": "600ms", "join_wait": "5s"}}


class Ticket:
    """Tasks of one interaction, told one after another."""

    def __init__(self, flexbrevo, twilio, **attributes):
        self.flexbrevo, self.twilio = flexbrevo, twilio
        self.customer = Customer.new()
        self.interaction, self.conversation = sid("KD"), sid("CH")
        self.attributes = {"flexInteractionSid": self.interaction,
                           "conversationSid": self.conversation,
                           "conversations": {"conversation_id": self.interaction}, **attributes}
        self.time_ms = int(time.time() * 1000) - 60_000
        self.told = 0

    def task(self, began_s=0, **attributes):
        task = Task(customer=self.customer, attributes={**self.attributes, **attributes})
        task.began_ms = self.time_ms + began_s * 1000
        return task

    def tell(self, task, event, at_s=0, **fields):
        task.time_ms = self.time_ms + at_s * 1000
        task.age = (task.time_ms - task.began_ms) // 1000
        self.post(task.callback(event) | fields)

    def post(self, fields, path="/webhooks/taskrouter"):
        assert self.flexbrevo.caller().send(
            self.twilio.form(fields, path)).status in (200, 204)
        self.told += 1

    def state(self, state, at_s):
        seconds = (self.time_ms + at_s * 1000) // 1000
        self.post({"EventType": "onConversationStateUpdated", "ConversationSid": self.conversation,
                   "StateTo": state, "AccountSid": harness.ACCOUNT_SID,
                   "StateUpdated": time.strftime("%Y-%m-%dT%H:%M:%S.000Z",
                                                 time.gmtime(seconds))},
                  "/webhooks/conversations")

    def settled(self):
        """Reasons of what was filtered, when everything told is settled."""
        def look():
            told = status(self.flexbrevo)
            ended = told["queue_filtered"] + told["queue_delivered"]
            return told if ended == self.told else None

        told = harness.wait_until(look, lambda: f"{self.told} settled, {status(self.flexbrevo)}")
        return {name: count for name, count in told["filtered_by"].items()
                if count > 0 and name != "facts"}


def status(flexbrevo):
    code, out, err = harness.run_command("status", "--json", "--config", flexbrevo.config_file)
    assert (code, err) == (0, "")
    return json.loads(out)


def names(sandbox):
    return sorted(event["event_name"] for event in sandbox.events())


@pytest.fixture
def ticket(program, twilio):
    return Ticket(program(changes=WAITS).start(), twilio)


def test_a_transfer_makes_a_new_task_and_no_new_ticket(ticket, sandbox):
    first, second = ticket.task(), ticket.task(began_s=20)
    ticket.tell(first, "task.created")
    ticket.tell(first, "reservation.accepted", 5)
    ticket.tell(second, "task.created", 20)
    ticket.tell(second, "reservation.accepted", 25, ReservationSid=sid("WR"))
    ticket.tell(first, "task.completed", 30)
    time.sleep(SETTLE_S)        # it has settled by now, and waits for the other one
    assert names(sandbox) == ["SUPPORT_REQUESTED"]
    ticket.tell(second, "task.completed", 50)
    assert ticket.settled() == {"same_ticket": 1, "already_delivered": 1}
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]
    assert {event["event_properties"]["ticket"] for event in sandbox.events()} == {
        ticket.interaction}


def test_an_invitation_nobody_took_does_not_hold_up_the_end_and_is_no_abandonment(ticket, sandbox):
    first, invited = ticket.task(), ticket.task(began_s=20)
    ticket.tell(first, "task.created")
    ticket.tell(first, "reservation.accepted", 5)
    ticket.tell(invited, "task.created", 20)
    ticket.tell(first, "task.completed", 30)
    time.sleep(SETTLE_S)        # it has settled by now, and waits for the invitation
    ticket.tell(invited, "task.canceled", 31, TaskCanceledReason="Task TTL Exceeded")
    assert ticket.settled() == {"same_ticket": 1, "was_served": 1}
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]


def test_whose_a_handed_on_task_was_is_known_from_the_first(ticket, sandbox):
    first, second = ticket.task(), ticket.task(began_s=20)
    second.customer = harness.Customer(email="", phone="anonymous")
    ticket.tell(first, "task.created")
    ticket.tell(first, "reservation.accepted", 5)
    ticket.tell(second, "task.created", 20)
    ticket.tell(second, "reservation.accepted", 25, ReservationSid=sid("WR"))
    ticket.tell(first, "task.completed", 30)
    ticket.tell(second, "task.completed", 50)
    ticket.settled()
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]
    assert [sent["body"]["identifiers"] for sent in sandbox.requests("POST", "/events")] == [
        {"email_id": first.customer.email}] * 2


def test_a_parked_conversation_is_resolved_when_it_has_come_back(ticket, sandbox):
    first, again = ticket.task(), ticket.task(began_s=600)
    ticket.tell(first, "task.created")
    ticket.state("inactive", 30)
    ticket.tell(first, "task.completed", 30)
    time.sleep(SETTLE_S)        # it has settled by now, and waits for it to come back
    assert names(sandbox) == ["SUPPORT_REQUESTED"]
    ticket.state("active", 599)
    ticket.tell(again, "task.created", 600)
    ticket.tell(again, "reservation.accepted", 605)
    ticket.tell(again, "task.completed", 700)
    assert ticket.settled() == {"same_ticket": 1, "already_delivered": 1}
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]


def test_what_the_agent_began_is_only_resolved_and_so_is_what_it_was_handed_on_as(
        ticket, sandbox):
    first = ticket.task(direction="outbound")
    second = ticket.task(began_s=20)        # its attributes do not say so any more
    ticket.tell(first, "task.created")
    ticket.tell(second, "task.created", 20)
    ticket.tell(first, "task.completed", 30)
    ticket.tell(second, "task.completed", 40)
    assert ticket.settled() == {"outbound": 2, "already_delivered": 1}
    resolved, = sandbox.events()
    assert resolved["event_name"] == "SUPPORT_RESOLVED"
    assert resolved["event_properties"]["direction"] == "outbound"


@pytest.mark.parametrize("outbound, told", [
    ("ignore", []), ("resolved", ["CONVERSATION_ENDED", "SUPPORT_RESOLVED"]),
    ("all", ["CONVERSATION_ENDED", "SUPPORT_REQUESTED", "SUPPORT_RESOLVED"])])
def test_outbound_is_told_as_configured(program, twilio, sandbox, outbound, told):
    ticket = Ticket(program(changes={**WAITS, "outbound": outbound}).start(), twilio,
                    direction="outbound")
    task = ticket.task()
    ticket.tell(task, "task.created")
    ticket.tell(task, "task.completed", 30)
    ticket.state("closed", 31)
    ticket.settled()
    assert names(sandbox) == told
    assert told or sandbox.requests() == []


@pytest.mark.parametrize("reason, age_s, becomes", [
    ("hangup", 30, "abandoned"), ("Task TTL Exceeded", 30, "unserved"),
    ("Workflow timeout", 30, "unserved"), ("Closed by an administrator", 30, "canceled_other"),
    ("hangup", 3, "short_wait")])
def test_a_canceled_task_is_an_abandonment_only_by_who_waited(
        ticket, sandbox, reason, age_s, becomes):
    task = ticket.task()
    ticket.tell(task, "task.canceled", age_s, TaskCanceledReason=reason)
    filtered = ticket.settled()
    if becomes in ("abandoned", "unserved"):
        event, = sandbox.events("SUPPORT_ABANDONED")
        assert event["event_properties"]["outcome"] == becomes
        assert event["event_properties"]["reason"] == reason
        assert filtered == {}
    else:
        assert filtered == {becomes: 1} and sandbox.events() == []


def test_who_calls_again_has_not_given_up(ticket, sandbox):
    first, second = ticket.task(), ticket.task(began_s=30)
    ticket.tell(first, "task.canceled", 30)
    ticket.tell(second, "task.created", 30)     # while the first one waits whether this comes
    assert ticket.settled() == {"newer_task": 1}
    ticket.tell(second, "task.completed", 40)
    ticket.settled()
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]


def test_a_call_back_that_ends_last_leaves_the_ticket_the_customers(ticket, sandbox):
    asked, called = ticket.task(), ticket.task(began_s=20, direction="outbound")
    ticket.tell(asked, "reservation.accepted", 5)
    ticket.tell(called, "task.created", 20)
    ticket.tell(called, "reservation.accepted", 25, ReservationSid=sid("WR"))
    ticket.tell(asked, "task.completed", 30)
    ticket.tell(called, "task.completed", 50)
    assert ticket.settled() == {"outbound": 1, "already_delivered": 1}
    event, = sandbox.events()
    told = event["event_properties"]
    assert (told["task_sid"], told["direction"], told["wait_s"]) == (called.sid, "inbound", 5)
    found = sandbox.contact(ticket.customer.email)["attributes"]
    assert (found["SUPPORT_TICKET_COUNT"], found["AVG_WAIT_TIME"]) == (1, 5)
    assert found["PREFERRED_CHANNEL"] == "whatsapp"


@pytest.mark.parametrize("end", ["task.deleted", "task.system-deleted"])
def test_a_deleted_task_ends_its_ticket_without_an_event(ticket, sandbox, end):
    task, other = ticket.task(), ticket.task(began_s=10)
    ticket.tell(task, "task.created")
    ticket.tell(other, "reservation.accepted", 12)
    ticket.tell(other, end, 20)
    ticket.settled()
    assert names(sandbox) == ["SUPPORT_REQUESTED"]
    ticket.tell(task, "task.completed", 30)     # nothing else is open
    ticket.settled()
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]


def test_by_task_each_is_a_matter_of_its_own(program, twilio, sandbox):
    ticket = Ticket(program(
        changes={"ticket": {**WAITS["ticket"], "per_task": True}}).start(), twilio)
    first, second = ticket.task(), ticket.task(began_s=20)
    for task, at_s in ((first, 0), (second, 20)):
        ticket.tell(task, "task.created", at_s)
        ticket.tell(task, "task.completed", at_s + 30)
    assert ticket.settled() == {}
    assert names(sandbox) == ["SUPPORT_REQUESTED"] * 2 + ["SUPPORT_RESOLVED"] * 2


# ---- the end of a conversation

def closings(ticket):
    """One and the same end, told by each route that can."""
    seconds = (ticket.time_ms + 90_000) // 1000
    ended = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
    state = {"AccountSid": harness.ACCOUNT_SID, "ConversationSid": ticket.conversation,
             "StateFrom": "active", "StateTo": "closed", "StateUpdated": ended}
    return {
        "conversations": ticket.twilio.form(
            {"EventType": "onConversationStateUpdated", **state}, "/webhooks/conversations"),
        "event-streams": ticket.twilio.json([{
            "specversion": "1.0", "id": sid("EZ"), "time": ended, "data": state,
            "type": "com.twilio.conversations.conversation-state.updated"}]),
        "interactions": ticket.twilio.form(
            {"EventType": "onChannelStatusUpdated", "AccountSid": harness.ACCOUNT_SID,
             "InteractionSid": ticket.interaction, "ChannelSid": sid("UO"),
             "MediaChannelSid": ticket.conversation, "ChannelStatus": "closed",
             "MediaChannelType": "whatsapp"}, "/webhooks/flex/interactions")}


@pytest.mark.parametrize("order", itertools.permutations(
    ("task", "conversations", "event-streams", "interactions")), ids="-".join)
def test_a_conversation_ends_once_whichever_route_says_so_and_its_task_says_whose_it_was(
        shared, twilio, order):
    ticket, sandbox = Ticket(shared, twilio), shared.sandbox
    posts = closings(ticket) | {"task": twilio.form(told_creation(ticket))}
    for way in order:
        assert shared.caller().send(posts[way]).status in (200, 204)

    def ended():
        return [event for event in sandbox.events("CONVERSATION_ENDED")
                if event["event_properties"].get("ticket") == ticket.interaction]

    event, = harness.wait_until(ended, "the end")
    assert event["event_properties"]["channel"] == "whatsapp"
    assert event["event_properties"]["interaction_sid"] == ticket.interaction
    assert event["event_properties"]["direction"] == "inbound"
    assert event["contact_id"] == sandbox.contact(ticket.customer.email)["id"]
    harness.wait_until(lambda: shared.metric("queue_pending") == 0, "all settled")
    assert len(ended()) == 1


def told_creation(ticket):
    task = ticket.task()
    task.time_ms = ticket.time_ms
    return task.callback("task.created")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One program for the many orders; an end waits for its task."""
    directory = tmp_path_factory.mktemp("shared")
    sandbox = harness.Sandbox().start()
    one = harness.Flexbrevo(directory, {
        "connectors": {"twilio_flex": {
            "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
            "auth_token": harness.AUTH_TOKEN}},
        "brevo": {"api_key": harness.API_KEY, "base_url": sandbox.url, "max_rps": 1000},
        "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
        "admin": {"listen": "127.0.0.1:0"}, "state_dir": str(directory / "state"),
        "ticket": {"settle": "0", "abandoned_after": "0", "join_wait": "10s"},
        "identity": {"wait": "10s", "ask_twilio": False}}).start()
    one.sandbox = sandbox
    yield one
    one.close()
    sandbox.stop()
    sandbox.check()


def test_a_call_ends_with_its_interaction(ticket, sandbox):
    task = ticket.task(channelType="voice")
    ticket.tell(task, "task.created")
    ticket.post({"EventType": "onChannelStatusUpdated", "AccountSid": harness.ACCOUNT_SID,
                 "InteractionSid": ticket.interaction, "ChannelSid": sid("UO"),
                 "MediaChannelSid": sid("CF"), "ChannelStatus": "closed",
                 "MediaChannelType": "voice"}, "/webhooks/flex/interactions")
    assert ticket.settled() == {}
    assert names(sandbox) == ["CONVERSATION_ENDED", "SUPPORT_REQUESTED"]


def test_whose_first_event_is_the_end_of_a_conversation_joins_the_list(program, twilio, sandbox):
    ticket = Ticket(program(changes={**WAITS, "connectors": {"twilio_flex": {
        "sync": {"tasks": False}}}}).start(), twilio)
    ticket.tell(ticket.task(), "task.created")
    ticket.state("closed", 30)
    assert ticket.settled() == {"switched_off": 1}
    assert names(sandbox) == ["CONVERSATION_ENDED"]
    assert sandbox.contact(ticket.customer.email)["listIds"] == [32]


def test_who_waits_long_is_told_once_for_the_ticket(program, twilio, sandbox):
    ticket = Ticket(program(changes={
        "connectors": {"twilio_flex": {"event_mapping": {"task.waiting": "SUPPORT_WAITING"}}},
        "wait": {"notify_after": "1s"}, **WAITS}).start(), twilio)
    ticket.tell(ticket.task(), "task.created")
    ticket.tell(ticket.task(began_s=20), "task.created", 20)
    ticket.told += 2            # a wait for each of the tasks
    assert ticket.settled() == {"same_ticket": 1, "already_delivered": 1}
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_WAITING"]


@pytest.fixture
def call(program, twilio):
    ticket = Ticket(program(
        changes={"ticket": {**WAITS["ticket"], "voice_end": "3s"}}).start(), twilio)
    ticket.attributes |= {"channelType": "voice", "conversationSid": ""}
    ticket.time_ms += 30_000
    return ticket


def test_a_call_nobody_tells_the_end_of_ends_after_its_last_task(call, sandbox):
    first, second = call.task(), call.task(began_s=29)
    call.tell(first, "task.completed", 30)
    harness.wait_until(lambda: names(sandbox) == ["SUPPORT_RESOLVED"], "the first event")
    call.tell(second, "task.created", 29)
    call.tell(second, "task.completed", 50)
    call.told += 2              # an end for each of the tasks
    assert call.settled() == {"already_delivered": 1, "newer_task": 1}
    assert names(sandbox) == ["CONVERSATION_ENDED", "SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]
    event, = sandbox.events("CONVERSATION_ENDED")
    assert event["event_properties"]["task_sid"] == second.sid
    assert event["event_properties"]["channel"] == "voice"
    assert call.flexbrevo.metric("unaccounted_events") == 0


def test_by_task_a_call_that_is_handed_on_ends_once(program, twilio, sandbox):
    call = Ticket(program(changes={"ticket": {
        **WAITS["ticket"], "per_task": True, "voice_end": "1s"}}).start(), twilio)
    call.attributes = {"channelType": "voice", "conversations": {"conversation_id": "matter-1"}}
    first, second = call.task(), call.task(began_s=25)
    call.tell(first, "task.created")
    call.tell(second, "task.created", 25)
    call.tell(first, "task.completed", 30)
    harness.wait_until(lambda: "SUPPORT_RESOLVED" in names(sandbox), "the first event")
    time.sleep(1.5)             # longer than its end waits for another task
    assert "CONVERSATION_ENDED" not in names(sandbox)
    call.tell(second, "task.completed", 50)
    call.told += 2              # an end for each of the tasks
    assert call.settled() == {"newer_task": 1}
    assert names(sandbox) == ["CONVERSATION_ENDED"] + ["SUPPORT_REQUESTED"] * 2 + [
        "SUPPORT_RESOLVED"] * 2
    event, = sandbox.events("CONVERSATION_ENDED")
    assert event["event_properties"]["task_sid"] == second.sid


def test_a_plugin_ends_no_call_that_another_agent_has(program, twilio, sandbox):
    """Handed on within one task: the first agent is done, and the customer is not."""
    call = Ticket(program(changes={
        "queue": {"plugin_wait": "300ms"},
        "ticket": {**WAITS["ticket"], "voice_end": "300ms"}}).start(), twilio)
    call.attributes |= {"channelType": "voice", "conversationSid": ""}
    call.time_ms += 50_000
    task = call.task()
    reservations = [task.reservation_sid, sid("WR")]
    call.tell(task, "task.created")
    for reservation, at_s in zip(reservations, (1, 2), strict=True):
        task.reservation_sid = reservation
        call.tell(task, "reservation.accepted", at_s)
    task.reservation_sid = reservations[0]
    assert call.flexbrevo.caller().send(twilio.plugin(task)).status == 202
    call.tell(task, "reservation.completed", 4)
    time.sleep(2.5)             # longer than all of these together, and than a first look
    assert names(sandbox) == ["SUPPORT_REQUESTED"]
    assert status(call.flexbrevo)["queue_delayed"] == 1
    call.tell(task, "task.completed", 9)
    call.told += 1              # an end for the call
    assert call.settled() == {}
    assert names(sandbox) == ["CONVERSATION_ENDED", "SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]
    for event in sandbox.events("CONVERSATION_ENDED") + sandbox.events("SUPPORT_RESOLVED"):
        assert event["event_date"] == task.iso_time


def test_a_call_whose_end_interactions_tell_has_no_second_one(call, sandbox):
    call.tell(call.task(), "task.canceled", 30, TaskCanceledReason="hangup")
    call.post({"EventType": "onChannelStatusUpdated", "AccountSid": harness.ACCOUNT_SID,
               "InteractionSid": call.interaction, "ChannelSid": sid("UO"),
               "MediaChannelSid": sid("CF"), "ChannelStatus": "closed",
               "MediaChannelType": "voice"}, "/webhooks/flex/interactions")
    call.told += 1
    assert call.settled() == {"already_delivered": 1}
    assert names(sandbox) == ["CONVERSATION_ENDED", "SUPPORT_ABANDONED"]


def test_a_conversation_without_a_task_is_none_of_flexs(program, twilio, sandbox):
    ticket = Ticket(program().start(), twilio)
    assert ticket.flexbrevo.caller().send(closings(ticket)["conversations"]).status == 200
    ticket.told = 1
    assert ticket.settled() == {"not_flex": 1}
    assert sandbox.requests() == []


def test_a_wait_survives_a_restart_and_is_no_attempt(program, twilio, sandbox):
    flexbrevo = program(changes={"ticket": {"settle": "2s"}}).start()
    ticket = Ticket(flexbrevo, twilio)
    ticket.tell(ticket.task(), "task.completed", 30)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 1, "the wait")
    flexbrevo.terminate()
    flexbrevo.start()
    assert sandbox.events() == []
    assert ticket.settled() == {}
    assert names(sandbox) == ["SUPPORT_RESOLVED"]


BETTER = {"conversations": {"conversation_id": "matter-1"}}


def test_a_better_name_learnt_between_two_completions_makes_no_second_resolution(ticket, sandbox):
    """Told by its interaction, then by the name the account gave it: one ticket all the time."""
    del ticket.attributes["conversations"]
    first, second = ticket.task(), ticket.task(40, **BETTER)
    ticket.tell(first, "task.created")
    ticket.tell(first, "task.completed", 30)
    assert ticket.settled() == {}
    ticket.tell(second, "task.created", 40)
    ticket.tell(second, "task.completed", 60)
    assert ticket.settled() == {"same_ticket": 1, "already_delivered": 1}
    assert names(sandbox) == ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"]


def test_two_tickets_of_one_conversation_are_each_resolved(ticket, sandbox):
    """A conversation that goes on for years: each of its interactions is a matter of its own."""
    for number in (0, 1):
        ticket.interaction = sid("KD")
        named = {"flexInteractionSid": ticket.interaction, "conversations": {}}
        task = ticket.task(number * 20, **named)
        ticket.state("active", number * 20)
        ticket.tell(task, "task.created", number * 20)
        ticket.tell(task, "task.completed", number * 20 + 10)
        ticket.settled()
    assert names(sandbox) == 2 * ["SUPPORT_REQUESTED"] + 2 * ["SUPPORT_RESOLVED"]
