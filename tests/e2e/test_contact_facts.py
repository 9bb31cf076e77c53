"""A contact's attributes: the same numbers in whatever order, however often and by whomever told.

What becomes of which facts is tests/unit/test_history.c's business; here they come from Twilio's
posts and are looked at in Brevo.
"""

import datetime
import random
import threading
import time

import pytest

import harness
from harness import Customer, Task, sid

DAY_MS = 24 * 3600 * 1000
LIVE = {"brevo": {"max_event_age": "10d"}}
HOUR_MS = 3600 * 1000


def attributes(sandbox, email):
    contact = sandbox.contact(email)
    return contact["attributes"] if contact else {}


def test_days_are_those_of_the_configured_zone(program, sandbox, twilio):
    flexbrevo = program(changes={**LIVE, "timezone": "Pacific/Kiritimati"}).start()
    now_s = int(time.time())
    noon_s = now_s - now_s % 86400 - 12 * 3600      # of yesterday: there it is tomorrow
    task = Task(time_ms=noon_s * 1000)
    tell_all(flexbrevo.caller(), [twilio.callback(task, "task.created")])
    settled(flexbrevo, 1)
    there = datetime.datetime.fromtimestamp(noon_s, datetime.timezone(datetime.timedelta(hours=14)))
    found = attributes(sandbox, task.customer.email)
    assert found["LAST_SUPPORT_DATE"] == there.strftime("%Y-%m-%d")


def survey(task, score, **fields):
    return {"TaskSid": task.sid, "Score": str(score), "Email": task.customer.email,
            "SurveyId": "post-chat", **fields}


def settled(flexbrevo, count):
    harness.wait_until(
        lambda: flexbrevo.metric("queue_accepted") == count
        and flexbrevo.metric("queue_pending") == 0,
        lambda: f"{count} settled, {flexbrevo.metric('queue_accepted')} accepted, "
                f"{flexbrevo.metric('queue_pending')} pending")


def tell_all(caller, webhooks):
    for webhook in webhooks:
        assert caller.send(webhook).status in (200, 202, 204)


def test_each_ticket_counts_once_by_however_many_routes_and_in_whatever_order(
        program, sandbox, twilio):
    flexbrevo = program(changes=LIVE).start()
    customer = Customer.new()
    now_ms = int(time.time() * 1000)
    told = []
    for days in range(4):
        task = Task(customer=customer, time_ms=now_ms - days * DAY_MS)
        for event in ("task.created", "task.completed"):
            told += [twilio.callback(task, event), twilio.stream(task, event=event)]
    told += told[:5]
    random.Random(7).shuffle(told)
    tell_all(flexbrevo.caller(), told)
    settled(flexbrevo, 8)
    found = attributes(sandbox, customer.email)
    today = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.timezone.utc)
    assert (found["SUPPORT_TICKET_COUNT"], found["PREFERRED_CHANNEL"]) == (4, "whatsapp")
    assert found["LAST_SUPPORT_DATE"] == today.strftime("%Y-%m-%d")
    assert sandbox.contact(customer.email)["listIds"] == [32]


def test_the_preferred_channel_is_the_most_used_one_and_waits_are_averaged(
        program, sandbox, twilio):
    flexbrevo = program(changes=LIVE).start()
    customer = Customer.new()
    caller = flexbrevo.caller()
    began_ms = int(time.time() * 1000) - 2 * HOUR_MS
    for channel, wait_s in (("voice", 10), ("web", 31), ("voice", 20)):
        task = Task(customer=customer, attributes={"channelType": channel})
        for event, at_s in (("task.created", 0), ("reservation.accepted", wait_s),
                            ("task.completed", 300)):
            task.time_ms, task.age = began_ms + at_s * 1000, at_s
            tell_all(caller, [twilio.callback(task, event)])
        began_ms += HOUR_MS // 4
    settled(flexbrevo, 9)
    found = attributes(sandbox, customer.email)
    assert (found["PREFERRED_CHANNEL"], found["AVG_WAIT_TIME"]) == ("voice", 20)
    assert found["SUPPORT_TICKET_COUNT"] == 3


def test_counting_starts_from_what_brevo_had(program, sandbox, twilio):
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"email": customer.email, "attributes": {
        "SUPPORT_TICKET_COUNT": 57, "AVG_WAIT_TIME": 30, "LAST_SUPPORT_DATE": "2999-01-01",
        "PREFERRED_CHANNEL": "voice"}})
    flexbrevo = program().start()
    task = Task(customer=customer)
    caller = flexbrevo.caller()
    tell_all(caller, [twilio.callback(task, "task.created"), twilio.callback(task)])
    settled(flexbrevo, 2)
    found = attributes(sandbox, customer.email)
    assert found["SUPPORT_TICKET_COUNT"] == 58
    assert (found["AVG_WAIT_TIME"], found["PREFERRED_CHANNEL"]) == (30, "voice")
    assert found["LAST_SUPPORT_DATE"] == "2999-01-01"       # never backwards


def test_an_emptied_redis_lowers_nothing(program, sandbox, twilio, redis):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    customer = Customer.new()
    tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=customer)) for _ in range(3)])
    settled(flexbrevo, 3)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 3
    flexbrevo.terminate()
    redis.do("FLUSHALL")
    flexbrevo.start()
    tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 1)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 4


