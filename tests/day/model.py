"""What Brevo should know after a day: computed from the clean history, by the contract's words.

It looks at one ticket after another as a whole, with everything that happened in it, and knows
nothing of routes, copies, losses, order of arrival, or waits. Where what is told by one record or
by another is as good (which of two completed tasks resolves the ticket?), there is a choice.
"""

import collections
import dataclasses
import datetime
import fractions
import math

from tiers import latest_tiers

CHANNELS_ON = ("voice", "sms", "whatsapp", "webchat")
ABANDONED_AFTER_MS = 120_000
VOICE_END_MS = 120_000
MIN_WAIT_MS = 5_000
WAIT_MAX_S = 4 * 3600
CSAT_SCALE = 5
SUPPORT_CONTACTS, CSAT_RESPONDENTS = 32, 33
CLOSINGS = ("task.completed", "task.canceled", "task.deleted", "task.system-deleted")
SUPPORT_EVENTS = {"SUPPORT_REQUESTED", "SUPPORT_RESOLVED", "SUPPORT_ABANDONED"}
GAVE_UP = {"hangup": "abandoned", "Caller hung up": "abandoned",
           "Task TTL Exceeded": "unserved", "Workflow timeout": "unserved"}

# Words for a property of which only its being there, or its type, is known in advance.
ANY = object()                  # whatever it is
PERHAPS = object()              # whatever it is, and absent is as good


@dataclasses.dataclass
class Event:
    name: str
    ticket: str
    choices: list               # of properties, each as good; "event_date" among them, in ms or ANY


@dataclasses.dataclass
class Contact:
    email: str = ""
    attributes: dict = dataclasses.field(default_factory=dict)
    lists: set = dataclasses.field(default_factory=set)
    events: list = dataclasses.field(default_factory=list)
    people: list = dataclasses.field(default_factory=list)
    tickets: list = dataclasses.field(default_factory=list)
    prior: dict = None
    same: object = None         # their other contact, by the phone: what is known of it counts


# ---- one ticket

