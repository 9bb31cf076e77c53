"""What was set aside: a person sees why, puts it back or drops it, and nothing is counted wrong."""

import json

import pytest

import harness
from harness import Task

REFUSAL = {"code": "invalid_parameter", "message": "made up, about jane@example.com"}


def parked(flexbrevo, *arguments):
    return harness.run_command("parked", *arguments, "--config", flexbrevo.config_file)


def listed(flexbrevo, *arguments):
    status, out, err = parked(flexbrevo, "list", "--json", *arguments)
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert answer["count"] == len(answer["records"])
    return answer["records"]


def balanced(flexbrevo):
    status, out, _ = harness.run_command("status", "--json", "--config", flexbrevo.config_file)
    assert status == 0
    stats = json.loads(out)
    assert stats["unaccounted_events"] == 0
    assert stats["queue_accepted"] == sum(
        stats["queue_" + name]
        for name in ("delivered", "filtered", "parked", "dropped", "pending"))
    return stats


@pytest.fixture
def park(caller, twilio, sandbox, flexbrevo):
    """Completes tasks that Brevo refuses for good; Brevo is well again afterwards."""
    def park_tasks(count=1):
        tasks = [Task() for _ in range(count)]
        sandbox.fault("status", endpoint="POST /events", status=400, body=REFUSAL, count=count)
        assert caller.send(twilio.stream(*tasks)).status == 204
        harness.wait_until(lambda: flexbrevo.metric("queue_parked") == count, "parked records")
        sandbox.heal()
        return tasks

    return park_tasks


def key_of(task):
    return f"task.completed/{task.sid}"


def test_the_list_says_why_since_when_and_what_brevo_answered(park, flexbrevo):
    task, = park()

    record, = listed(flexbrevo)
    assert record["key"] == key_of(task)
    assert (record["reason"], record["attempts"]) == ("rejected", 1)
    assert "endpoint=events status=400 code=\"invalid_parameter\"" in record["last_error"]
    assert list(record["routes"]) == ["event_streams"]
    assert record["since"] >= record["received"]
    status, out, err = parked(flexbrevo, "list")
    assert (status, err) == (0, "")
    assert key_of(task) in out and "rejected" in out and out.endswith("1 listed\n")
    assert harness.PERSONAL.search(out + json.dumps(record)) is None


def test_show_has_the_bytes_and_says_that_they_are_personal(park, flexbrevo):
    task, = park()

    status, out, _ = parked(flexbrevo, "show", key_of(task))
    assert status == 0
    assert task.customer.email in out and "personal data" in out
    status, out, _ = parked(flexbrevo, "show", key_of(task), "--json")
    assert task.customer.email in json.loads(out)["bytes"]["event_streams"]["text"]


def test_a_replayed_record_is_delivered_and_only_once(park, flexbrevo, sandbox):
    task, = park()

    status, out, _ = parked(flexbrevo, "replay", key_of(task), "--dry-run")
    assert (status, out.splitlines()[-1]) == (0, "1 would be replayed")
    assert len(listed(flexbrevo)) == 1
    status, out, _ = parked(flexbrevo, "replay", key_of(task))
    assert (status, out.splitlines()[-1]) == (0, "1 replayed")
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: balanced(flexbrevo)["queue_delivered"] == 1, "a delivery")
    status, out, err = parked(flexbrevo, "replay", key_of(task))
    assert (status, out) == (1, "0 replayed\n")
    assert err.startswith(f"flexbrevo: not parked: {key_of(task)}")
    assert sandbox.tasks() == {task.sid: 1}


def test_an_effect_delivered_by_another_record_is_not_delivered_by_a_replay(
        park, caller, twilio, sandbox, flexbrevo):
    """A ticket's end comes by two records; the second was parked, the first delivered it."""
    task, = park()
    with_same_effect = Task(sid=task.sid, customer=task.customer)
    # the route that was missing makes the parked record pending; both routes are one effect
    assert caller.send(twilio.callback(with_same_effect)).status == 204
    sandbox.wait_for_events(1)
    assert listed(flexbrevo) == []
    parked(flexbrevo, "replay", "--all")
    harness.wait_until(lambda: balanced(flexbrevo)["queue_pending"] == 0, "an empty queue")
    assert sandbox.tasks() == {task.sid: 1}


def test_a_dropped_record_is_gone_counted_and_refuses_its_copies(
        park, caller, twilio, sandbox, flexbrevo):
    task, = park()

    status, out, _ = parked(flexbrevo, "drop", key_of(task), "--json")
    answer = json.loads(out)
    assert (status, answer["count"], answer["result"]) == (0, 1, "dropped")
    stats = balanced(flexbrevo)
    assert (stats["queue_dropped"], stats["queue_parked"]) == (1, 0)
    assert caller.send(twilio.callback(task)).status == 204
    other = Task()
    caller.send(twilio.callback(other))
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {other.sid: 1}
    assert parked(flexbrevo, "show", key_of(task))[0] == 1