def test_two_workers_at_one_contact_leave_what_both_know(program, sandbox, twilio, redis):
    changes = {"redis": {"url": redis.url}}
    server = program("serve", changes).start()
    workers = [program("work", changes).start() for _ in range(2)]
    customer = Customer.new()
    threads = [threading.Thread(target=tell_all, args=(
        server.caller(), [twilio.callback(Task(customer=customer)) for _ in range(20)]))
        for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settled(workers[0], 40)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 40
    assert len(sandbox.contacts()) == 1


def test_who_was_known_by_phone_first_gains_the_email_and_keeps_the_history(
        program, sandbox, twilio):
    flexbrevo = program().start()
    caller = flexbrevo.caller()
    customer = Customer.new()
    unnamed = Customer("", customer.phone)
    tell_all(caller, [twilio.callback(Task(customer=unnamed)) for _ in range(2)])
    settled(flexbrevo, 2)
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 3)
    tell_all(caller, [twilio.callback(Task(customer=unnamed))])
    settled(flexbrevo, 4)
    contacts = sandbox.contacts()
    assert [contact["email"] for contact in contacts] == [customer.email]
    assert contacts[0]["attributes"]["SUPPORT_TICKET_COUNT"] == 4
    assert {event["contact_id"] for event in sandbox.events()} == {contacts[0]["id"]}


def test_a_phone_of_somebody_with_another_email_makes_no_one_of_two(program, sandbox, twilio):
    flexbrevo = program().start()
    caller = flexbrevo.caller()
    first, second = Customer.new(), Customer.new()
    second.phone = first.phone
    for customer in (first, second, first):
        tell_all(caller, [twilio.callback(Task(customer=customer))])
        settled(flexbrevo, flexbrevo.metric("queue_accepted"))
    sandbox.wait_for_events(3)
    counts = {contact["email"]: contact["attributes"]["SUPPORT_TICKET_COUNT"]
              for contact in sandbox.contacts()}
    assert counts == {first.email: 2, second.email: 1}


@pytest.mark.parametrize("recreate", [False, True])
def test_nobody_who_was_erased_in_brevo_is_created_again_unless_allowed(
        program, sandbox, twilio, redis, recreate):
    flexbrevo = program(changes={"redis": {"url": redis.url},
                                 "contacts": {"recreate": recreate}}).start()
    caller = flexbrevo.caller()
    customer = Customer.new()
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 1)
    with sandbox.brevo.lock:
        sandbox.brevo.account.contacts.clear()
        sandbox.brevo.account.owners.clear()
    known = [key for key in redis.do("KEYS", "*known/*").split()]
    assert len(known) == 3      # by e-mail, phone and WhatsApp
    for key in known:           # not just now: what was created this minute may not be shown yet
        redis.do("HSET", key, "+id", "1000 1")
    tell_all(caller, [twilio.callback(Task(customer=Customer("", customer.phone)))])
    settled(flexbrevo, 2)
    assert len(sandbox.contacts()) == (1 if recreate else 0)
    if not recreate:
        flexbrevo.wait_for_metric('events_filtered_total{reason="erased_in_brevo"}', 1)


@pytest.mark.parametrize("create, written", [("known_only", 1), ("never", 0)])
def test_of_whom_brevo_does_not_have_nothing_is_told_where_that_is_wanted(
        program, sandbox, twilio, create, written):
    flexbrevo = program(changes={"contacts": {"create": create}}).start()
    known, unknown = Customer.new(), Customer.new()
    sandbox.brevo.account.create_contact({"email": known.email})
    tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=known)),
                                  twilio.callback(Task(customer=unknown))])
    settled(flexbrevo, 2)
    assert [contact["email"] for contact in sandbox.contacts()] == [known.email]
    assert [event["contact_id"] for event in sandbox.events()] == [1]
    assert len(sandbox.requests("POST", "/contacts")) == written
    flexbrevo.wait_for_metric('events_filtered_total{reason="unknown_contact"}', 1)


def test_the_latest_score_counts_whenever_it_arrives(program, sandbox, twilio):
    flexbrevo = program().start()
    caller = flexbrevo.caller()
    task = Task()
    tell_all(caller, [twilio.callback(task)])
    settled(flexbrevo, 1)
    for number, score in enumerate((2, 9), 2):
        tell_all(caller, [twilio.form(
            survey(task, score, ScoreMax="10", SurveyId=f"survey{number}"),
            "/webhooks/flex/survey")])
        settled(flexbrevo, number)
    tell_all(caller, [twilio.form(survey(task, 1, ScoreMax="10", SurveyId="nps", Kind="nps"),
                                  "/webhooks/flex/survey")])
    settled(flexbrevo, 4)
    contact = sandbox.contact(task.customer.email)
    assert contact["attributes"]["CSAT_SCORE"] == 4.5
    assert contact["listIds"] == [32, 33]


def test_a_list_that_was_left_is_not_joined_again(program, sandbox, twilio):
    flexbrevo = program().start()
    caller = flexbrevo.caller()
    customer = Customer.new()
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 1)
    contact = sandbox.contact(customer.email)
    assert contact["listIds"] == [32]
    contact["listIds"] = []
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 2)
    assert contact["listIds"] == []


def test_nothing_is_written_when_nothing_changed(program, sandbox, twilio):
    """An end that follows its resolution is its event, and nothing else."""
    flexbrevo = program(changes={"ticket": {"join_wait": "5s"}}).start()
    caller = flexbrevo.caller()
    interaction, conversation = sid("KD"), sid("CH")
    task = Task(attributes={"flexInteractionSid": interaction, "conversationSid": conversation})
    tell_all(caller, [twilio.callback(task)])
    settled(flexbrevo, 1)
    before = len(sandbox.requests())
    tell_all(caller, [twilio.form(
        {"EventType": "onConversationStateUpdated", "ConversationSid": conversation,
         "StateTo": "closed", "AccountSid": harness.ACCOUNT_SID,
         "StateUpdated": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())},
        "/webhooks/conversations")])
    settled(flexbrevo, 2)
    assert [entry["method"] for entry in sandbox.requests()[before:]] == ["POST"]
