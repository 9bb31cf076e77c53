"""A small generated day; `tests/day/run` tells large ones."""

import copy
import os
import time

import pytest

from compare import compare
from day import run
from model import ANY, PERHAPS, expected_contacts
from scenes import SCENES
from story import Day

SEED = int(os.environ.get("FLEXBREVO_SEED", time.time_ns() % 1_000_000))
CUSTOMERS, TASKS = 60, 200
NOON_MS = 1_780_000_000_000


def test_a_day_told_in_any_order_is_the_same_to_brevo_as_the_clean_one(tmp_path):
    print(f"again: tests/day/run --seed {SEED} --customers {CUSTOMERS} --tasks {TASKS} "
          "--overwrite")
    report = run(SEED, CUSTOMERS, TASKS, tmp_path, overwrites=True)
    print("\n".join([*report.stories(), *report.lines()]))
    assert [difference.text for difference in report.differences] == []


# ---- that a difference would be seen

def day():
    return Day(7, NOON_MS, CUSTOMERS, TASKS, SCENES, overwrites=True)


def as_brevo_shows(expected):
    """What the model expects, as the sandbox would show it: (contacts, events)."""
    contacts, events = [], []
    for number, contact in enumerate(expected, 1):
        attributes = {name: shown(value) for name, value in contact.attributes.items()}
        contacts.append({"id": number, "email": contact.email or None, "attributes": attributes,
                         "listIds": sorted(contact.lists)})
        for event in contact.events:
            properties = {name: "x" if value is ANY else value
                          for name, value in event.choices[0].items()
                          if value is not PERHAPS}
            date_ms = properties.pop("event_date")
            events.append({"contact_id": number, "event_name": event.name,
                           "event_date": date(date_ms), "event_properties": properties})
    return contacts, events


def shown(value):
    if isinstance(value, tuple):
        return value[0]
    return "2026-01-01" if value is ANY else value


def date(ms):
    if ms == "x":
        return "2026-01-01T00:00:00.000Z"
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


def lose(contacts, events):
    events.pop(17)


def double(contacts, events):
    events.append(copy.deepcopy(events[3]))


def misplace(contacts, events):
    events[5]["contact_id"] = events[5]["contact_id"] % len(contacts) + 1


def miscount(contacts, events):
    next(contact for contact in contacts if "SUPPORT_TICKET_COUNT" in contact["attributes"])[
        "attributes"]["SUPPORT_TICKET_COUNT"] += 1


def overwrite(contacts, events):
    contacts[2]["attributes"]["FIRSTNAME"] = "Other"


def keep_an_old_tier(contacts, events):
    next(contact for contact in contacts if contact["attributes"].get("VIP_TIER") == "gold")[
        "attributes"]["VIP_TIER"] = "prior"


def leave_a_list(contacts, events):
    next(contact for contact in contacts if contact["listIds"])["listIds"] = []


def misread_a_wait(contacts, events):
    next(event for event in events if "wait_s" in event["event_properties"])[
        "event_properties"]["wait_s"] += 1


def misread_handling(contacts, events):
    next(event for event in events if "wrapup_s" in event["event_properties"])[
        "event_properties"].pop("wrapup_s")


def mistake_an_agent(contacts, events):
    next(event for event in events if "agent" in event["event_properties"])[
        "event_properties"]["agent"] = "Somebody Else"


def end_a_call_later(contacts, events):
    call = next(event for event in events if event["event_name"] == "CONVERSATION_ENDED"
                and "task_sid" in event["event_properties"])
    call["event_date"] = date(NOON_MS)


def keep_a_call_open(contacts, events):
    events.remove(next(event for event in events if event["event_name"] == "CONVERSATION_ENDED"
                       and event["event_properties"]["channel"] == "voice"))


def invent(contacts, events):
    contacts.append({"id": 10 ** 6, "email": "x@example.com", "attributes": {}, "listIds": []})


def test_the_model_agrees_with_itself():
    expected = expected_contacts(day())
    assert [one.text for one in compare(expected, *as_brevo_shows(expected))] == []


@pytest.mark.parametrize("spoil", [lose, double, misplace, miscount, overwrite, keep_an_old_tier,
                                   leave_a_list, misread_a_wait, misread_handling,
                                   mistake_an_agent,
                                   end_a_call_later, keep_a_call_open, invent])
def test_what_is_wrong_is_seen(spoil):
    expected = expected_contacts(day())
    contacts, events = as_brevo_shows(expected)
    spoil(contacts, events)
    assert compare(expected, contacts, events)


def test_a_seed_is_one_day():
    one, again = (list(day().happenings()) for _ in range(2))
    assert [(h.type, h.at_ms, h.said) for h in one] == [(h.type, h.at_ms, h.said) for h in again]
    assert {ticket.scene for ticket in Day(7, NOON_MS, 500, 4000, SCENES).tickets()} == set(SCENES)
