"""How a day is told: by which routes, how often, when it arrives. Nothing arrives in order.

Each happening goes by every route that can tell of it. A copy may be lost, but one that Twilio
signed always arrives; it may come twice; most come at once, some minutes late. What is told is a
list of posts in the order of their arrival, each signed when it is sent.
"""

import collections
import dataclasses
import json
import time

import harness
import noise
from story import DELAY_MAX_MS, SPAN_MS

LOST, TWICE, PLUGIN, BATCH_AGAIN = 0.15, 0.1, 0.3, 0.03
BATCH_MAX = 100
BATCH_SPAN_MS = 5 * 60_000
NOISE_SHARE = 0.03
# Share and delay of what comes at once, soon, late.
DELAYS_MS = {(0, 3_000): 80, (3_000, 60_000): 15, (60_000, DELAY_MAX_MS): 5}

TASK_CHANNELS = {"voice": "voice", "webchat": "chat", "email": "email"}
STATES = {"conversation.inactive": ("active", "inactive"),
          "conversation.active": ("inactive", "active"), "conversation.ended": ("active", "closed")}


# ---- one task in Twilio's words

class Told(harness.Task):
    """A task at one moment: story.Task in the harness's dialects."""

    def __init__(self, task, happening):
        self.task, self.happening = task, happening
        self.worker_sid = "WK" + task.reservation_sid[2:]
        super().__init__(
            customer=None, sid=task.sid, reservation_sid=task.reservation_sid,
            age=(happening.at_ms - task.created_ms) // 1000, queue=task.queue,
            canceled_reason=happening.said.get("reason", ""), time_ms=happening.at_ms,
            event_sids=task.event_sids)

    def task_attributes(self):
        return json.dumps(attributes(self.task))

    def callback(self, event):
        told = super().callback(event) | {"TaskChannelUniqueName": self._channel()}
        if event.startswith("reservation."):
            told |= {"WorkerSid": self.worker_sid, "WorkerName": self.task.agent}
        return told

    def cloud_event(self, event):
        told = super().cloud_event(event)
        payload = told["data"]["payload"]
        payload["task_channel_unique_name"] = self._channel()
        if event.startswith("reservation."):
            payload |= {"reservation_sid": self.reservation_sid, "resource_type": "reservation",
                        "resource_sid": self.reservation_sid, "worker_sid": self.worker_sid,
                        "worker_name": self.task.agent}
        return told

    def plugin_body(self, **more):
        return {"TaskSid": self.sid, "ReservationSid": self.reservation_sid,
                "WorkerSid": self.worker_sid, "TaskAttributes": attributes(self.task),
                "TaskChannelUniqueName": self._channel(), "TaskQueueFriendlyName": self.queue,
                "Age": self.age, "Reason": "Completed manually", **more}

    def _channel(self):
        channel = self.task.ticket.channel
        return TASK_CHANNELS.get(channel, channel)


def attributes(task):
    ticket, person = task.ticket, task.ticket.person
    found = {"direction": task.direction, "customer_tier": ticket.tier,
             "account_id": person.account}
    if ticket.channel != "voice":
        found["channelType"] = "web" if ticket.channel == "webchat" else ticket.channel
        found["conversationSid"] = ticket.conversation
    if ticket.interaction:
        found["flexInteractionSid"] = ticket.interaction
    if ticket.interaction or task is not ticket.tasks[0]:
        found["conversations"] = {"conversation_id": ticket.name}
    if task.purpose in ("callback", "voicemail"):
        found["taskType"] = task.purpose
    if task.purpose == "survey":
        found["conversations"] = {"kind": "Survey", "conversation_id": ticket.name,
                                  "conversation_measure_1": task.score}
    return found | (who(task) if task.is_named else {})


def who(task):
    """The customer, in the places in which each channel has them."""
    ticket, person = task.ticket, task.ticket.person
    found = {"customerName": person.name}
    if "email" in ticket.addresses:
        found["email"] = person.email
    if "whatsapp" in ticket.addresses:
        found["customerAddress"] = "whatsapp:" + person.phone
    if "phone" not in ticket.addresses:
        return found
    if ticket.channel == "voice":
        outbound = task.direction == "outbound"
        ours = "+15550001111"
        return found | {"from": ours if outbound else person.phone,
                        "outbound_to" if outbound else "caller": person.phone}
    if ticket.channel == "sms":
        return found | {"customerAddress": person.phone}
    return found | {"customers": {"phone": person.phone}}


# ---- posts

@dataclasses.dataclass
class Post:
    """One request, for twilio_sender.Sender; made when it is sent."""

    make: object                # () -> harness.Webhook
    happenings: list            # one for each copy in it
    at_ms: int                  # when it arrives, in the day's time
    caller: str = "stream"      # all are repeated until they are taken
    acknowledged: bool = False
    statuses: list = dataclasses.field(default_factory=list)

    @property
    def webhook(self):
        return self.make()


