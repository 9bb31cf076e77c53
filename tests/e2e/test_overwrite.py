"""Profile fields that overwrite: Brevo has what was told last, whenever and by whomever it is told."""

import json
import time

import pytest

import harness
from harness import ByPhone, Customer, Task
from test_contact_facts import attributes, settled, tell_all
from test_economy import calls

TIER = {"to": "VIP_TIER", "overwrite": "always"}
MINUTE_MS = 60 * 1000


def mapped(tier=TIER, **changes):
    return {"connectors": {"twilio_flex": {"field_mapping": {
        "attributes.email": "email", "attributes.phone": "SMS",
        "total_conversations": "SUPPORT_TICKET_COUNT", "customer_tier": tier}}}, **changes}


@pytest.fixture
def start(program):
    return lambda *mapping, **changes: program(changes=mapped(*mapping, **changes)).start()


def tiered(customer, tier, ago_minutes=0):
    """Of a task of its own; None: it says nothing of a tier."""
    return Task(customer=customer, time_ms=int(time.time() * 1000) - ago_minutes * MINUTE_MS,
                attributes={} if tier is None else {"customer_tier": tier})


def tell(flexbrevo, twilio, *tasks):
    """One after another."""
    for task in tasks:
        tell_all(flexbrevo.caller(), [twilio.callback(task)])
        settled(flexbrevo, flexbrevo.metric("queue_accepted"))


def tier_of(sandbox, customer):
    return attributes(sandbox, customer.email)["VIP_TIER"]


def set_by_hand(sandbox, customer, tier):
    account = sandbox.brevo.account
    account.update_contact(str(account.owners[("email", customer.email)]), "contact_id",
                           {"attributes": {"VIP_TIER": tier}})


@pytest.mark.parametrize("mapping, left", [
    ("VIP_TIER", "gold"), ({"to": "VIP_TIER", "overwrite": "never"}, "gold"), (TIER, "platinum")])
def test_a_later_value_is_written_where_the_field_says_so(start, sandbox, twilio, mapping, left):
    flexbrevo = start(mapping)
    customer = Customer.new()
    tell(flexbrevo, twilio, tiered(customer, "gold", 9), tiered(customer, "platinum", 5))
    assert tier_of(sandbox, customer) == left
    assert attributes(sandbox, customer.email)["SUPPORT_TICKET_COUNT"] == 2


@pytest.mark.parametrize("remember", ["15m", "0"])
def test_an_older_value_that_comes_late_or_again_is_not_written(
        start, sandbox, twilio, remember):
    flexbrevo = start(brevo={"remember_contacts": remember})
    customer = Customer.new()
    tell(flexbrevo, twilio, tiered(customer, "platinum"), tiered(customer, "gold", 5),
         tiered(customer, "silver", 9))
    assert tier_of(sandbox, customer) == "platinum"
    assert len(sandbox.requests("POST", "/contacts")) == 1


def test_what_brevo_has_of_old_is_overwritten_and_what_it_has_already_is_not_written(
        start, sandbox, twilio):
    flexbrevo = start()
    known, same = Customer.new(), Customer.new()
    for customer, tier in ((known, "silver"), (same, "gold")):
        sandbox.brevo.account.create_contact(
            {"email": customer.email, "attributes": {"VIP_TIER": tier,
                                                     "SMS": customer.phone.lstrip("+")}})
    tell(flexbrevo, twilio, tiered(known, "gold"))
    assert tier_of(sandbox, known) == "gold"
    began = len(sandbox.requests())
    tell(flexbrevo, twilio, tiered(same, "gold"))
    written = [json.loads(entry["body"]) if isinstance(entry["body"], str) else entry["body"]
               for entry in sandbox.requests("POST", "/contacts")[1:]]
    assert all("VIP_TIER" not in body.get("attributes", {}) for body in written)
    assert calls(sandbox, began)[0] == "GET contacts" and tier_of(sandbox, same) == "gold"


def test_of_whom_we_remember_the_same_value_costs_nothing_and_another_one_call(
        start, sandbox, twilio):
    flexbrevo = start()
    customer = Customer.new()
    tell(flexbrevo, twilio, tiered(customer, "gold", 9))
    began = len(sandbox.requests())
    tell(flexbrevo, twilio, tiered(customer, "gold", 8))
    assert calls(sandbox, began) == ["POST events"]
    began = len(sandbox.requests())
    tell(flexbrevo, twilio, tiered(customer, "platinum", 7))
    assert calls(sandbox, began) == ["PUT contacts", "POST events"]
    began = len(sandbox.requests())
    tell(flexbrevo, twilio, tiered(customer, "platinum", 6), tiered(customer, None))
    assert calls(sandbox, began) == 2 * ["POST events"]
    assert tier_of(sandbox, customer) == "platinum"


def test_an_event_that_says_nothing_of_it_leaves_what_somebody_made_of_it(
        start, sandbox, twilio):
    flexbrevo = start(brevo={"remember_contacts": "0"})
    customer = Customer.new()
    tell(flexbrevo, twilio, tiered(customer, "gold", 9))
    set_by_hand(sandbox, customer, "diamond")
    tell(flexbrevo, twilio, tiered(customer, None, 5))
    assert tier_of(sandbox, customer) == "diamond"
    tell(flexbrevo, twilio, tiered(customer, "gold"))
    assert tier_of(sandbox, customer) == "gold"


