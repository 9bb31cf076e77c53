"""Who a contact is: what may be taken for whom, and what Brevo's oddest answers must not cost.

Links, by which an erased contact is known, are made older than the minutes in which Brevo may
not show yet what it was just given.
"""

import time

import pytest

import harness
from brevo_account import Refused, invalid
from harness import ByPhone, Customer, Task
from test_contact_facts import attributes, settled, tell_all

SHOWN_EARLIER_MS = 4 * 60_000       # what Brevo showed is missed after one minute, and not after five
MAPPING = {"attributes.email": "email", "total_conversations": "SUPPORT_TICKET_COUNT"}


@pytest.fixture
def start(program, redis):
    """Here every event asks Brevo who its contact is: nobody is remembered."""
    asks = {"redis": {"url": redis.url}, "brevo": {"remember_contacts": "0"}}
    return lambda **changes: program(changes={**asks, **changes}).start()


@pytest.fixture
def age_links(redis):
    def age():
        for key in redis.do("KEYS", "*known/*").split():
            known_id = redis.do("HGET", key, "+id").split()[-1]
            redis.do("HSET", key, "+id", f"1000 {known_id}")
    return age


def erase_all(sandbox):
    with sandbox.brevo.lock:
        sandbox.brevo.account.contacts.clear()
        sandbox.brevo.account.owners.clear()


def tell(flexbrevo, twilio, *customers):
    """One completed task of each."""
    before = flexbrevo.metric("queue_accepted")
    tell_all(flexbrevo.caller(), [twilio.callback(Task(customer=one)) for one in customers])
    settled(flexbrevo, before + len(customers))


def test_who_wrote_by_whatsapp_and_then_calls_is_not_erased(start, sandbox, twilio, age_links):
    flexbrevo = start()
    phone = Customer.new().phone
    tell(flexbrevo, twilio, ByPhone(phone, "whatsapp"))
    age_links()
    tell(flexbrevo, twilio, ByPhone(phone))
    assert sandbox.event_count() == 2


def test_a_household_shares_its_phone_and_nobody_is_erased(start, sandbox, twilio, age_links):
    flexbrevo = start()
    first, second = Customer.new(), Customer.new()
    second.phone = first.phone
    tell(flexbrevo, twilio, first)
    age_links()
    tell(flexbrevo, twilio, second)
    assert sorted(contact["email"] for contact in sandbox.contacts()) == sorted(
        [first.email, second.email])
    assert sandbox.event_count() == 2


def test_a_phone_that_brevo_was_never_given_tells_nothing_of_erasure(
        start, sandbox, twilio, age_links):
    flexbrevo = start(connectors={"twilio_flex": {"field_mapping": MAPPING}})
    customer = Customer.new()
    tell(flexbrevo, twilio, customer)
    age_links()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    assert sandbox.event_count() == 2


def test_whose_email_was_changed_in_brevo_is_not_erased(start, sandbox, twilio, age_links):
    flexbrevo = start()
    customer = Customer.new()
    tell(flexbrevo, twilio, customer)
    age_links()
    account = sandbox.brevo.account
    account.update_contact(str(account.owners[("email", customer.email)]), "contact_id",
                           {"attributes": {"EMAIL": "new." + customer.email}})
    tell(flexbrevo, twilio, customer)
    assert sandbox.event_count() == 2


def test_who_is_met_from_memory_was_last_seen_when_looked_up(program, sandbox, twilio, redis):
    """Else somebody erased would be taken for just created, as long as events come."""
    def seen_ms():
        found = {int(redis.do("HGET", key, "+id").split()[0])
                 for key in redis.do("KEYS", "*known/*").split()}
        return min(found), max(found)

    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    customer = Customer.new()
    tell(flexbrevo, twilio, customer)
    time.sleep(1)
    later_ms = time.time() * 1000
    tell(flexbrevo, twilio, customer)
    created_ms = seen_ms()
    assert created_ms[1] < later_ms
    flexbrevo.terminate()
    flexbrevo.start()       # it remembers nobody
    for key in redis.do("KEYS", "*known/*").split():    # to be shown is less than to be created
        redis.do("HSET", key, "+id", "1000 1")
    tell(flexbrevo, twilio, customer)
    assert seen_ms()[0] > later_ms - SHOWN_EARLIER_MS
    assert len(sandbox.requests("GET")) == 2


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_lookup_that_is_refused_is_no_erasure(start, sandbox, twilio, age_links, status):
    flexbrevo = start()
    customer = Customer.new()
    tell(flexbrevo, twilio, customer)
    age_links()
    sandbox.fault("status", having="identifierType", status=status, body={}, count=-1)
    tell(flexbrevo, twilio, customer)
    assert sandbox.event_count() == 2


def test_an_email_that_cannot_be_joined_costs_no_event(start, sandbox, twilio, age_links):
    flexbrevo = start()
    customer = Customer.new()
    tell(flexbrevo, twilio, ByPhone(customer.phone))
    age_links()

    def refuse(*_):
        raise invalid("email is not valid in body")

    sandbox.brevo.account.update_contact = refuse
    tell(flexbrevo, twilio, customer)
    assert sandbox.event_count() == 2


