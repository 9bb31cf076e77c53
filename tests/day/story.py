"""A day of a contact center as it was: who came, by which channel, what became of it.

    Person      a customer, and what Brevo knew of them the evening before
    Task        a task of TaskRouter's
    Ticket      one matter of a person's: its tasks, and everything that happened, in order
    Happening   one thing Twilio tells of, once, at one time
    Day         all of them

One seed is one day. Times are Unix milliseconds, Twilio's. Nothing in here knows how it is told, or
what becomes of it.
"""

import dataclasses
import random

HOUR_MS = 3600 * 1000
SPAN_MS = 20 * HOUR_MS          # all is younger than a day when it is told
END_MS = HOUR_MS // 2           # and over for half an hour
TICKETS_MAX = 15                # of a person: then there is an hour for each, and a break
TASKS_PER_TICKET = 1.25         # on an average of the scenes
SLOT_MS = SPAN_MS // TICKETS_MAX
DELAY_MAX_MS = HOUR_MS // 6     # the longest a telling takes; tickets of a person are further apart

# Who is known by this and by that later is one contact or two, by the order of their tickets: these
# are far apart, a slot for the ticket and the rest for the program to settle it.
SLOTS_APART = 5
APART_MS = (SLOTS_APART - 1) * SLOT_MS

LETTERS = "abcdefghijklmnopqrstuvwxyz"
CHANNELS = {"voice": 35, "webchat": 25, "whatsapp": 20, "sms": 15, "email": 3}
QUEUES = ("Billing", "Sales", "Support ES", "Returns")

# By what a person is known, and through which channels such a person comes.
KNOWN_BY = {
    "both": (40, ("voice", "webchat", "whatsapp", "sms", "email")),
    "email": (22, ("webchat", "email")),
    "phone": (22, ("voice", "sms", "whatsapp")),
    "whatsapp": (6, ("whatsapp",)),
    "phone, then both": (5, ("voice", "sms", "webchat")),
    "both, then phone": (5, ("voice", "sms", "webchat")),
}

# How many Brevo has met before. By the e-mail, who calls first: then there are two contacts.
KNOWN_BEFORE = {"phone, then both": 0.4, "both, then phone": 0}


TIERS = ("gold", "silver", "")


@dataclasses.dataclass
class Person:
    number: int
    email: str
    phone: str
    known_by: str
    name: str                   # as Flex has it; may be none
    first_name: str             # "" when `name` is none
    tier: str
    account: str
    prior: dict                 # Brevo's contact of the evening before, as POST /contacts; or None
    tickets: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(eq=False)
class Task:
    sid: str
    reservation_sid: str
    created_ms: int
    queue: str
    direction: str
    purpose: str                # "", "callback", "voicemail" or "survey"
    is_named: bool              # its attributes say whose it is
    ticket: object
    event_sids: dict = dataclasses.field(default_factory=dict)
    score: int = None           # of a survey that was answered

    @property
    def agent(self):
        """Each task has one of its own; nobody tells the name but a reservation."""
        return f"Agent of {self.reservation_sid[-8:]}"


@dataclasses.dataclass(eq=False)
class Happening:
    type: str
    at_ms: int
    ticket: object
    task: Task = None
    said: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(eq=False)
class Ticket:
    person: Person
    scene: str
    channel: str
    addresses: dict             # of "email", "phone", "whatsapp", what its tasks know
    interaction: str            # "" on the phone of old
    conversation: str           # "" on the phone
    has_own_tier: bool
    tasks: list = dataclasses.field(default_factory=list)
    happenings: list = dataclasses.field(default_factory=list)

    @property
    def name(self):
        return self.interaction or self.tasks[0].sid

    @property
    def tier(self):
        """That its tasks tell; "" when they tell none. Nothing is drawn for it."""
        return TIERS[int(self.name[2:], 16) % len(TIERS)] if self.has_own_tier else self.person.tier


