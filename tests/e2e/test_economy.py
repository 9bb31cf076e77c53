"""What Brevo is not asked: who was met lately, and a contact's numbers apart from its event."""

import json
import time

import pytest

import harness
from harness import Customer, Task
from test_contact_facts import attributes, settled, survey, tell_all


def start(program, **brevo):
    return program(changes={"brevo": brevo} if brevo else {}).start()


def calls(sandbox, since=0):
    return [f"{entry['method']} {entry['path'].split('?')[0].split('/')[1]}"
            for entry in sandbox.requests()[since:]]


def test_a_new_customer_is_three_calls_and_each_further_event_one(program, twilio, sandbox):
    flexbrevo = start(program)
    caller = flexbrevo.caller()
    customer = Customer.new()
    began = len(sandbox.requests())
    for count in (1, 2, 3):
        tell_all(caller, [twilio.callback(Task(customer=customer))])
        settled(flexbrevo, count)
    assert calls(sandbox, began) == ["GET contacts", "POST contacts", *3 * ["POST events"]]
    assert [event["contact_properties"]["SUPPORT_TICKET_COUNT"]
            for event in sandbox.events()] == [1, 2, 3]
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 3


def test_numbers_go_by_themselves_where_events_shall_carry_none(program, twilio, sandbox):
    flexbrevo = start(program, contact_properties=False)
    task = Task()
    tell_all(flexbrevo.caller(), [twilio.callback(task)])
    settled(flexbrevo, 1)
    assert [event["contact_properties"] for event in sandbox.events()] == [{}]
    assert attributes(sandbox, task.customer.email)["SUPPORT_TICKET_COUNT"] == 1


def test_a_number_that_is_not_whole_is_no_property_of_an_event(program, twilio, sandbox):
    flexbrevo = program(changes={"csat": {"scale": 10}}).start()
    caller = flexbrevo.caller()
    task = Task()
    tell_all(caller, [twilio.callback(task)])
    settled(flexbrevo, 1)
    tell_all(caller, [twilio.form(survey(task, 2, ScoreMax="3"), "/webhooks/flex/survey")])
    settled(flexbrevo, 2)
    assert attributes(sandbox, task.customer.email)["CSAT_SCORE"] == 6.67
    assert "CSAT_SCORE" not in sandbox.events("CSAT_SUBMITTED")[0]["contact_properties"]


def test_gaps_are_not_filled_from_memory(program, twilio, sandbox):
    """Somebody fills the tier in Brevo, just before an event would."""
    flexbrevo = start(program)
    caller = flexbrevo.caller()
    customer = Customer.new()
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 1)
    account = sandbox.brevo.account
    account.update_contact(str(account.owners[("email", customer.email)]), "contact_id",
                           {"attributes": {"VIP_TIER": "platinum"}})
    second = Task(customer=customer)
    second.attributes = {"customer_tier": "gold"}
    tell_all(caller, [twilio.callback(second)])
    settled(flexbrevo, 2)
    found = attributes(sandbox, customer.email)
    assert (found["VIP_TIER"], found["SUPPORT_TICKET_COUNT"]) == ("platinum", 2)


def test_an_event_refused_of_whom_we_remember_is_sent_again_once_he_was_looked_up(
        program, twilio, sandbox):
    flexbrevo = start(program)
    caller = flexbrevo.caller()
    customer = Customer.new()
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 1)
    sandbox.fault("status", endpoint="POST /events", status=400, count=1,
                  body={"code": "invalid_parameter", "message": "contact does not exist"})
    began = len(sandbox.requests())
    tell_all(caller, [twilio.callback(Task(customer=customer))])
    settled(flexbrevo, 2)
    assert calls(sandbox, began) == ["POST events", "GET contacts", "POST events"]
    assert flexbrevo.metric("queue_parked") == 0 and sandbox.event_count() == 2
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 2


def test_a_phone_that_brevo_refused_is_not_said_again_with_each_event(program, twilio, sandbox):
    flexbrevo = start(program)
    caller = flexbrevo.caller()
    sandbox.fault("status", endpoint="POST /contacts", status=400, count=1,
                  body={"code": "invalid_parameter", "message": "Invalid phone number"})
    customer = Customer.new()
    for count in (1, 2):
        tell_all(caller, [twilio.callback(Task(customer=customer))])
        settled(flexbrevo, count)
    assert len(sandbox.requests("POST", "/contacts")) == 2
    assert sandbox.contact(customer.email)["attributes"].get("SMS") is None


