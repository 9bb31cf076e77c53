"""What waits for others counts from when it was read: in a backlog they are read after it.

Nobody reads while `serve` takes what comes; all waits are shorter than that, and over by what a record
was received.
"""

import time

import pytest

import harness
from harness import Task
from test_surveys import BY_QUEUE
from test_tickets import Ticket, names

WAIT = "2s"
AWAY_S = 2.5
BETWEEN = 40        # more than a worker has in hand


class Backlog(Ticket):
    """A ticket of which nothing is read before all of it is told."""

    def __init__(self, program, redis, twilio):
        self.program = program
        self.changes = {
            "redis": {"url": redis.url},
            "identity": {"wait": WAIT, "ask_twilio": False},
            "ticket": {"join_wait": WAIT},
            "csat": {"queue_wait": WAIT, "extractors": [BY_QUEUE]}}
        super().__init__(program("serve", self.changes).start(), twilio)
        self.time_ms += 59_000

    def others(self):
        for _ in range(BETWEEN):
            self.post(Task().callback("task.updated"))

    def read(self):
        time.sleep(AWAY_S)
        self.program("work", self.changes).start()
        return self.settled()


@pytest.fixture
def backlog(program, redis, twilio):
    return Backlog(program, redis, twilio)


def test_an_end_learns_whose_its_conversation_was_from_what_stands_behind_it(backlog, sandbox):
    task, known = backlog.task(), backlog.customer
    task.customer = harness.Customer(email="", phone="anonymous")
    backlog.tell(task, "task-queue.entered")
    backlog.tell(task, "reservation.accepted")
    backlog.state("closed", 1)
    backlog.others()
    task.customer = known
    backlog.tell(task, "task.completed", 1)
    assert backlog.read() == {}
    assert names(sandbox) == ["CONVERSATION_ENDED", "SUPPORT_RESOLVED"]


def test_an_end_finds_the_task_that_stands_behind_it(backlog, sandbox):
    backlog.state("closed", 1)
    backlog.others()
    backlog.tell(backlog.task(), "task.completed", 1)
    assert backlog.read() == {}
    assert names(sandbox) == ["CONVERSATION_ENDED", "SUPPORT_RESOLVED"]


def test_a_surveys_task_is_no_request_when_its_queue_stands_behind_it(backlog, sandbox):
    asked = backlog.task()
    asked.queue = BY_QUEUE["queue"]
    backlog.tell(asked, "task.created")
    backlog.others()
    backlog.tell(asked, "task-queue.entered", 1)
    assert backlog.read() == {"survey_task": 1}
    assert names(sandbox) == []
