"""What Brevo has against what the model expects: each difference one line, with the whole story."""

import collections
import datetime

from model import ANY, PERHAPS

PARTS = ("events", "lists", "attributes")
COMPUTED = ("LAST_SUPPORT_DATE", "SUPPORT_TICKET_COUNT", "AVG_WAIT_TIME", "CSAT_SCORE",
            "PREFERRED_CHANNEL")
IDENTIFIERS = ("email", "SMS", "WHATSAPP")


class Difference:
    def __init__(self, text, contact=None):
        self.text, self.contact = text, contact


def compare(expected, contacts, events, parts=PARTS):
    """[Difference]. `contacts` and `events` are the sandbox's; `expected` the model's."""
    told = collections.defaultdict(list)
    for event in events:
        told[event["contact_id"]].append(event)
    found, met = [], set()
    by_identifier = {key: contact for contact in contacts for key in keys(contact)}
    for contact in expected:
        key = next(iter(keys(vars(contact))))
        actual = by_identifier.get(key)
        if actual is None:
            found.append(Difference(f"{key[1]}: Brevo has no such contact", contact))
            continue
        met.add(actual["id"])
        lines = []
        if "events" in parts:
            lines += event_differences(contact, told[actual["id"]])
        if "lists" in parts:
            lines += list_differences(contact, actual)
        lines += attribute_differences(contact, actual, "attributes" in parts)
        found += [Difference(f"{key[1]}: {line}", contact) for line in lines]
    found += [Difference(f"{contact}: nobody is expected there")
              for contact in contacts if contact["id"] not in met]
    return found


def keys(contact):
    """By what a contact is known, best first."""
    known = {"email": contact["email"], **contact["attributes"]}
    return [(kind, known[kind]) for kind in IDENTIFIERS if known.get(kind)]


# ---- events

def event_differences(contact, told):
    left = list(told)
    for event in contact.events:
        same = [one for one in left if one["event_name"] == event.name
                and one["event_properties"].get("ticket") == event.ticket
                and fits_survey(event, one)]
        if not same:
            yield f"{event.name} of {event.ticket} is missing"
            continue
        for one in same:
            left.remove(one)
        if len(same) > 1:
            yield f"{event.name} of {event.ticket} came {len(same)} times"
        yield from property_differences(event, same[0])
    for one in left:
        yield f"{one['event_name']} was not expected: {one['event_properties']}"


def fits_survey(event, one):
    wanted = event.choices[0].get("survey_id")
    return wanted is None or one["event_properties"].get("survey_id") == wanted


def property_differences(event, one):
    actual = one["event_properties"] | {"event_date": milliseconds(one["event_date"])}
    each = [wrong(choice, actual) for choice in event.choices]
    if all(each):
        best = min(each, key=len)
        yield f"{event.name} of {event.ticket}: " + ", ".join(
            f"{name} is {actual.get(name)!r}, not {wanted!r}" for name, wanted in best.items())


def wrong(choice, actual):
    """{property: what it should be}."""
    found = {name: None for name in actual if name not in choice}
    for name, wanted in choice.items():
        if not fits(wanted, actual.get(name)):
            found[name] = wanted
    return found


def fits(wanted, value):
    """`value` is None where there is none; of several that are as good, any."""
    if isinstance(wanted, tuple):
        return value in wanted
    return wanted is PERHAPS or value == wanted or (wanted is ANY and value is not None)


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


# ---- lists and attributes

def list_differences(contact, actual):
    if set(actual["listIds"]) != contact.lists:
        yield f"is in the lists {sorted(actual['listIds'])}, not {sorted(contact.lists)}"


def attribute_differences(contact, actual, with_computed):
    for name in sorted(set(contact.attributes) | set(actual["attributes"])):
        wanted, value = contact.attributes.get(name), actual["attributes"].get(name)
        if name in COMPUTED and not with_computed:
            continue
        if not fits(wanted, value):
            yield f"{name} is {value!r}, not {wanted!r}"


# ---- the whole story of a contact

def story(contact, telling):
    for person in contact.people:
        yield f"known by {person.known_by}, before: {person.prior}"
        for ticket in person.tickets:
            yield f"{ticket.name} {ticket.scene}, {ticket.channel}, {ticket.addresses}"
            for happening in ticket.happenings:
                yield "  " + line(happening, telling)


def line(happening, telling):
    at = datetime.datetime.fromtimestamp(happening.at_ms / 1000, datetime.timezone.utc)
    routes = " ".join(f"{way}+{delay_ms / 1000:.1f}s"
                      for way, delay_ms in telling.routes[id(happening)])
    task = happening.task.sid if happening.task else ""
    said = " ".join(f"{name}={value}" for name, value in happening.said.items())
    return f"{at:%H:%M:%S.%f} {happening.type} {task} {said} by {routes}"