def test_a_phone_that_brevo_refused_is_not_said_again_by_who_looks(program, twilio, sandbox):
    flexbrevo = start(program, remember_contacts="0")
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"email": customer.email, "listIds": [32]})
    sandbox.fault("status", endpoint="POST /contacts", having="SMS", status=400, count=-1,
                  body={"code": "invalid_parameter", "message": "Invalid phone number"})
    began, asked = 0, []
    for count, customer.phone in enumerate([customer.phone, customer.phone, Customer.new().phone], 1):
        tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=customer))])
        settled(flexbrevo, count)
        asked.append(calls(sandbox, began))
        began = len(sandbox.requests())
    assert asked == [["GET contacts", "POST contacts", "POST contacts", "POST events"],
                     ["GET contacts", "POST events"],
                     ["GET contacts", "POST contacts", "POST events"]]  # and nothing else to say


def test_a_phone_that_was_refused_says_nothing_of_another_one(program, twilio, sandbox):
    flexbrevo = start(program)
    owner, customer = Customer.new(), Customer.new()
    account, own_phone = sandbox.brevo.account, customer.phone
    account.create_contact({"email": customer.email})
    account.create_contact({"email": owner.email, "attributes": {"SMS": owner.phone}})
    for phone, count in [(owner.phone, 1), ("", 2), (owner.phone, 3), (own_phone, 4)]:
        customer.phone = phone
        tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=customer))])
        settled(flexbrevo, count)
    refused = [one for one in sandbox.requests("POST", "/contacts") if one["status"] == 400]
    assert len(refused) == 1
    assert sandbox.contact(customer.email)["attributes"]["SMS"] == own_phone.lstrip("+")


@pytest.fixture
def by_turns(program, twilio, sandbox, redis):
    """Two workers, of which one works at a time: what the other wrote it does not remember."""
    changes = {"redis": {"url": redis.url}}
    server = program("serve", changes).start()
    workers = [program("work", changes).start() for _ in range(2)]

    def tell(number, webhook):
        workers[1 - number].freeze(redis)
        tell_all(server.caller(), [webhook])
        settled(server, server.metric("queue_accepted"))
        workers[1 - number].thaw()
    yield tell
    for worker in workers:
        worker.thaw()


def test_an_answer_that_is_again_what_it_was_is_told_by_who_remembers_it(
        by_turns, twilio, sandbox):
    task = Task()
    by_turns(0, twilio.callback(task))
    for number, (worker, score) in enumerate([(0, 5), (1, 1), (0, 5), (0, 5)]):
        began = len(sandbox.requests())
        by_turns(worker, twilio.form(survey(task, score, SurveyId=f"survey{number}"),
                                     "/webhooks/flex/survey"))
        assert attributes(sandbox, task.customer.email)["CSAT_SCORE"] == score
    assert calls(sandbox, began) == ["POST events"]


def test_a_channel_that_is_preferred_again_is_told_by_who_remembers_it(
        by_turns, twilio, sandbox):
    customer, now_ms = Customer.new(), int(time.time() * 1000)
    for number, (worker, channel) in enumerate([
            (0, "whatsapp"), (1, "sms"), (0, "whatsapp"), (0, "whatsapp")]):
        began = len(sandbox.requests())
        by_turns(worker, twilio.callback(Task(
            customer=customer, time_ms=now_ms + number, attributes={"channelType": channel})))
        assert attributes(sandbox, customer.email)["PREFERRED_CHANNEL"] == channel
    assert calls(sandbox, began) == ["POST events"]


def test_what_is_remembered_is_no_base_to_count_from_when_redis_has_lost_the_count(
        by_turns, twilio, sandbox, redis):
    customer = Customer.new()
    for worker in (0, 1, 1):
        by_turns(worker, twilio.callback(Task(customer=customer)))
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 3
    assert redis.do("DEL", *redis.do("KEYS", "*:contact/*").split()) == "2"
    by_turns(0, twilio.callback(Task(customer=customer)))
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 4


def test_a_whole_number_that_looks_like_a_fraction_is_told_by_who_remembers_it(
        program, twilio, sandbox):
    """A fraction is no event's to tell; 4.0 is none."""
    flexbrevo, task = start(program), Task()
    tell_all(flexbrevo.caller(), [twilio.callback(task)])
    tell_all(flexbrevo.caller(), [twilio.form(survey(task, 4), "/webhooks/flex/survey")])
    settled(flexbrevo, 2)
    sandbox.contact(task.customer.email)["attributes"]["CSAT_SCORE"] = 4.0
    flexbrevo.terminate()
    flexbrevo.start()       # it looks at whom it does not remember
    for count in (1, 2):
        tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=task.customer))])
        settled(flexbrevo, 2 + count)
    assert sandbox.events("SUPPORT_RESOLVED")[-1]["contact_properties"]["CSAT_SCORE"] == 4


