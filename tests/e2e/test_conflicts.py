"""Two contacts of one customer: one has the e-mail, the other the phone, and Brevo merges nothing."""

import json
import time

import pytest

import harness
from harness import ByPhone, Customer, Task
from test_contact_facts import attributes, settled, tell_all
from test_contact_identity import tell

DAY_MS = 24 * 3600 * 1000
BY_NUMBER = "identifierType=contact_id"
NOBODY_REMEMBERED = {"brevo": {"remember_contacts": "0"}}


@pytest.fixture
def customer(sandbox):
    """Brevo has had a contact by the e-mail all the time, without a phone."""
    known = Customer.new()
    sandbox.brevo.account.create_contact(
        {"email": known.email, "attributes": {"SUPPORT_TICKET_COUNT": 3}})
    return known


@pytest.fixture
def start(program, redis):
    return lambda **changes: program(changes={"redis": {"url": redis.url}, **changes}).start()


def by_phone(sandbox, phone):
    account = sandbox.brevo.account
    return account.contacts[account.owners[("SMS", phone.lstrip("+"))]]


def count_of(contact):
    return contact["attributes"]["SUPPORT_TICKET_COUNT"]


def conflicts(flexbrevo, *arguments):
    status, out, err = harness.run_command(
        "conflicts", "--json", *arguments, "--config", flexbrevo.config_file)
    assert status == 0, err
    return json.loads(out)


def pairs(flexbrevo):
    return [(one["contact"], one["by_phone"]) for one in conflicts(flexbrevo)["conflicts"]]


def numbers(sandbox, customer):
    """Of the contact with the e-mail, of the one with the phone."""
    account = sandbox.brevo.account
    return account.owners[("email", customer.email)], by_phone(sandbox, customer.phone)["id"]


def test_what_is_known_by_phone_becomes_the_contacts_with_the_email(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone), ByPhone(customer.phone))
    assert count_of(by_phone(sandbox, customer.phone)) == 2
    tell(flexbrevo, twilio, customer)
    found = attributes(sandbox, customer.email)
    assert (found["SUPPORT_TICKET_COUNT"], found["PREFERRED_CHANNEL"]) == (6, "voice")
    assert "SMS" not in found
    assert count_of(by_phone(sandbox, customer.phone)) == 2, "nothing is lowered"
    assert pairs(flexbrevo) == [numbers(sandbox, customer)]
    assert flexbrevo.metric("contact_conflicts") == 1


@pytest.fixture
def with_another_phone(sandbox, customer):
    """The customer's contact, which has other numbers than the customer tells."""
    other_phone = Customer.new().phone.lstrip("+")
    contact = sandbox.contact(customer.email)
    contact["attributes"].update(SMS=other_phone, WHATSAPP=other_phone)
    sandbox.brevo.account.owners.update({
        ("SMS", other_phone): contact["id"], ("WHATSAPP", other_phone): contact["id"]})
    return contact


def test_whose_a_phone_is_is_asked_once_though_it_cannot_be_kept(
        start, sandbox, twilio, customer, with_another_phone, redis):
    """What was kept is newer than now: the clock has gone back."""
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    redis.do("HSET", f"fb:{{0}}:f:contact/{with_another_phone['id']}",
             "+taken.SMS", "9999999999999 another")
    tell(flexbrevo, twilio, customer)
    looks = [entry["path"].partition("?")[2] for entry in sandbox.requests("GET")]
    assert looks.count("identifierType=phone_id") == 2      # once by the call, once for this
    assert count_of(with_another_phone) == 5


def test_a_contact_that_has_another_phone_gets_what_was_told_by_this_one(
        start, sandbox, twilio, customer, with_another_phone):
    contact = with_another_phone
    other_phone = contact["attributes"]["SMS"]
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone), ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    assert count_of(contact) == 6 and contact["attributes"]["SMS"] == other_phone
    assert pairs(flexbrevo) == [numbers(sandbox, customer)]
    began = len(sandbox.requests("GET"))
    tell(flexbrevo, twilio, ByPhone(customer.phone), customer)
    assert count_of(contact) == 8
    looks = [entry["path"].partition("?")[2] for entry in sandbox.requests("GET")[began:]]
    assert looks == [BY_NUMBER, "identifierType=email_id"], "whose the phone is, is known"