def test_a_key_that_may_not_put_stops_nobody_else(start, sandbox, twilio):
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"attributes": {"SMS": customer.phone}})

    def refuse(*_):
        raise Refused(403, "permission_denied", "no PUT")

    sandbox.brevo.account.update_contact = refuse
    flexbrevo = start()
    tell(flexbrevo, twilio, customer, *(Customer.new() for _ in range(5)))
    assert sandbox.event_count() == 6
    assert "paused" not in flexbrevo.log()


def test_a_contact_shown_without_its_attributes_is_not_believed(start, sandbox, twilio):
    customer = Customer.new()
    account = sandbox.brevo.account
    account.create_contact({"email": customer.email, "attributes": {
        "SUPPORT_TICKET_COUNT": 57, "FIRSTNAME": "Kept"}})
    show, shown = account.show_contact, []

    def show_half(contact):
        whole = show(contact)
        shown.append(contact)
        return {"id": whole["id"], "email": whole["email"]} if len(shown) == 1 else whole

    account.show_contact = show_half
    tell(start(), twilio, customer)
    found = attributes(sandbox, customer.email)
    assert (found["SUPPORT_TICKET_COUNT"], found["FIRSTNAME"]) == (58, "Kept")


def shown_with_statistics(account, size):
    """As of somebody who was sent many campaigns."""
    show = account.show_contact
    opened = [{"campaignId": 1000 + number, "eventTime": "2026-01-01T09:00:00.000Z", "count": 1,
               "ip": "203.0.113.9"} for number in range(size // 80)]
    account.show_contact = lambda contact: {**show(contact), "statistics": {"opened": opened}}


@pytest.mark.parametrize("size, count", [(600 * 1024, 58), (2 * 1024 * 1024, 57)])
def test_whoever_was_sent_many_campaigns_is_counted_unless_they_are_too_many(
        start, sandbox, twilio, size, count):
    customer = Customer.new()
    account = sandbox.brevo.account
    account.create_contact({"email": customer.email, "attributes": {"SUPPORT_TICKET_COUNT": 57}})
    shown_with_statistics(account, size)
    flexbrevo = start()
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == count
    assert sandbox.event_count() == 1
    assert ("contact_unread" in flexbrevo.log()) == (count == 57)


def test_a_creation_that_says_it_was_none_lowers_nothing(start, sandbox, twilio):
    """Not found, then posted, and it was there: its number comes with another status than 201."""
    customer = Customer.new()
    account = sandbox.brevo.account
    account.create_contact({"email": customer.email, "attributes": {"SUPPORT_TICKET_COUNT": 57}})
    create = account.create_contact

    def update(body):
        _, _, notes = create(body)
        return 200, {"id": notes["contact_id"]}, notes

    account.create_contact = update
    sandbox.fault("status", having="identifierType", status=404, count=1,
                  body={"code": "document_not_found", "message": "Contact does not exist"})
    tell(start(), twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 58


@pytest.mark.parametrize("looks_in_vain, count", [(1, 58), (-1, 57)])
def test_who_was_there_though_a_look_and_a_phone_said_otherwise_is_counted_once_seen(
        start, sandbox, twilio, looks_in_vain, count):
    """Not found, its phone another one's, then updated: it is looked for once more, and no oftener."""
    customer, owner = Customer.new(), Customer.new()
    account = sandbox.brevo.account
    account.create_contact({"email": customer.email, "attributes": {"SUPPORT_TICKET_COUNT": 57}})
    account.create_contact({"email": owner.email, "attributes": {"SMS": customer.phone}})
    sandbox.fault("status", having="identifierType=email_id", status=404, count=looks_in_vain,
                  body={"code": "document_not_found", "message": "Contact does not exist"})
    flexbrevo = start()
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == count
    assert sandbox.event_count() == 1
    assert ("contact_unmet" in flexbrevo.log()) == (count == 57)


def test_who_is_deleted_between_look_and_word_starts_anew(start, sandbox, twilio):
    customer = Customer.new()
    account = sandbox.brevo.account
    account.create_contact({"email": customer.email, "attributes": {"SUPPORT_TICKET_COUNT": 57}})
    create, created = account.create_contact, []

    def delete_and_create(body):
        if not created:
            account.contacts.clear()
            account.owners.clear()
        created.append(body)
        return create(body)

    account.create_contact = delete_and_create
    flexbrevo = start()
    for count in (1, 2):
        tell(flexbrevo, twilio, customer)
        assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == count
    assert sandbox.contact(customer.email)["listIds"] == [32]


@pytest.mark.slow
@pytest.mark.time_limit(180)
def test_who_is_deleted_while_remembered_is_not_created_by_a_number(program, sandbox, twilio):
    """A number that no event carries is written to Brevo's number of the contact."""
    flexbrevo = program(changes={"brevo": {"contact_properties": False}}).start()
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"email": customer.email})
    tell(flexbrevo, twilio, customer)
    erase_all(sandbox)
    time.sleep(61)      # Brevo has shown it less than a minute ago
    tell(flexbrevo, twilio, customer)
    assert sandbox.contacts() == [] and sandbox.event_count() == 1
    assert flexbrevo.metric('events_filtered_total{reason="erased_in_brevo"}') == 1


@pytest.mark.parametrize("is_old", [False, True])
def test_who_is_deleted_while_remembered_and_allowed_again_starts_anew(
        program, sandbox, twilio, is_old):
    flexbrevo = program(changes={"brevo": {"contact_properties": is_old},
                                 "contacts": {"recreate": True}}).start()
    customer, account = Customer.new(), sandbox.brevo.account
    account.create_contact({"email": customer.email, "attributes": {"SUPPORT_TICKET_COUNT": 5}})
    tell(flexbrevo, twilio, customer)
    erase_all(sandbox)
    for count in (1, 2):
        task = Task(customer=customer)
        task.time_ms -= 48 * 3600 * 1000 if is_old else 0
        tell_all(flexbrevo.caller(), [twilio.callback(task)])
        settled(flexbrevo, count + 1)
        contact = sandbox.contact(customer.email)
        assert contact["attributes"]["SUPPORT_TICKET_COUNT"] == count
        assert contact["attributes"]["SMS"] == customer.phone.lstrip("+")
        assert contact["listIds"] == ([] if is_old else [32])


@pytest.mark.parametrize("is_shown, minutes, is_erased", [
    (True, 0.9, False), (True, 1.1, True), (False, 4.9, False), (False, 5.1, True)])
def test_who_brevo_showed_is_missed_after_a_minute_who_was_created_after_five(
        start, sandbox, twilio, redis, is_shown, minutes, is_erased):
    """It may not show at once what it was just given."""
    customer = Customer.new()
    if is_shown:
        sandbox.brevo.account.create_contact({"email": customer.email})
    flexbrevo = start()
    tell(flexbrevo, twilio, customer)
    erase_all(sandbox)
    for key in redis.do("KEYS", "*known/*").split():
        rank, known_id = redis.do("HGET", key, "+id").split()
        redis.do("HSET", key, "+id", f"{int(rank) - int(minutes * 60_000)} {known_id}")
    tell(flexbrevo, twilio, customer)
    assert len(sandbox.contacts()) == (0 if is_erased else 1)


def test_where_nothing_shall_be_written_no_email_is_joined(start, sandbox, twilio):
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"attributes": {"SMS": customer.phone}})
    flexbrevo = start(contacts={"create": "never"})
    tell(flexbrevo, twilio, customer)
    assert sandbox.requests("PUT") == [] and sandbox.event_count() == 0
    flexbrevo.wait_for_metric('events_filtered_total{reason="unknown_contact"}', 1)