class Telling:
    """The posts of a day, and how often each happening is among them.

    `in_any_order`: not minutes late, but whenever it likes within the day. Surveys, which carry no
    time, come last and in their order. `delays_ms`: another DELAYS_MS.
    """

    def __init__(self, day, in_any_order=False, delays_ms=None):
        self.day, self.choose, self.in_any_order = day, day.choose, in_any_order
        self.delays_ms = delays_ms or DELAYS_MS
        self.twilio = harness.Twilio()
        self.arrivals = []          # (when, number, Post)
        self.streamed = []          # (when, number, happening, CloudEvent's maker)
        self.copies = collections.Counter()
        self.routes = collections.defaultdict(list)     # id(happening): what it came by
        for happening in day.happenings():
            self._tell(happening)
        self._batch()
        self._add_noise(round(NOISE_SHARE * len(self.arrivals)))
        self.arrivals.sort(key=lambda arrival: arrival[:2])
        self.posts = [post for _, _, post in self.arrivals]

    def _tell(self, happening):
        signed, others = ways(happening, self.day)
        kept = [way for way in signed if not self.day.lucky(LOST)] or [self.choose.choice(signed)]
        kept += [way for way in others if not self.day.lucky(LOST)]
        kept += [way for way in kept if self.day.lucky(TWICE)]
        for way in kept:
            self._arrive(happening, way)

    def _arrive(self, happening, way):
        least_ms, most_ms = self.day.by_weight(self.delays_ms)
        if way == "survey":
            least_ms, most_ms = 0, 3_000        # the order of a person's answers is that of arrival
        when = happening.at_ms + self.choose.randint(least_ms, most_ms)
        if self.in_any_order:
            when = when + SPAN_MS if way == "survey" else self.day.start_ms + self.choose.randrange(
                SPAN_MS)
        self.copies[way] += 1
        self.routes[id(happening)].append((way, when - happening.at_ms))
        number = sum(self.copies.values())
        if way == "stream":
            self.streamed.append((when, number, happening))
            return
        make = getattr(self, "_" + way)
        if way == "plugin" and self.day.lucky(0.5):
            make = self._plugin_by_reservation
        self.arrivals.append((when, number, Post(lambda: make(happening), [happening], when)))

    def _batch(self):
        """Event Streams: up to a hundred at a time, and sometimes the whole batch again."""
        self.streamed.sort(key=lambda one: one[:2])
        while self.streamed:
            size = self.choose.choice((1, 1, 3, 10, 30, BATCH_MAX))
            until_ms = self.streamed[0][0] + BATCH_SPAN_MS
            batch = [one for one in self.streamed[:size] if one[0] <= until_ms]
            del self.streamed[:len(batch)]
            self._post_batch(batch)

    def _post_batch(self, batch):
        when, number, _ = batch[-1]
        happenings = [happening for _, _, happening in batch]
        self.choose.shuffle(happenings)
        for _ in range(2 if self.day.lucky(BATCH_AGAIN) else 1):
            self.arrivals.append((when, number, Post(
                lambda: self.twilio.json([cloud_event(one) for one in happenings]),
                happenings, when)))

    def _add_noise(self, count):
        for number in range(count):
            when = self.choose.randint(self.day.start_ms, self.day.start_ms + SPAN_MS)
            make = noise.one(self.day, self.twilio, when)
            self.arrivals.append((when, -number, Post(make, [], when)))

    # ---- each route's request

    def _callback(self, happening):
        return self.twilio.form(Told(happening.task, happening).callback(happening.type))

    def _plugin(self, happening):
        return self._post_of_plugin(happening)

    def _plugin_by_reservation(self, happening):
        """Flex UI's task.sid is a reservation's."""
        return self._post_of_plugin(happening, TaskSid=happening.task.reservation_sid)

    def _post_of_plugin(self, happening, **more):
        told = Told(happening.task, happening)
        return self.twilio.plugin(told, harness.fake_iam.flex_token(told.worker_sid), **more)

    def _conversations(self, happening):
        return self.twilio.form({"EventType": "onConversationStateUpdated", "Source": "API",
                                 **state(happening)}, "/webhooks/conversations")

    def _interactions(self, happening):
        return self.twilio.form({
            "EventType": "onChannelStatusUpdated", "AccountSid": harness.ACCOUNT_SID,
            "InteractionSid": happening.ticket.interaction, "ChannelStatus": "closed",
            "MediaChannelType": "voice"}, "/webhooks/flex/interactions")

    def _survey(self, happening):
        said, known = happening.said, happening.ticket.addresses
        phone = known.get("phone") or "whatsapp:" + known.get("whatsapp", "")
        channel = happening.ticket.channel if said["names_channel"] else ""
        return self.twilio.form({
            "TaskSid": happening.task.sid, "SurveyId": said["survey"], "Kind": said["kind"],
            "Score": str(said["score"]), "ScoreMax": str(said["scale"]), "Channel": channel,
            "Email": known.get("email", ""), "Phone": phone}, "/webhooks/flex/survey")


def ways(happening, day):
    """(what Twilio signs, what else) of the routes that tell of it."""
    if happening.type == "survey.completed":
        return ["survey"], []
    if happening.type in STATES:
        on_the_phone = not happening.ticket.conversation
        return ["interactions"] if on_the_phone else ["conversations", "stream"], []
    with_plugin = happening.type == "task.completed" and day.lucky(PLUGIN)
    return ["callback", "stream"], ["plugin"] if with_plugin else []


def iso(time_ms):
    seconds, ms = divmod(time_ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"


def state(happening):
    before, after = STATES[happening.type]
    return {"AccountSid": harness.ACCOUNT_SID, "ConversationSid": happening.ticket.conversation,
            "StateFrom": before, "StateTo": after, "StateUpdated": iso(happening.at_ms),
            "Reason": "API"}


def cloud_event(happening):
    if happening.type not in STATES:
        return Told(happening.task, happening).cloud_event(happening.type)
    return {"specversion": "1.0", "id": harness.sid("EZ"), "time": iso(happening.at_ms),
            "type": "com.twilio.conversations.conversation-state.updated",
            "data": state(happening)}