def test_a_ticket_told_of_both_contacts_counts_once(start, sandbox, twilio, customer):
    flexbrevo = start()
    task = Task(customer=ByPhone(customer.phone))
    tell_all(flexbrevo.caller(), [twilio.callback(task, "task.created")])
    settled(flexbrevo, 1)
    task.customer = customer
    tell_all(flexbrevo.caller(), [twilio.callback(task)])
    settled(flexbrevo, 2)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 4
    assert pairs(flexbrevo) == [numbers(sandbox, customer)]


def test_an_email_told_alone_is_of_the_tickets_caller(start, sandbox, twilio):
    """First the phone, then the e-mail and nothing else."""
    class ByEmail:
        def __init__(self, known):
            self.email, self.phone = known.email, known.phone

        def attributes(self, **more):
            return {"direction": "inbound", "email": self.email, **more}

    flexbrevo = start()
    known = Customer.new()
    task = Task(customer=ByPhone(known.phone))
    tell_all(flexbrevo.caller(), [twilio.callback(task, "task.created")])
    settled(flexbrevo, 1)
    task.customer = ByEmail(known)
    tell_all(flexbrevo.caller(), [twilio.callback(task)])
    settled(flexbrevo, 2)
    assert [one["email"] for one in sandbox.contacts()] == [known.email]
    found = attributes(sandbox, known.email)
    assert (found["SUPPORT_TICKET_COUNT"], found["SMS"]) == (1, known.phone.lstrip("+"))


