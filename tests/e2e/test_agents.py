"""Which agent an event names, and for how long they had the task: docs/mapping.md, from outside.

Twilio says who it was with reservations only, and in no order: a task's end says nothing of it.
"""

import itertools
import time

import pytest

import harness
from harness import Task
from test_reload import configure

NAME, SID = "Mary Zoltana", harness.WORKER_SID
WORKER = {"WorkerName": "zoltana", "WorkerAttributes": '{"full_name":"%s"}' % NAME}
STORY = (("task.created", 0), ("reservation.accepted", 20), ("task.wrapup", 50),
         ("task.completed", 60))
SETTLE = {"ticket": {"settle": "2s"}, "queue": {"plugin_wait": "200ms"}}

# Which keys hold a text, whatever they are.
HOLDERS = """
local read = {
    string = function(key) return {redis.call('get', key)} end,
    hash = function(key) return redis.call('hgetall', key) end,
    list = function(key) return redis.call('lrange', key, 0, -1) end,
    set = function(key) return redis.call('smembers', key) end,
    zset = function(key) return redis.call('zrange', key, 0, -1) end,
    stream = function(key)
        local found = {}
        for _, entry in ipairs(redis.call('xrange', key, '-', '+')) do
            for _, text in ipairs(entry[2]) do found[#found + 1] = text end
        end
        return found
    end}
local found = {}
for _, key in ipairs(redis.call('keys', '*')) do
    for _, text in ipairs(read[redis.call('type', key).ok](key)) do
        if string.find(text, ARGV[1], 1, true) then found[#found + 1] = key end
    end
end
return found
"""


class Desk:
    def __init__(self, flexbrevo, twilio, redis):
        self.flexbrevo, self.twilio, self.redis = flexbrevo, twilio, redis
        self.began_ms = int(time.time() * 1000) - 600_000
        self.told = 0

    def post(self, webhook):
        assert self.flexbrevo.caller().send(webhook).status in (200, 202, 204)
        self.told += 1

    def tell(self, task, *story):
        for event, at_s in story:
            task.time_ms, task.age = self.began_ms + at_s * 1000, at_s
            fields = WORKER if event.startswith("reservation.") else {}
            self.post(self.twilio.form(task.callback(event) | fields))

    def holders(self, text):
        return self.redis.do("eval", HOLDERS, 0, text).split()

    def settled(self):
        harness.wait_until(
            lambda: (shown := self.flexbrevo.metrics())["flexbrevo_queue_delivered"]
            + shown["flexbrevo_queue_filtered"] == self.told, lambda: f"{self.told} settled")


@pytest.fixture
def desk(program, twilio, redis):
    def make(agent=None):
        brevo = {"brevo": {"agent": agent}} if agent else {}
        changes = SETTLE | brevo | {"redis": {"url": redis.url}}
        return Desk(program(changes=changes).start(), twilio, redis)
    return make


def resolved(sandbox):
    return {event["event_properties"]["task_sid"]: event["event_properties"]
            for event in sandbox.events("SUPPORT_RESOLVED")}


@pytest.mark.parametrize("agent, said", [("sid", SID), ("name", NAME)])
def test_in_whatever_order_it_is_told_it_is_who_accepted(desk, sandbox, agent, said):
    desk, tasks = desk(agent), {}
    for story in itertools.permutations(STORY):
        task = Task()
        tasks[task.sid] = story
        desk.tell(task, *story)
    desk.settled()
    found = {sid: tuple(properties.get(name) for name in ("agent", "handling_s", "wrapup_s"))
             for sid, properties in resolved(sandbox).items()}
    assert {tasks[sid]: had for sid, had in found.items() if had != (said, 30, 10)} == {}
    assert found.keys() == tasks.keys()


def test_by_default_nobody_is_named_and_no_name_is_kept(desk, sandbox):
    desk, task = desk(), Task()
    desk.tell(task, *STORY[:2])
    desk.post(desk.twilio.plugin(task))
    desk.tell(task, *STORY[2:])
    desk.told -= 1          # both tell of one completion
    desk.settled()
    assert resolved(sandbox)[task.sid].keys() >= {"handling_s", "wrapup_s"}
    sent = str([request["body"] for request in sandbox.requests("POST")])
    assert not any(word in sent for word in ("agent", SID, NAME, "zoltana"))
    assert desk.holders(NAME) == []
    assert desk.holders(task.sid) != []         # that something would be found


def test_who_a_plugin_says_it_was_has_the_name_of_the_reservation(desk, sandbox):
    desk, task = desk("name"), Task()
    desk.post(desk.twilio.plugin(task))
    desk.tell(task, ("task.completed", 60), ("reservation.accepted", 20))
    desk.told -= 1
    desk.settled()
    assert resolved(sandbox)[task.sid]["agent"] == NAME


def test_the_end_of_its_conversation_and_an_answer_name_the_agent_too(desk, sandbox):
    desk, task, conversation = desk("name"), Task(), harness.sid("CH")
    task.attributes = {"conversationSid": conversation}
    desk.tell(task, *STORY)
    desk.settled()
    desk.post(desk.twilio.form({
        "EventType": "onConversationStateUpdated", "ConversationSid": conversation,
        "StateTo": "closed", "AccountSid": harness.ACCOUNT_SID,
        "StateUpdated": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())},
        "/webhooks/conversations"))
    desk.post(desk.twilio.form({
        "TaskSid": task.sid, "Score": "5", "Email": task.customer.email,
        "AccountSid": harness.ACCOUNT_SID}, "/webhooks/flex/survey"))
    told = {event["event_name"]: event["event_properties"].get("agent")
            for event in sandbox.wait_for_events(4)}
    assert told == {"SUPPORT_REQUESTED": None, "SUPPORT_RESOLVED": NAME,
                    "CONVERSATION_ENDED": NAME, "CSAT_SUBMITTED": NAME}


def test_from_when_it_is_configured_on_agents_are_named(desk, sandbox):
    desk, before, after = desk(), Task(), Task()
    desk.tell(before, *STORY[:2])
    desk.settled()
    configure(desk.flexbrevo, {"brevo": {"agent": "sid"}})
    desk.flexbrevo.terminate()
    desk.flexbrevo.start()
    desk.tell(before, *STORY[2:])
    desk.tell(after, *STORY)
    desk.settled()
    told = resolved(sandbox)
    assert "agent" not in told[before.sid]
    assert told[after.sid]["agent"] == SID
    assert desk.holders(NAME) == []
