"""mapping-diff: what another configuration would make of the events in Redis."""
import json
import time

import pytest

import harness
from harness import Customer, Task

DAY_S = 24 * 3600
ANA = Customer(email="ana@example.org", phone="+34600111222", name="Ana Ruiz")


@pytest.fixture
def flexbrevo(program):
    return program(changes={"queue": {"keep_bodies": "1h"}}).start()


@pytest.fixture
def diff(flexbrevo, tmp_path):
    def run(changes, *arguments):
        changed = json.loads(flexbrevo.config_file.read_text())
        changed["connectors"]["twilio_flex"].update(changes)
        file = tmp_path / "new.yaml"
        file.write_text(json.dumps(changed))
        return harness.run_command("mapping-diff", flexbrevo.config_file, file, *arguments)
    return run


def deliver(flexbrevo, twilio, count=1):
    caller = flexbrevo.caller()
    for _ in range(count):
        assert caller.send(twilio.callback(Task(customer=ANA))).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == count, "delivered")


def test_the_same_mapping_makes_no_difference(flexbrevo, twilio, diff):
    deliver(flexbrevo, twilio)
    status, out, err = diff({})
    assert (status, err) == (0, "")
    assert out == "1 events compared, 0 differ; 0 without their bytes, 0 older\n"


def test_another_name_and_another_attribute_are_told_and_personal_data_is_not(
        flexbrevo, twilio, diff):
    deliver(flexbrevo, twilio, 2)
    changes = {"event_mapping": {"task.completed": "CASE_CLOSED"},
               "field_mapping": {"attributes.email": "email", "friendly_name": "NICKNAME"}}
    status, out, err = diff(changes, "--json")
    assert (status, err) == (1, "")
    told = json.loads(out)
    assert (told["compared"], told["different"], told["without_bytes"]) == (2, 2, 0)
    assert told["changes"]['event.event_name: "SUPPORT_RESOLVED" -> "CASE_CLOSED"'] == 2
    assert told["changes"]['contact.attributes.NICKNAME: null -> "a text of 3 bytes"'] == 2
    assert len(told["records"]) == 2
    for text in (out, diff(changes)[1]):
        assert "SUPPORT_RESOLVED" in text and "task.completed/WT" in text
        assert "Ana" not in text and "600111222" not in text and "example.org" not in text


def test_what_only_one_of_them_delivers_differs_in_its_verdict(flexbrevo, twilio, diff):
    deliver(flexbrevo, twilio)
    status, out, _ = diff({"event_mapping": {"task.completed": ""}}, "--json")
    assert status == 1
    assert json.loads(out)["changes"] == {'verdict: "deliver" -> "filtered"': 1,
                                          'reason: null -> "not_mapped"': 1}


def test_what_happened_long_ago_or_has_no_bytes_is_counted_apart(program, twilio):
    flexbrevo = program().start()       # keeps nothing of what is delivered
    deliver(flexbrevo, twilio)
    file = flexbrevo.config_file
    assert harness.run_command("mapping-diff", file, file)[1].startswith(
        "0 events compared, 0 differ; 1 without their bytes")
    # One nobody can be told about keeps its bytes; it happened in the past.
    nobody = Task(customer=Customer(email="", phone="anonymous"),
                  time_ms=int((time.time() - 8 * DAY_S) * 1000))
    assert flexbrevo.caller().send(twilio.callback(nobody)).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_filtered") == 1, "filtered")
    assert "1 events compared, 0 differ; 1 without their bytes, 0 older" in \
        harness.run_command("mapping-diff", file, file)[1]
    assert "0 events compared, 0 differ; 1 without their bytes, 1 older" in \
        harness.run_command("mapping-diff", file, file, "--since", "7d")[1]


@pytest.mark.parametrize("arguments, says", [
    ([], "two configurations are needed"),
    (["a.yaml"], "two configurations are needed"),
    (["a.yaml", "b.yaml", "--since", "soon"], "not a duration"),
])
def test_what_it_cannot_do_is_said(arguments, says):
    status, _, err = harness.run_command("mapping-diff", *arguments)
    assert status == 64 and says in err