class Judged:
    """A ticket, looked at as a whole."""

    def __init__(self, ticket):
        self.ticket = ticket
        self.tasks = sorted((task for task in ticket.tasks if task.purpose != "survey"),
                            key=lambda task: task.created_ms)
        self.first = self.tasks[0]
        self.is_outbound = self.first.direction == "outbound"
        self.is_on = ticket.channel in CHANNELS_ON

    def all(self, type_):
        return [happening for happening in self.ticket.happenings
                if happening.type == type_ and happening.task in (None, *self.tasks)]

    def times(self, type_):
        return [happening.at_ms for happening in self.all(type_)]

    def last_ms(self):
        """An end on the phone is as late as its arrival: later than everything of the day."""
        if self.all("conversation.ended") and not self.ticket.conversation:
            return math.inf
        return self.ticket.happenings[-1].at_ms

    def wait_s(self):
        """From the first queue, else from the beginning, until an agent first took a task."""
        taken = self.times("reservation.accepted")
        if self.is_outbound or not taken or any(task.purpose for task in self.tasks):
            return None
        begun = [at_ms for at_ms in self.times("task-queue.entered") if at_ms <= min(taken)]
        return (min(taken) - min(begun or [self.first.created_ms])) // 1000

    def handled(self, told):
        """How long an agent had the task, and wrote it up, as far as that is told."""
        at_ms = {type_: min((one.at_ms for one in self.all(type_) if one.task is told.task),
                            default=None) for type_ in ("reservation.accepted", "task.wrapup")}
        taken_ms, wrapped_ms = at_ms.values()
        spans_ms = {"handling_s": (taken_ms, wrapped_ms or told.at_ms),
                    "wrapup_s": (wrapped_ms, told.at_ms)}
        return {name: (until_ms - since_ms) // 1000
                for name, (since_ms, until_ms) in spans_ms.items() if since_ms}

    def had(self, told):
        """By whom the task was taken."""
        takers = [one.task.agent for one in self.all("reservation.accepted")
                  if one.task is told.task]
        return {"agent": takers[-1]} if takers else {}

    def events(self):
        if not self.is_on:
            return []
        found = [self.requested(), self.resolved(), self.abandoned(), self.ended(),
                 *self.surveys(), *self.surveys_by_task()]
        return [event for event in found if event is not None and event.choices]

    def event(self, name, choices):
        return Event(name, self.ticket.name, choices)

    # ---- each kind of event

    def requested(self):
        """Once, by the first task. Should a later one be told of first, that is as good, by
        whatever record its customer is known; but not one by which the customer is called."""
        if self.is_outbound or not any(task.is_named for task in self.tasks):
            return None
        return self.event("SUPPORT_REQUESTED", [
            self.of_task(told) for told in self.all("task.created")
            if told.task.direction == "inbound"])

    def resolved(self):
        wait_s = self.wait_s()
        waited = {} if wait_s is None else {"wait_s": wait_s}
        return self.event("SUPPORT_RESOLVED", [
            self.of_task(told) | self.of_end(told) | waited | self.handled(told) | self.had(told)
            for told in self.all("task.completed")])

    def abandoned(self):
        return self.event("SUPPORT_ABANDONED", [
            self.of_task(told) | self.of_end(told)
            | {"outcome": GAVE_UP[told.said["reason"]], "wait_s": age_s(told)}
            for told in self.all("task.canceled") if self.is_abandonment(told)])

    def is_abandonment(self, told):
        task, end_ms = told.task, told.at_ms
        if self.is_outbound or task.direction == "outbound" or task.purpose:
            return False
        if told.said["reason"] not in GAVE_UP:
            return False
        followed = any(task.created_ms < other.created_ms <= end_ms + ABANDONED_AFTER_MS
                       for other in self.tasks)
        waited_ms = end_ms - self.first.created_ms
        return (not followed and waited_ms >= MIN_WAIT_MS
                and not self.all("reservation.accepted"))

    def ended(self):
        """Whose it was and by which channel is what the tasks say. On the phone Interactions tells
        no time: it is that of its arrival; and what it tells later than a call counts as over may
        be news no more."""
        ends = self.all("conversation.ended")
        ticket = self.ticket
        if not ends:
            return self.call_ended() if ticket.channel == "voice" else None
        properties = {"channel": ticket.channel, "direction": self.first.direction,
                      "source_event_id": ANY, "reason": PERHAPS, "agent": PERHAPS, **self.names()}
        told = [properties | {"event_date": ends[0].at_ms if ticket.conversation else ANY}]
        return self.event("CONVERSATION_ENDED", told + self.ended_before())

    def ended_before(self):
        """The ends of a call that may have counted before its own was told."""
        ends = self.all("conversation.ended")
        return [] if self.ticket.channel != "voice" or not ends else self.call_ended(
            ends[0].at_ms - VOICE_END_MS).choices

    def call_ended(self, until_ms=math.inf):
        """By its last task, where nobody told of the end: with what that task said."""
        return self.event("CONVERSATION_ENDED", [
            self.of_task(told) | self.of_closing(told) | {
                "source_event_id": "conversation.ended/" + told.task.sid, "agent": PERHAPS}
            for told in self.ends_of_tasks()
            if told.at_ms <= until_ms and not self.goes_on(told.at_ms)])

    def ends_of_tasks(self):
        return self.all("task.completed") + self.all("task.canceled")

    def goes_on(self, end_ms):
        """In a task that is still open then, or that begins before the call counts as over."""
        closed = {told.task: told.at_ms for type_ in CLOSINGS for told in self.all(type_)}
        return any(task.created_ms <= end_ms + VOICE_END_MS and closed[task] > end_ms
                   for task in self.tasks)

    def surveys(self):
        """Its time is that of its arrival."""
        for told in self.all("survey.completed"):
            yield self.event("CSAT_SUBMITTED", [self.names() | {
                "task_sid": told.task.sid, "channel": self.ticket.channel,
                "survey_id": told.said["survey"], "score": told.said["score"],
                "score_max": told.said["scale"],
                "source_event_id": ANY, "event_date": ANY, "direction": PERHAPS,
                "agent": PERHAPS}])

    def answered(self):
        """Ends of tasks that were nothing but a survey, and carry a score."""
        return [told for told in self.ticket.happenings if told.type == "task.canceled"
                and told.task.purpose == "survey" and told.task.score is not None]

    def surveys_by_task(self):
        for told in self.answered():
            yield self.event("CSAT_SUBMITTED", [self.of_task(told) | {
                "source_event_id": f"survey.completed/{told.task.sid}/default/{told.type}",
                "survey_id": "default", "score": told.task.score, "score_max": 5,
                "queue": told.task.queue, "agent": PERHAPS}])

    # ---- what events of tasks have

    def of_task(self, told):
        ticket, task = self.ticket, told.task
        return self.names() | {
            "event_date": told.at_ms, "source_event_id": task.event_sids[told.type],
            "task_sid": task.sid, "channel": ticket.channel, "direction": self.first.direction,
            "workflow": "Assign to Anyone", "priority": 0}

    def names(self):
        """By which the ticket is known, whatever the record knew that told the event."""
        ticket = self.ticket
        known = {"ticket": ticket.name, "conversation_sid": ticket.conversation,
                 "interaction_sid": ticket.interaction}
        return {name: sid for name, sid in known.items() if sid}

    @staticmethod
    def of_closing(told):
        reason = told.said["reason"]
        return {"queue": told.task.queue, **({"reason": reason} if reason else {})}

    def of_end(self, told):
        return self.of_closing(told) | {"duration_s": age_s(told)}