def test_a_line_of_the_mapping_added_later_still_counts_from_what_brevo_had(
        start, sandbox, twilio):
    customer = Customer.new()
    sandbox.brevo.account.create_contact(
        {"email": customer.email, "attributes": {"SUPPORT_TICKET_COUNT": 57}})
    flexbrevo = start(connectors={"twilio_flex": {"field_mapping": {
        "attributes.email": "email"}}})
    tell(flexbrevo, twilio, customer)
    flexbrevo.terminate()
    flexbrevo = start()
    tell(flexbrevo, twilio, customer)
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] > 57


def test_a_wait_told_after_the_end_is_averaged_all_the_same(start, sandbox, twilio):
    task = Task()
    flexbrevo = start()
    caller = flexbrevo.caller()
    tell_all(caller, [twilio.callback(task, "task.created")])
    settled(flexbrevo, 1)
    began_ms = task.time_ms
    for settled_count, (event, at_s) in enumerate(
            (("task.completed", 300), ("reservation.accepted", 25)), 2):
        task.time_ms, task.age = began_ms + at_s * 1000, at_s
        tell_all(caller, [twilio.callback(task, event)])
        settled(flexbrevo, settled_count)
    assert attributes(sandbox, task.customer.email)["AVG_WAIT_TIME"] == 25
    assert sandbox.event_count() == 2
    harness.wait_until(lambda: flexbrevo.metric('events_filtered_total{reason="facts"}') == 1,
                       "the fact settled")


def test_who_a_browser_told_nobody_knows_is_known_by_what_twilio_tells(start, sandbox, twilio):
    flexbrevo = start(contacts={"create": "known_only"}, queue={"plugin_wait": "100ms"})
    known = Customer.new()
    sandbox.brevo.account.create_contact({"email": known.email})
    task = Task(customer=ByPhone(known.phone, "whatsapp"))
    caller = flexbrevo.caller()
    assert caller.send(twilio.plugin(task)).status == 202
    flexbrevo.wait_for_metric('events_filtered_total{reason="unknown_contact"}', 1)
    task.customer = known
    for _ in range(2):
        assert caller.send(twilio.callback(task)).status == 204
    event, = sandbox.wait_for_events(1)
    assert event["contact_id"] == sandbox.contact(known.email)["id"]
    settled(flexbrevo, 1)
    assert flexbrevo.metric("queue_delivered") == 1