def test_filters_choose_and_the_limit_holds(park, flexbrevo):
    tasks = park(5)
    keys = {key_of(task) for task in tasks}

    assert {record["key"] for record in listed(flexbrevo)} == keys
    assert len(listed(flexbrevo, "--reason", "rejected", "--limit", "2")) == 2
    assert listed(flexbrevo, "--reason", "unparseable") == []
    assert len(listed(flexbrevo, "--type", "task.completed")) == 5
    for kind in ("task.created", "reservation.accepted", "sink.test", "raw"):
        assert listed(flexbrevo, "--type", kind) == []
    assert len(listed(flexbrevo, "--key", f"*{tasks[0].sid}")) == 1
    assert listed(flexbrevo, "--older", "1h") == []
    assert len(listed(flexbrevo, "--newer", "1h")) == 5
    status, out, _ = parked(flexbrevo, "drop", "--reason", "rejected", "--limit", "3")
    assert (status, out.splitlines()[-1]) == (0, "3 dropped")
    stats = balanced(flexbrevo)
    assert (stats["queue_dropped"], stats["queue_parked"]) == (3, 2)
    status, out, _ = parked(flexbrevo, "replay", "--all")
    assert (status, out.splitlines()[-1]) == (0, "2 replayed")


@pytest.mark.parametrize("arguments, word", [
    ([], "list, show, replay or drop"), (["burn"], "unknown action: burn"),
    (["replay"], "--all"), (["drop"], "--all"), (["drop", "--limit", "3"], "--all"),
    (["show"], "KEY is missing"), (["list", "a/b"], "--key"),
    (["replay", "a/b", "--all"], "exclude"), (["drop", "--all", "--reason", "x"], "exclude"),
    (["list", "--older", "3"], "not a duration"), (["list", "--limit", "0"], "--limit"),
    (["replay", *(f"a/{n}" for n in range(16))], "too many"),
    (["list", "--reason", "reject"], "no such reason: reject (did you mean rejected?)"),
    (["drop", "--reason", "nosuch"],
     "no such reason: nosuch (docs/operations.md lists them)"),
    (["list", "--type", "task.complete"],
     "no such type: task.complete (did you mean task.completed?)"),
    (["replay", "--type", "x"], "no such type: x (docs/events.md lists them; --key takes any)")])
def test_a_slip_exits_64_and_does_nothing(arguments, word):
    status, out, err = harness.run_command("parked", *arguments)

    assert (status, out) == (64, "")
    assert word in err and err.count("\n") == 1


def test_without_redis_it_says_so_and_exits_69(program):
    flexbrevo = program()
    flexbrevo.config_file.write_text(json.dumps(flexbrevo.config))
    status, out, err = parked(flexbrevo, "list")
    assert status == 69
    assert "flexbrevo run" in err


# ---- poison

def test_a_record_that_kills_the_worker_is_set_aside_and_the_rest_flows(
        program, twilio, sandbox):
    """Five workers die holding it, each the moment it has asked Brevo about this customer."""
    flexbrevo = program().start()
    poison, others = Task(), [Task() for _ in range(12)]
    who = poison.customer.email.partition("@")[0]
    sandbox.fault("hang", having=who, seconds=20, count=-1)
    assert flexbrevo.caller().send(twilio.stream(*others[:6], poison, *others[6:])).status == 204
    for deaths in range(1, 6):
        harness.wait_until(
            lambda: len([e for e in sandbox.requests() if who in e["path"]]) == deaths,
            f"death {deaths}")
        flexbrevo.kill()
        flexbrevo.start()
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 1, "a parked record")
    harness.wait_until(lambda: set(sandbox.tasks()) == {task.sid for task in others}, "the others")
    record, = listed(flexbrevo)
    assert (record["key"], record["reason"]) == (key_of(poison), "poison")
    assert f"poison key={key_of(poison)} lost_claims=5" in flexbrevo.log()
    flexbrevo.wait_for_metric('events_parked_total{reason="poison"}', 1)
    assert len([e for e in sandbox.requests() if who in e["path"]]) == 5
    sandbox.heal()
    assert parked(flexbrevo, "replay", key_of(poison))[0] == 0
    harness.wait_until(lambda: poison.sid in sandbox.tasks(), "the replayed one")
    harness.wait_until(
        lambda: balanced(flexbrevo)["queue_delivered"] == len(others) + 1, "all settled")
