"""Redis slow or silent, and no spool: callers are refused early rather than late, and in time."""

import os
import signal
import time

import pytest

import harness
from harness import Task

pytestmark = pytest.mark.alone

ANSWER_S = 3        # what the contract promises
OVERLOAD = 'requests_rejected_total{source="%s",reason="overload"}'


@pytest.fixture
def flexbrevo(program, redis):
    return program("serve", changes={"redis": {"url": redis.url},
                                     "queue": {"spool_max": "0"}}).start()


@pytest.fixture
def silent(redis):
    """Redis takes what it is sent and says nothing, until it is woken."""
    class Silence:
        def begin(self):
            os.kill(redis.process.pid, signal.SIGSTOP)

        def end(self):
            os.kill(redis.process.pid, signal.SIGCONT)

    silence = Silence()
    yield silence
    silence.end()


class Sent:
    """A request whose answer nobody has looked at yet."""

    def __init__(self, flexbrevo, webhook):
        self.connection = flexbrevo.caller().connection
        self.began = time.monotonic()
        self.connection.request("POST", webhook.path, webhook.body, webhook.headers)

    def answer(self):
        answer = self.connection.getresponse()
        answer.read()
        return answer


def send_until(condition, send):
    """Requests that come one after another, whatever becomes of those before."""
    sent = []

    def overloaded():
        sent.append(send())
        return condition()

    harness.wait_until(overloaded, "an early refusal")
    return sent


def test_a_silent_redis_is_refused_for_early_and_recovers_at_once(
        flexbrevo, caller, twilio, silent):
    assert caller.send(twilio.callback(Task())).status == 204
    silent.begin()
    sent = send_until(lambda: flexbrevo.metric(OVERLOAD % "taskrouter") > 0,
                      lambda: Sent(flexbrevo, twilio.callback(Task())))
    late = Sent(flexbrevo, twilio.plugin(Task())).answer()
    answers = [request.answer() for request in sent]
    assert time.monotonic() - sent[-1].began < ANSWER_S
    assert {answer.status for answer in answers} == {503}
    assert late.status == 429
    assert int(late.headers["Retry-After"]) > 0
    assert late.headers["Access-Control-Allow-Origin"] == "https://flex.twilio.com"
    assert " warn overload waiting=" in flexbrevo.log()
    silent.end()
    harness.wait_until(lambda: caller.send(twilio.callback(Task())).status == 204, "a 204")
    refused = flexbrevo.metric(OVERLOAD % "taskrouter")
    for _ in range(20):
        assert caller.send(twilio.callback(Task())).status == 204
    assert flexbrevo.metric(OVERLOAD % "taskrouter") == refused


def test_a_pause_shorter_than_the_budget_refuses_nobody(flexbrevo, twilio, silent):
    silent.begin()
    sent = [Sent(flexbrevo, twilio.callback(Task())) for _ in range(50)]
    silent.end()
    assert {request.answer().status for request in sent} == {204}
    assert flexbrevo.metric(OVERLOAD % "taskrouter") == 0


def test_iam_and_redis_together_keep_within_the_time_of_one_request(
        flexbrevo, caller, twilio, iam, silent):
    iam.fault("delay", seconds=1.7)
    silent.begin()
    began = time.monotonic()
    answer = caller.send(twilio.plugin(Task()))
    assert time.monotonic() - began < ANSWER_S
    assert answer.status == 429
    assert iam.calls() == 1