def age_s(told):
    return (told.at_ms - told.task.created_ms) // 1000


# ---- contacts

class Brevo:
    """Who is who: by the best identifier that is known; an address belongs to one contact."""

    IDENTIFIERS = ("email", "SMS", "WHATSAPP")      # best first

    def __init__(self):
        self.contacts = []
        self.owners = {}

    def meet(self, known):
        """The contact of these identifiers; it gains what it lacks of them and nobody has."""
        contact = next(filter(None, (
            self.owners.get((kind, known.get(kind))) for kind in self.IDENTIFIERS)), None)
        if contact is None or contact.email not in ("", known.get("email", contact.email)):
            contact = Contact()         # or somebody else, who shares the phone
            self.contacts.append(contact)
        for kind, value in known.items():
            held = contact.email if kind == "email" else contact.attributes.get(kind)
            owner = self.owners.get((kind, value))
            if not held and owner not in (None, contact) and not owner.email:
                contact.same = owner
            if held or owner is not None:
                continue
            self.owners[kind, value] = contact
            if kind == "email":
                contact.email = value
            else:
                contact.attributes[kind] = value
        return contact


def identifiers(ticket):
    names = {"email": "email", "phone": "SMS", "whatsapp": "WHATSAPP"}
    return {names[kind]: value if kind == "email" else value.lstrip("+")
            for kind, value in ticket.addresses.items()}


def remember(brevo, person):
    """A contact that Brevo has had before."""
    known = {name: value.lstrip("+") for name, value in person.prior["attributes"].items()
             if name in Brevo.IDENTIFIERS}
    if "email" in person.prior:
        known["email"] = person.prior["email"]
    contact = brevo.meet(known)
    contact.attributes |= person.prior["attributes"] | {
        name: value for name, value in known.items() if name != "email"}
    contact.lists |= set(person.prior["listIds"])
    contact.prior = person.prior
    contact.people.append(person)


def expected_contacts(day):
    """What Brevo should know when all of the day was told."""
    brevo = Brevo()
    for person in day.people:
        if person.prior is not None:
            remember(brevo, person)
    for ticket in sorted(day.tickets(), key=lambda ticket: ticket.tasks[0].created_ms):
        judged = Judged(ticket)
        if judged.events():
            contact = brevo.meet(identifiers(ticket))
            contact.tickets.append(judged)
            if ticket.person not in contact.people:
                contact.people.append(ticket.person)
    for contact in brevo.contacts:
        learn(contact, day.overwrites)
    return brevo.contacts


def learn(contact, overwrites):
    contact.events = [event for judged in contact.tickets for event in judged.events()]
    names = {event.name for event in contact.events}
    if names & (SUPPORT_EVENTS | {"CONVERSATION_ENDED"}):
        contact.lists.add(SUPPORT_CONTACTS)
    if "CSAT_SUBMITTED" in names:
        contact.lists.add(CSAT_RESPONDENTS)
    contact.attributes |= profile(contact, overwrites) | computed(contact)
    tiers = latest_tiers(contact) if overwrites else []
    contact.attributes |= {"VIP_TIER": either(tiers)} if tiers else {}


def profile(contact, overwrites):
    """Fills what is empty and overwrites nothing. Only what tasks told knows of it, and of the name
    only those that say whose they are: where each event may be another's, it may not come."""
    told = [event for event in contact.events if is_told_by_task(event)]
    if not told:
        return {}
    person = contact.people[0]
    named = {task.sid for judged in contact.tickets for task in judged.tasks if task.is_named}
    is_named = any(all(choice["task_sid"] in named for choice in event.choices) for event in told)
    first_name = person.first_name if is_named else person.first_name and PERHAPS
    found = {"FIRSTNAME": first_name, "VIP_TIER": "" if overwrites else person.tier,
             "ACCOUNT_ID": person.account}
    return {name: value for name, value in found.items()
            if value and not contact.attributes.get(name)}