def test_what_is_told_later_by_phone_counts_for_both(start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    assert count_of(by_phone(sandbox, customer.phone)) == 2
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 6
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 7
    assert len(pairs(flexbrevo)) == 1


def test_what_a_too_old_event_tells_by_phone_counts_for_both(start, sandbox, twilio, customer):
    """Nothing is sent of it but numbers."""
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    sent = len(sandbox.events())
    old = Task(customer=ByPhone(customer.phone), time_ms=int(time.time() * 1000) - 3 * DAY_MS)
    tell_all(flexbrevo.caller(), [twilio.callback(old)])
    harness.wait_until(lambda: flexbrevo.metric('events_filtered_total{reason="too_old_for_automation"}') == 1,
                       "too old")
    assert len(sandbox.events()) == sent
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 6


def test_what_was_remembered_of_the_other_contact_is_not_taken_for_what_it_has(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    preferred = []
    for one in (ByPhone(customer.phone), customer, ByPhone(customer.phone), customer):
        tell(flexbrevo, twilio, one)
        preferred.append(attributes(sandbox, customer.email).get("PREFERRED_CHANNEL"))
    assert preferred == [None, "whatsapp", "voice", "whatsapp"]


def test_who_calls_again_is_remembered(start, sandbox, twilio, customer):
    """Of the two contacts only the other one is looked up, once a worker has met the first."""
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    flexbrevo.kill()
    flexbrevo.start()               # and has met nobody
    before = len(sandbox.requests("GET"))
    for _ in range(2):
        tell(flexbrevo, twilio, ByPhone(customer.phone))
    asked = [one["path"].partition("=")[2] for one in sandbox.requests("GET")[before:]
             if "identifierType" in one["path"]]
    assert asked == ["phone_id", "contact_id", "contact_id"]


def test_what_cannot_be_written_to_the_other_contact_is_with_its_next_event(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    sandbox.fault("status", having=BY_NUMBER, status=500, body={}, count=-1)
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    too_old = Task(customer=ByPhone(customer.phone), time_ms=int(time.time() * 1000) - 3 * DAY_MS)
    tell_all(flexbrevo.caller(), [twilio.callback(too_old)])
    settled(flexbrevo, 4)
    assert len([one for one in sandbox.requests("GET") if BY_NUMBER in one["path"]]) == 2
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 8


def test_a_worker_killed_behind_the_event_has_not_to_look_whether_brevo_has_it(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    task = Task(customer=ByPhone(customer.phone))
    sandbox.fault("hang", having=BY_NUMBER, seconds=60)
    tell_all(flexbrevo.caller(), [twilio.callback(task)])
    harness.wait_until(lambda: any(BY_NUMBER in one["path"] for one in sandbox.requests("GET")),
                       "a look at the other contact")
    flexbrevo.kill()
    flexbrevo.start()
    settled(flexbrevo, 3)
    assert sandbox.tasks()[task.sid] == 1
    assert not [one for one in sandbox.requests("GET") if one["path"].startswith("/events")]


def test_a_contact_that_is_gone_keeps_no_event_of_the_other_back(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    account = sandbox.brevo.account
    del account.contacts[account.owners.pop(("email", customer.email))]
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    assert count_of(by_phone(sandbox, customer.phone)) == 2
    assert customer.email not in [one["email"] for one in sandbox.contacts()]


def test_a_phone_that_is_anothers_is_tried_once_and_its_owner_asked_once(
        start, sandbox, twilio, customer):
    flexbrevo = start(**NOBODY_REMEMBERED)
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    for _ in range(3):
        tell(flexbrevo, twilio, customer)
    refused = [one for one in sandbox.requests("POST", "/contacts") if one["status"] == 400]
    asked = [one for one in sandbox.requests("GET") if "phone_id" in one["path"]]
    assert (len(refused), len(asked)) == (1, 2), "the first look is of the phone's own event"
    assert flexbrevo.metric('brevo_identifiers_dropped_total{identifier="SMS"}') == 1


class OnWhatsApp:
    """Who writes by WhatsApp and has an e-mail, and no other phone."""

    def __init__(self, known):
        self.email, self.phone = known.email, known.phone

    def attributes(self, **more):
        return {"direction": "inbound", "channelType": "whatsapp",
                "customerAddress": "whatsapp:" + self.phone, "email": self.email, **more}


def test_a_whatsapp_number_that_is_anothers_is_one_as_a_phone_is(
        start, sandbox, twilio, customer):
    flexbrevo = start(**NOBODY_REMEMBERED)
    tell(flexbrevo, twilio, *2 * [ByPhone(customer.phone, "whatsapp")])
    for _ in range(3):
        tell(flexbrevo, twilio, OnWhatsApp(customer))
    refused = [one for one in sandbox.requests("POST", "/contacts") if one["status"] == 400]
    assert len(refused) == 1
    assert flexbrevo.metric('brevo_identifiers_dropped_total{identifier="WHATSAPP"}') == 1
    found = attributes(sandbox, customer.email)
    assert found["SUPPORT_TICKET_COUNT"] == 3 + 2 + 3
    assert "WHATSAPP" not in found
    owners = sandbox.brevo.account.owners
    assert pairs(flexbrevo) == [
        (owners["email", customer.email], owners["WHATSAPP", customer.phone.lstrip("+")])]


def test_who_shares_a_phone_with_somebody_keeps_a_history_of_their_own(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    other = Customer.new()
    other.phone = customer.phone
    tell(flexbrevo, twilio, other)
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 4
    assert attributes(sandbox, other.email)["SUPPORT_TICKET_COUNT"] == 1
    assert pairs(flexbrevo) == []


def test_of_two_who_share_a_phone_the_first_one_has_what_was_told_by_it(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    other = Customer.new()
    other.phone = customer.phone
    sandbox.brevo.account.create_contact({"email": other.email})
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    tell(flexbrevo, twilio, other)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 5
    assert attributes(sandbox, other.email)["SUPPORT_TICKET_COUNT"] == 1
    assert pairs(flexbrevo) == [numbers(sandbox, customer)]


def test_a_question_that_fails_is_asked_again_and_nothing_counts_twice(
        start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    sandbox.fault("status", having="phone_id", status=500, body={}, count=2)
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 5
    assert pairs(flexbrevo) == [numbers(sandbox, customer)]


def test_a_pair_that_was_merged_is_taken_off_the_list(start, sandbox, twilio, customer):
    flexbrevo = start()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    tell(flexbrevo, twilio, customer)
    _, number = numbers(sandbox, customer)
    assert conflicts(flexbrevo, "--forget", number + 1000) == {"forgotten": 0}
    assert conflicts(flexbrevo, "--forget", number) == {"forgotten": 1}
    assert pairs(flexbrevo) == []


def test_no_number_is_refused_by_name(start):
    flexbrevo = start()
    status, _, err = harness.run_command(
        "conflicts", "--forget", "lena", "--config", flexbrevo.config_file)
    assert status == 64
    assert "--forget" in err
