"""What Twilio tells in one run: which events, by which routes, in which order. One seed, one story.

A Post is one request and, once it was answered 2xx, an obligation: `records` names what must then
end in delivered, filtered or parked. `fates` says for each record which end is right.
"""

import dataclasses
import hashlib
import json
import random
import time

import harness

RESOLVED, REQUESTED, ABANDONED, CSAT, ENDED = (
    "SUPPORT_RESOLVED", "SUPPORT_REQUESTED", "SUPPORT_ABANDONED", "CSAT_SUBMITTED",
    "CONVERSATION_ENDED")
EVENTS = {"task.created": REQUESTED, "task.completed": RESOLVED, "task.canceled": ABANDONED}
BATCH_MAX = 6
SURVEY_TASKS = 2


@dataclasses.dataclass
class Post:
    caller: str                 # of twilio_sender.CALLERS
    webhook: harness.Webhook
    records: tuple              # record keys; one that ends in "/" is the begin of one
    events: tuple = ()          # of a batch: what tells of each record
    derived: tuple = ()         # records that are made of these
    due_s: float = 0.0          # since the start
    acknowledged: bool = False
    statuses: list = dataclasses.field(default_factory=list)    # None: no answer


class Workload:
    def __init__(self, seed, tasks=None, span_s=2.5):
        self.choose = random.Random(seed)
        self.span_s = span_s
        self.twilio = harness.Twilio()
        self.time_ms = int(time.time() * 1000)
        self.posts = []
        self.asked = set()
        self.calls = {}         # record of a task's end -> that of its call's
        self.fates = {}         # record -> (event name, task), "filtered" or "parked"
        self.customers = [self._customer() for _ in range(12)]
        streamed = []
        for _ in range(tasks or self.choose.randint(25, 60)):
            self._tell(self.task(), streamed)
        for _ in range(SURVEY_TASKS):
            self._survey_task()
        self.stream(streamed)
        self.choose.shuffle(self.posts)
        for post in self.posts:
            post.due_s = self.choose.uniform(0, span_s)

    # ---- people and tasks, the same for the same seed

    def sid(self, prefix):
        return prefix + self.choose.randbytes(16).hex()

    def _customer(self):
        number = self.choose.randrange(10 ** 8)
        return harness.Customer(f"customer{number:08d}@example.com", f"+346{number:08d}")

    def task(self):
        customer = self.choose.choice(self.customers)
        # Always by the same channel: of two used as often the latest is preferred, and what only a
        # browser tells is as late as it arrives.
        channel = {"channelType": "voice"} if int(customer.phone[-2:]) < 25 else {}
        return harness.Task(customer=customer, sid=self.sid("WT"),
                            reservation_sid=self.sid("WR"), time_ms=self.time_ms,
                            attributes=channel,
                            event_sids={event: self.sid("EV") for event in
                                        (*EVENTS, "reservation.accepted")})

    # ---- the story of one task

    def _tell(self, task, streamed):
        lucky = self.choose.random
        ending = "task.canceled" if lucky() < 0.1 else "task.completed"
        for event in ("task.created", ending):
            for way in self._ways(event):
                self.by(way, task, event, streamed)
        if lucky() < 0.3 and ending == "task.completed":    # nobody gives up whom an agent took
            self._fact(task, streamed)
        # One for each customer: a survey's answer is as late as it arrives, and the latest counts.
        if lucky() < 0.15 and task.customer.email not in self.asked:
            self.asked.add(task.customer.email)
            self._survey(task)
        if lucky() < 0.1:
            self._junk()
        if lucky() < 0.1:
            self._nobody()

    def _ways(self, event):
        """One, two or three routes tell of it; some tell it twice."""
        known = ["callback", "stream"] + (["plugin"] if event == "task.completed" else [])
        ways = self.choose.sample(known, self.choose.randint(1, len(known)))
        return ways + [way for way in ways if self.choose.random() < 0.15]

    def by(self, way, task, event, streamed):
        record = f"{event}/{task.sid}"
        self.fates[record] = (EVENTS[event], task.sid)
        if event != "task.created" and task.attributes:
            self.calls[record] = f"conversation.ended/{task.sid}"
            self.fates[self.calls[record]] = (ENDED, task.sid)
        if way == "stream":
            streamed.append((task.cloud_event(event), record))
        elif way == "plugin":
            self.posts.append(Post("plugin", self.twilio.plugin(task), (record,),
                                   derived=self._derived([record])))
        else:
            caller = "callback" if self.choose.random() < 0.7 else "callback_once"
            self.posts.append(Post(caller, self.twilio.callback(task, event), (record,),
                                   derived=self._derived([record])))

    def _fact(self, task, streamed):
        """Which task a reservation belongs to: no event, and yet it must be kept."""
        event = "reservation.accepted"
        record = f"{event}/{task.reservation_sid}"
        self.fates[record] = "filtered"
        told = task.cloud_event(event)
        told["data"]["payload"] |= {
            "reservation_sid": task.reservation_sid, "worker_sid": harness.WORKER_SID,
            "resource_type": "reservation", "resource_sid": task.reservation_sid}
        streamed.append((told, record))

    def _survey(self, task):
        fields = {"TaskSid": task.sid, "Score": str(self.choose.randint(1, 5)),
                  "Email": task.customer.email, "Phone": task.customer.phone,
                  "Channel": "whatsapp", "SurveyId": "post-chat"}
        record = f"survey.completed/{task.sid}/"
        self.fates[record] = (CSAT, task.sid)
        self.posts.append(Post("studio", self.twilio.form(
            fields, "/webhooks/flex/survey"), (record,)))

    def _survey_task(self):
        """A task that is nothing but a survey: its answer becomes a record of its own."""
        task = self.task()
        task.customer, task.canceled_reason = self._customer(), "CSAT saved"
        task.attributes = {"conversations": {
            "kind": "Survey", "conversation_measure_1": self.choose.randint(1, 5)}}
        ended = f"task.canceled/{task.sid}"
        answer = f"survey.completed/{task.sid}/default/task.canceled"
        self.fates[ended], self.fates[answer] = "filtered", (CSAT, task.sid)
        self.posts.append(Post("callback", self.twilio.callback(task, "task.canceled"),
                               (ended, answer)))

    def _junk(self):
        """Signed, and no event: it must be kept for a person."""
        body = b"{broken" + self.choose.randbytes(8).hex().encode()
        record = "raw/event-streams/" + hashlib.sha256(body).hexdigest()
        self.fates[record] = "parked"
        self.posts.append(Post("stream", self.twilio.json(body), (record,)))

    def _nobody(self):
        """A caller who withheld the number."""
        task = self.task()
        fields = task.callback("task.created") | {"TaskAttributes": json.dumps(
            {"direction": "inbound", "channelType": "voice", "from": "anonymous"})}
        record = f"task.created/{task.sid}"
        self.fates[record] = "filtered"
        self.posts.append(Post("callback", self.twilio.form(fields), (record,)))

    def stream(self, streamed):
        self.choose.shuffle(streamed)
        while streamed:
            batch = [streamed.pop() for _ in range(
                min(len(streamed), self.choose.randint(1, BATCH_MAX)))]
            self.posts.append(self._batch(batch))

    def _batch(self, told):
        events, records = zip(*told)
        return Post("stream", self.twilio.json(list(events)), records, events,
                    self._derived(records))

    def _derived(self, records):
        return tuple(self.calls[record] for record in records if record in self.calls)

    # ---- asked afterwards

    def without_what_was_lost(self, stored):
        """The posts that tell of the stored records, and of no others."""
        for post in self.posts:
            told = [record for record in post.records if stored(record)]
            if len(told) == len(post.records):
                yield post
            elif told:
                yield self._batch([one for one in zip(post.events, post.records)
                                   if one[1] in told])

    def event_count(self):
        return sum(len(post.records) for post in self.posts)

    def one_more(self):
        """A fresh event, for whether all is well again."""
        self.by("stream", self.task(), "task.completed", streamed := [])
        self.stream(streamed)
        return self.posts[-1]