def is_told_by_task(event):
    """Its own event, or the end of the call that nobody else told."""
    return event.name in SUPPORT_EVENTS or (
        event.name == "CONVERSATION_ENDED" and "task_sid" in event.choices[0])


def computed(contact):
    if not contact.tickets:
        return {}
    base = contact.prior["attributes"] if contact.prior else {}
    tickets = contact.tickets + (contact.same.tickets if contact.same else [])
    inbound = [judged for judged in tickets if not judged.is_outbound]
    found = {
        "LAST_SUPPORT_DATE": last_date(tickets, base.get("LAST_SUPPORT_DATE", "")),
        "SUPPORT_TICKET_COUNT": base.get("SUPPORT_TICKET_COUNT", 0) + len(inbound) or None,
        "AVG_WAIT_TIME": average_wait(base, inbound),
        "CSAT_SCORE": latest_score(tickets),
        "PREFERRED_CHANNEL": either(preferred_channel(base, inbound, with_late_ends)
                                    for with_late_ends in (True, False)),
    }
    return {name: value for name, value in found.items() if value is not None}


def last_date(tickets, before):
    """Never backwards. An end on the phone has no time but that of its arrival. Of several records
    that may tell one event any may have been the first: nothing is told of the others."""
    times = [[choice["event_date"] for choice in event.choices if choice["event_date"] is not ANY]
             for judged in tickets for event in judged.events() if event.name != "CSAT_SUBMITTED"]
    if any(judged.last_ms() == math.inf for judged in tickets):
        return ANY
    least = max(min(told) for told in times if told)
    days = [datetime.datetime.fromtimestamp(time_ms / 1000, datetime.timezone.utc).date()
            for told in times for time_ms in told if time_ms >= least]
    return either(max(before, day.isoformat()) for day in days)


def average_wait(base, inbound):
    """One wait for each ticket that was resolved; the base counts as often as it says."""
    waits = [judged.wait_s() for judged in inbound if judged.all("task.completed")]
    waits = [wait for wait in waits if wait is not None and wait <= WAIT_MAX_S]
    if not waits:
        return None
    weight = max(1, base.get("SUPPORT_TICKET_COUNT", 0)) if "AVG_WAIT_TIME" in base else 0
    total = base.get("AVG_WAIT_TIME", 0) * weight + sum(waits)
    return half_up(fractions.Fraction(total) / (weight + len(waits)), 0)


def latest_score(tickets):
    """A post has the time of its arrival, which is later than everything of the day."""
    posted = [(math.inf, told.at_ms, told.said["score"], told.said["scale"])
              for judged in tickets for told in judged.all("survey.completed")
              if told.said["kind"] == "csat"]
    by_task = [(told.at_ms, 0, told.task.score, 5)
               for judged in tickets for told in judged.answered()]
    if not posted + by_task:
        return None
    *_, score, scale = max(posted + by_task)
    return half_up(fractions.Fraction(score * CSAT_SCALE, scale), 2)


def half_up(number, digits):
    scaled = (number * 10 ** digits + fractions.Fraction(1, 2)).__floor__()
    return scaled // 10 ** digits if scaled % 10 ** digits == 0 else scaled / 10 ** digits


def either(values):
    """Whichever of them, each is as good."""
    found = set(values)
    return found.pop() if len(found) == 1 else tuple(found)


def preferred_channel(base, inbound, with_late_ends):
    """The most used; of equals the one used last: by an end that may be no news, or without."""
    count, latest = collections.Counter(), collections.Counter()
    if "PREFERRED_CHANNEL" in base:
        count[base["PREFERRED_CHANNEL"]] += max(1, base.get("SUPPORT_TICKET_COUNT", 0))
    for judged in inbound:
        channel = judged.ticket.channel
        count[channel] += 1
        is_late = with_late_ends or not judged.ended_before()
        latest[channel] = max(latest[channel], judged.last_ms() if is_late
                              else judged.ticket.happenings[-1].at_ms)
    return max(count, key=lambda channel: (count[channel], latest[channel]), default=None)