class Day:
    def __init__(self, seed, now_ms, customers, tasks, scenes, overwrites=False):
        """`scenes`: {name: (weight, play(script))}; see scenes.py. `overwrites`: tiers change, and
        Brevo is to have the latest; else the first that is told."""
        self.overwrites = overwrites
        self.choose = random.Random(seed)
        self.start_ms = now_ms - END_MS - SPAN_MS
        numbers = self.choose.sample(range(10 ** 8), customers)
        self.people = [self._person(number) for number in numbers]
        self.task_count = 0
        self._play(self._cast(tasks, scenes), scenes)

    # ---- small choices

    def sid(self, prefix):
        return prefix + self.choose.randbytes(16).hex()

    def lucky(self, share):
        return self.choose.random() < share

    def by_weight(self, weights):
        """`weights`: {what: weight}."""
        return self.choose.choices(list(weights), list(weights.values()))[0]

    # ---- people

    def _person(self, number):
        first = "Zoltana" + "".join(self.choose.choices(LETTERS, k=4))
        names = {f"{first} Example": first, f"Example, {first}": first, first: first,
                 "anonymous": "", f"+346{number:08d}": ""}
        name = self.by_weight(dict(zip(names, (70, 5, 10, 5, 10))))
        person = Person(
            number=number, email=f"customer{number:08d}@example.com", phone=f"+346{number:08d}",
            known_by=self.by_weight({kind: weight for kind, (weight, _) in KNOWN_BY.items()}),
            name=name, first_name=names[name],
            tier=self.choose.choice(TIERS),
            account=f"A-{number}" if self.lucky(0.5) else "", prior=None)
        if self.lucky(KNOWN_BEFORE.get(person.known_by, 0.2)):
            person.prior = self._prior(person)
        return person

    def _prior(self, person):
        """Brevo has met this person before, whoever told it."""
        identity = {"both": {"email": person.email}, "email": {"email": person.email},
                    "phone": {"SMS": person.phone}, "whatsapp": {"WHATSAPP": person.phone},
                    "phone, then both": {"email": person.email}}
        known = identity[person.known_by]
        attributes = {name: value for name, value in known.items() if name != "email"}
        if self.lucky(0.5):
            attributes["FIRSTNAME"] = "Zoltanaprior"
            if self.overwrites:
                attributes["VIP_TIER"] = "prior"
        if self.lucky(0.6):
            attributes["SUPPORT_TICKET_COUNT"] = self.choose.randint(1, 12)
            attributes["LAST_SUPPORT_DATE"] = self.choose.choice(
                ("2024-02-29", "2025-11-02", "2099-12-31"))
            if self.lucky(0.7):
                attributes["AVG_WAIT_TIME"] = self.choose.randint(3, 400)
            if self.lucky(0.5):
                attributes["CSAT_SCORE"] = self.choose.choice((1, 2.5, 4))
            if self.lucky(0.7):
                attributes["PREFERRED_CHANNEL"] = self.choose.choice(("voice", "webchat"))
        prior = {"attributes": attributes, "listIds": [32] if self.lucky(0.4) else []}
        return prior | {name: value for name, value in known.items() if name == "email"}

    # ---- tickets

    def _cast(self, tasks, scenes):
        """Who comes with what: [(person, scene)], until there are about so many tasks."""
        weights = {name: weight for name, (weight, _) in scenes.items()}
        cast, expected = [], 0
        room = [person for person in self.people for _ in self._places(person)]
        self.choose.shuffle(room)
        while room and expected < tasks:
            cast.append((room.pop(), self.by_weight(weights)))
            expected += TASKS_PER_TICKET
        return cast

    def _play(self, cast, scenes):
        by_person = {}
        for person, scene in cast:
            by_person.setdefault(person.number, (person, []))[1].append(scene)
        for person, names in by_person.values():
            places = sorted(self.choose.sample(self._places(person), len(names)))
            for number, (place, scene) in enumerate(zip(places, names)):
                at_ms = self.start_ms + place * SLOT_MS + self.choose.randrange(SLOT_MS // 8)
                self._ticket(person, scene, at_ms, number >= len(names) / 2, scenes[scene][1])

    @staticmethod
    def _places(person):
        """Slots of the day in which a ticket of theirs may begin."""
        return range(0, TICKETS_MAX, SLOTS_APART if "then" in person.known_by else 1)

    def _ticket(self, person, scene, at_ms, is_late, play):
        channel = self._channel(person, is_late)
        has_interaction = channel != "voice" or self.lucky(0.4)
        ticket = Ticket(
            person=person, scene=scene, channel=channel,
            addresses=addresses(person, channel, is_late),
            interaction=self.sid("KD") if has_interaction else "",
            conversation=self.sid("CH") if channel != "voice" else "",
            has_own_tier=self.overwrites)
        play(Script(self, ticket, at_ms))
        ticket.happenings.sort(key=lambda happening: happening.at_ms)
        person.tickets.append(ticket)
        self.task_count += len(ticket.tasks)

    def _channel(self, person, is_late):
        possible = KNOWN_BY[person.known_by][1]
        if person.known_by == ("phone, then both" if not is_late else "both, then phone"):
            possible = ("voice", "sms")
        return self.by_weight({channel: CHANNELS[channel] for channel in possible})

    # ---- asked afterwards

    def tickets(self):
        return (ticket for person in self.people for ticket in person.tickets)

    def happenings(self):
        return (happening for ticket in self.tickets() for happening in ticket.happenings)


def addresses(person, channel, is_late):
    """What the attributes of a ticket's tasks know of the person."""
    known = {"both": ("email", "phone"), "email": ("email",), "phone": ("phone",),
             "whatsapp": (),
             "phone, then both": ("email", "phone") if is_late else ("phone",),
             "both, then phone": ("phone",) if is_late else ("email", "phone")}
    found = {kind: getattr(person, kind) for kind in known[person.known_by]}
    if channel == "whatsapp":
        found["whatsapp"] = person.phone
    return found


class Script:
    """One ticket being played: a clock that goes forward, and what happens by it."""

    def __init__(self, day, ticket, at_ms):
        self.day, self.ticket, self.at_ms = day, ticket, at_ms
        self.lucky, self.choose = day.lucky, day.choose
        self.is_told_of_queues = day.lucky(0.85)

    def wait(self, least_s, most_s):
        self.at_ms += self.choose.randint(1000 * least_s, 1000 * most_s)

    def begin(self, direction="inbound", purpose="", is_named=True):
        task = Task(
            sid=self.day.sid("WT"), reservation_sid=self.day.sid("WR"), created_ms=self.at_ms,
            queue=self.choose.choice(QUEUES), direction=direction, purpose=purpose,
            is_named=is_named, ticket=self.ticket)
        self.ticket.tasks.append(task)
        return self.tell("task.created", task)

    def tell(self, type_, task=None, **said):
        """Returns the task."""
        if task is not None:
            task.event_sids[type_] = self.day.sid("EV")
        self.ticket.happenings.append(Happening(type_, self.at_ms, self.ticket, task, said))
        return task