def test_what_a_person_raised_is_not_lowered_from_memory(program, twilio, sandbox):
    """What only goes up is compared with what is remembered, and said when it is more."""
    flexbrevo = start(program)
    caller, task = flexbrevo.caller(), Task()
    tell_all(caller, [twilio.callback(task)])
    for count in (2, 3):
        tell_all(caller, [twilio.form(survey(task, 4, SurveyId=f"survey{count}"),
                                      "/webhooks/flex/survey")])
        settled(flexbrevo, count)
        sandbox.contact(task.customer.email)["attributes"]["SUPPORT_TICKET_COUNT"] = 9
    again = sandbox.events("CSAT_SUBMITTED")[-1]["contact_properties"]
    assert again == {"CSAT_SCORE": 4, "PREFERRED_CHANNEL": "whatsapp"}


def test_what_is_delivered_again_is_no_reason_to_trust_what_is_remembered(program, twilio, sandbox):
    """Its first try had no answer, and Brevo applies it after the next event's."""
    flexbrevo = start(program)
    caller, customer = flexbrevo.caller(), Customer.new()
    first, second, third = [Task(customer=customer) for _ in range(3)]
    tell_all(caller, [twilio.callback(first)])
    settled(flexbrevo, 1)
    sandbox.fault("status", endpoint="POST /events", having=second.sid, status=503, count=-1)
    tell_all(caller, [twilio.callback(second)])
    harness.wait_until(lambda: " retry " in flexbrevo.log(), "a first try")
    tell_all(caller, [twilio.callback(third)])
    harness.wait_until(lambda: third.sid in sandbox.tasks(), "the third is told")
    sandbox.contact(customer.email)["attributes"]["SUPPORT_TICKET_COUNT"] = 2
    sandbox.heal()
    settled(flexbrevo, 3)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 3


@pytest.fixture
def crossing(program, twilio, sandbox, redis):
    """An event is answered after another worker has told one more of the same customer."""
    changes = {"redis": {"url": redis.url}}
    server = program("serve", changes).start()
    slow, quick = [program("work", changes).start() for _ in range(2)]
    customer = Customer.new()
    first, second = [Task(customer=customer) for _ in range(2)]

    def cross(meanwhile=lambda: None):
        tell_all(server.caller(), [twilio.callback(Task(customer=customer))])
        settled(server, 1)
        quick.freeze(redis)
        sandbox.fault("delay", endpoint="POST /events", seconds=1)
        tell_all(server.caller(), [twilio.callback(first)])
        harness.wait_until(lambda: sandbox.brevo.faults[-1].count == 0, "the first is sent")
        slow.freeze(redis)
        quick.thaw()
        tell_all(server.caller(), [twilio.callback(second)])
        harness.wait_until(lambda: sandbox.event_count() == 3, "both were told")
        meanwhile()
        slow.thaw()
        settled(server, 3)
        assert sandbox.tasks()[first.sid] == sandbox.tasks()[second.sid] == 1
        return attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"]
    yield cross
    for worker in (slow, quick):
        worker.thaw()


def test_of_two_events_whose_answers_cross_the_later_one_leaves_what_both_know(crossing):
    assert crossing() == 3


def test_what_fails_after_its_event_was_taken_sends_no_second_one(crossing, sandbox):
    def refuse_writes():
        for endpoint in ("POST /contacts", "PUT *"):    # by who looked, by who remembers
            sandbox.fault("status", endpoint=endpoint, status=503, count=-1)

    crossing(refuse_writes)
    assert 503 in [entry["status"] for entry in sandbox.requests()]


def test_a_backlog_is_predicted_by_what_records_cost(program, twilio, sandbox):
    """Two calls each for customers that are new, one of each class: paced to four a second."""
    flexbrevo = start(program, max_rps=40)
    caller = flexbrevo.caller()
    for count in range(1, 11):
        tell_all(caller, [twilio.callback(Task())])
    settled(flexbrevo, 10)
    calls_per_record = 'brevo_calls_per_record{class="%s"}'
    harness.wait_until(lambda: flexbrevo.metric(calls_per_record % "events") > 0, "a cost is said")
    sandbox.fault("key_revoked", count=-1)
    tell_all(caller, [twilio.callback(Task()) for _ in range(40)])
    status = harness.run_command("status", "--json", "--config", flexbrevo.config_file)[1]
    told = json.loads(status)["backlog_eta_seconds"]
    assert told == flexbrevo.metric("backlog_eta_seconds") == pytest.approx(40 * 2 / 40, abs=1)