def test_what_another_worker_wrote_meanwhile_is_not_taken_for_what_we_remember(
        program, sandbox, twilio, redis):
    """gold by one, platinum by the other, and gold again by the first."""
    changes = mapped(redis={"url": redis.url})
    server = program("serve", changes).start()
    first, second = [program("work", changes).start() for _ in range(2)]
    customer = Customer.new()
    try:
        for working, idle, tier, ago in ((first, second, "gold", 9),
                                         (second, first, "platinum", 5),
                                         (first, second, "gold", 0)):
            idle.freeze(redis)
            tell(server, twilio, tiered(customer, tier, ago))
            assert tier_of(sandbox, customer) == tier
            idle.thaw()
    finally:
        for worker in (first, second):
            worker.thaw()


def test_an_older_value_that_is_written_last_is_written_over(program, sandbox, twilio, redis):
    """Its write is under way while another worker tells and writes the newer one."""
    changes = mapped(redis={"url": redis.url}, brevo={"remember_contacts": "0"})
    server = program("serve", changes).start()
    slow, quick = [program("work", changes).start() for _ in range(2)]
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"email": customer.email})
    try:
        quick.freeze(redis)
        sandbox.fault("delay", endpoint="POST /contacts", seconds=2)
        tell_all(server.caller(), [twilio.callback(tiered(customer, "gold", 9))])
        harness.wait_until(lambda: sandbox.brevo.faults[-1].count == 0, "gold is under way")
        quick.thaw()
        slow.freeze(redis)
        tell_all(server.caller(), [twilio.callback(tiered(customer, "platinum"))])
        harness.wait_until(lambda: sandbox.event_count() == 1, "platinum was told")
        set_by_hand(sandbox, customer, "gold")      # whatever Brevo did first: gold came last
        slow.thaw()
        settled(server, 2)
        assert tier_of(sandbox, customer) == "platinum"
    finally:
        for worker in (slow, quick):
            worker.thaw()


@pytest.mark.parametrize("fault, endpoint", [
    ({"name": "hang"}, "PUT *"), ({"name": "delay", "seconds": 2}, "POST /events")])
def test_a_worker_that_dies_about_the_write_leaves_the_newest_value(
        start, sandbox, twilio, redis, fault, endpoint):
    flexbrevo = start(redis={"url": redis.url})
    customer = Customer.new()
    tell(flexbrevo, twilio, tiered(customer, "gold", 9))
    sandbox.fault(**fault, endpoint=endpoint)
    tell_all(flexbrevo.caller(), [twilio.callback(tiered(customer, "platinum", 5))])
    harness.wait_until(lambda: sandbox.brevo.faults[-1].count == 0, "its call is under way")
    flexbrevo.kill()
    set_by_hand(sandbox, customer, "gold")          # as if the write had not come through
    flexbrevo.start()
    tell_all(flexbrevo.caller(), [twilio.callback(tiered(customer, "silver", 7))])
    settled(flexbrevo, 3)
    assert tier_of(sandbox, customer) == "platinum"


def test_what_is_told_by_phone_is_of_the_contact_with_the_email_too(
        start, sandbox, twilio):
    """Two contacts of one customer, whose facts are one's."""
    flexbrevo = start()
    customer = Customer.new()
    sandbox.brevo.account.create_contact({"email": customer.email})
    by_phone = ByPhone(customer.phone)
    tell(flexbrevo, twilio, tiered(by_phone, "gold", 9), tiered(customer, None, 8))
    tell(flexbrevo, twilio, tiered(by_phone, "platinum", 5))
    assert tier_of(sandbox, customer) == "platinum"
    tell(flexbrevo, twilio, tiered(customer, "silver", 7))
    assert tier_of(sandbox, customer) == "platinum"


def test_what_is_too_old_to_be_told_still_writes_what_is_newest(start, sandbox, twilio):
    flexbrevo = start()
    customer = Customer.new()
    tell(flexbrevo, twilio, tiered(customer, "gold", 60 * 72), tiered(customer, "iron", 60 * 96),
         tiered(customer, "platinum", 60 * 48))
    assert (tier_of(sandbox, customer), sandbox.event_count()) == ("platinum", 0)


# ---- shown ------------------------------------------------------------------------------------

def test_explain_and_shadow_say_what_overwrites(program, twilio, sandbox):
    flexbrevo = program(changes=mapped(brevo={"mode": "shadow"})).start()
    task = tiered(Customer.new(), "gold")
    told = twilio.callback(task)
    tell_all(flexbrevo.caller(), [told])
    settled(flexbrevo, 1)
    line = json.loads((flexbrevo.state_dir / "shadow.jsonl").read_text())
    assert [request.get("overwrites") for request in line["requests"]] == [
        None, {"VIP_TIER": "always"}, None]
    assert line["requests"][1]["body"]["attributes"]["VIP_TIER"] == "gold"
    assert list(sandbox.brevo.log) == []
    body = flexbrevo.state_dir / "body"
    body.write_bytes(told.body)
    status, out, err = harness.run_command("explain", "--source", "taskrouter", str(body),
                                           "--config", flexbrevo.config_file)
    assert (status, err) == (0, "")
    assert "rule      profile: overwrites what Brevo has, unless a newer event told it\n" in out
    assert out.count("overwrites VIP_TIER (always)\n") == 1


def test_a_mapping_that_overwrites_differs_from_one_that_does_not(start, twilio, tmp_path):
    flexbrevo = start("VIP_TIER", queue={"keep_bodies": "1h"})
    tell(flexbrevo, twilio, tiered(Customer.new(), "gold"))
    config = json.loads(json.dumps(flexbrevo.config))
    config["connectors"]["twilio_flex"]["field_mapping"]["customer_tier"] = TIER
    new = tmp_path / "new.yaml"
    new.write_text(json.dumps(config))
    status, out, err = harness.run_command(
        "mapping-diff", flexbrevo.config_file, str(new), "--json")
    assert (status, err) == (1, "")
    assert json.loads(out)["changes"] == {'overwrites.VIP_TIER: null -> "always"': 1}
