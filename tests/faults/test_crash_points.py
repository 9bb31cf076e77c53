"""The process dies at every step of its two spines; nothing acknowledged is lost.

The program itself lists its crash points: one that is new is tested from then on, and one that no
test passes fails its test.
"""

import subprocess
import time

import pytest

import brevo_weather
import harness
from faults import HEIR_POINTS, SERVER_POINTS, WORKER_POINTS
from judge import judge
from workload import Workload

TASKS = 12
PATIENCE_S = 30
LATER = {"claimed": 4, "redis_sent": 20, "redis_answered": 20, "settled": 4, "settle_due": 4,
         "folded": 2, "split_due": 2, "split": 2}
LATER_ELSE = 9
DRAIN = ("drain_began", "drain_released")


def crash_points():
    done = subprocess.run([harness.BINARY], env={"FLEXBREVO_CRASH_AT": "list"},
                          capture_output=True, check=True)
    return sorted(done.stdout.decode().split())


def pytest_generate_tests(metafunc):
    if "point" in metafunc.fixturenames:
        steps = [(half, point) for point in crash_points()
                 for half, points in (("server", SERVER_POINTS), ("worker", WORKER_POINTS))
                 if point in points]
        later = [pytest.param(*step, LATER.get(step[1], LATER_ELSE), marks=pytest.mark.slow)
                 for step in steps]
        metafunc.parametrize("half, point, passes", [(*step, 1) for step in steps] + later)


def test_every_crash_point_belongs_to_a_half():
    assert set(crash_points()) == {*SERVER_POINTS, *WORKER_POINTS, *HEIR_POINTS, *DRAIN}


def send(lab, workload):
    for post in workload.posts:
        lab.sender.add(post, time.monotonic())


def all_is_kept(lab, workload):
    lab.sender.wait(PATIENCE_S)
    lab.wait_quiet(PATIENCE_S)
    verdict = judge(lab.evidence(workload))
    assert verdict.breaches == []
    assert verdict.counts["acknowledged"] > TASKS
    lab.stop()


def test_a_process_that_dies_at_this_point_loses_nothing(lab, half, point, passes):
    workload = Workload(f"{half} {point} {passes}", TASKS)
    lab.crash(half, f"{point}:{passes}")
    send(lab, workload)
    process = lab.programs[half].process
    harness.wait_until(lambda: process.poll() is not None,
                       f"the end of the {half} at {point}, passed {passes} times")
    assert process.returncode == -9
    lab.revive(half)
    all_is_kept(lab, workload)


@pytest.mark.parametrize("at", DRAIN)
def test_a_worker_that_dies_while_it_drains_loses_nothing(lab, at):
    workload = Workload(at, TASKS)
    lab.crash("worker", at)
    lab.sandbox.turn("slow", 1.0)
    send(lab, workload)
    harness.wait_until(lambda: lab.sandbox.requests(), "calls under way")
    process = lab.programs["worker"].process
    process.terminate()
    assert process.wait(harness.STOP_S) == -9
    lab.heal()
    all_is_kept(lab, workload)


@pytest.fixture
def call(lab):
    """One more call of a customer whose phone one contact has, and whose e-mail another."""
    customer = harness.Customer.new()
    lab.sandbox.brevo.account.create_contact({"email": customer.email})
    caller, twilio = lab.programs["server"].caller(), harness.Twilio()

    def one_more(who=harness.ByPhone(customer.phone)):
        task = harness.Task(customer=who)
        assert caller.send(twilio.callback(task)).status == 204
        return task.sid

    def counts():
        """Of the contact with the e-mail, of the one with the phone."""
        account = lab.sandbox.brevo.account
        return [account.contacts[account.owners[owner]]["attributes"]["SUPPORT_TICKET_COUNT"]
                for owner in (("email", customer.email), ("SMS", customer.phone.lstrip("+")))]

    told = {one_more()}
    lab.wait_quiet(PATIENCE_S)
    told.add(one_more(customer))
    lab.wait_quiet(PATIENCE_S)
    yield one_more, counts, told
    caller.close()


@pytest.mark.parametrize("at", HEIR_POINTS)
def test_a_worker_that_dies_between_two_contacts_has_sent_the_event_and_sends_no_other(
        lab, call, at):
    one_more, counts, told = call
    lab.crash("worker", f"{at}:1")
    told.add(one_more())
    process = lab.programs["worker"].process
    assert process.wait(PATIENCE_S) == -9
    lab.revive("worker")
    lab.wait_quiet(PATIENCE_S)
    assert lab.sandbox.tasks() == dict.fromkeys(told, 1)
    told.add(one_more())                # what was not told of the other contact is with the next
    lab.wait_quiet(PATIENCE_S)
    assert counts() == [len(told), len(told) - 1]   # one told the e-mail
    lab.stop()


@pytest.mark.parametrize("endpoint", ["GET *", "POST /contacts", "POST /events"])
def test_a_worker_killed_while_brevo_has_its_request_loses_nothing(lab, endpoint):
    workload = Workload(endpoint, TASKS)
    brevo_weather.on_receipt(lab.sandbox, endpoint, lambda: lab.kill("worker"))
    send(lab, workload)
    harness.wait_until(lambda: "worker" in lab.down, "a killed worker")
    lab.revive("worker")
    all_is_kept(lab, workload)
