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
        file = changed(flexbrevo, tmp_path, changes)
        return harness.run_command("mapping-diff", flexbrevo.config_file, file, *arguments)
    return run


def changed(flexbrevo, tmp_path, changes, everywhere=None):
    """The configuration with other values of the connector's, and of all."""
    config = json.loads(flexbrevo.config_file.read_text())
    config["connectors"]["twilio_flex"].update(changes)
    file = tmp_path / "new.yaml"
    file.write_text(json.dumps(config | (everywhere or {})))
    return file


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


@pytest.mark.parametrize("section, old, new", [
    ("contacts", {"create": "never"}, {"create": "always"}),
    ("contacts", {"create": "known_only"}, {"create": "always"}),
    ("contacts", {"create": "known_only"}, {"create": "never"}),
    ("brevo", {"mode": "live"}, {"mode": "shadow"}),
])
def test_whose_contacts_are_written_and_whether_anything_is_sent_is_told(
        flexbrevo, twilio, tmp_path, section, old, new):
    """As what it is called in the configuration, and as the bodies there are no more."""
    deliver(flexbrevo, twilio)
    files = [changed(flexbrevo, tmp_path, {}, {section: {**flexbrevo.config.get(section, {}),
                                                         **values}}).rename(tmp_path / name)
             for values, name in ((old, "a.yaml"), (new, "b.yaml"))]
    status, counts, told = diff_json(*files)
    option, = old
    assert (status, counts) == (1, (1, 1))
    assert told["changes"].pop(f'{section}.{option}: "{old[option]}" -> "{new[option]}"') == 1
    assert any(kind.startswith("contact.") for kind in told["changes"]) == (
        "never" in (old[option], new[option]))
    assert diff_json(files[1], files[1])[:2] == (0, (1, 0))


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


RATED = {"in": "support_task", "score": "rating", "comment": "words"}


def diff_json(old, new):
    status, out, err = harness.run_command("mapping-diff", old, new, "--json")
    assert err == ""
    told = json.loads(out)
    return status, (told["compared"], told["different"]), told


def rate(flexbrevo, twilio, *events):
    task = Task(customer=ANA, attributes={"rating": 4, "words": "Zoltana was fine"})
    for event in events:
        assert flexbrevo.caller().send(twilio.callback(task, event)).status == 204
    return task


def settled(flexbrevo, count):
    def look():
        return sum(flexbrevo.metric(f"queue_{end}") for end in ("delivered", "filtered")) == count

    harness.wait_until(look, f"{count} settled")


def test_an_answer_only_the_new_one_finds_in_a_task_is_a_record_that_was_none(
        flexbrevo, twilio, tmp_path):
    task = rate(flexbrevo, twilio, "task.updated", "task.completed")
    settled(flexbrevo, 2)
    new = changed(flexbrevo, tmp_path, {}, {"csat": {"extractors": [RATED]}})
    status, counts, told = diff_json(flexbrevo.config_file, new)
    assert (status, counts) == (1, (3, 1))      # a fact is not compared, its answer is
    # Both tell of one answer: Brevo is told once.
    assert told["changes"] == {'verdict: null -> "deliver"': 1}
    assert [one["record"].rpartition("/")[0] for one in told["records"]] == [
        f"survey.completed/{task.sid}/default"]
    assert "Zoltana" not in json.dumps(told)


def test_an_answer_that_is_a_record_already_is_compared_once(program, twilio, tmp_path):
    flexbrevo = program(changes={"queue": {"keep_bodies": "1h"},
                                 "csat": {"extractors": [RATED]}}).start()
    rate(flexbrevo, twilio, "task.completed")
    settled(flexbrevo, 2)
    old = changed(flexbrevo, tmp_path, {}, {"csat": {}})
    status, counts, told = diff_json(old, flexbrevo.config_file)
    assert (status, counts) == (1, (2, 1))
    assert told["changes"] == {'verdict: "filtered" -> "deliver"': 1,
                               'reason: "no_answer" -> null': 1}
    assert diff_json(flexbrevo.config_file, old)[1] == (2, 1)


def test_the_end_of_a_call_that_only_the_new_one_tells_is_a_record_that_was_none(
        program, twilio, tmp_path):
    flexbrevo = program(changes={"queue": {"keep_bodies": "1h"}}).start()
    task = Task(customer=ANA, attributes={"channelType": "voice"})
    assert flexbrevo.caller().send(twilio.callback(task)).status == 204
    settled(flexbrevo, 1)
    new = changed(flexbrevo, tmp_path, {}, {
        "ticket": {**harness.NO_WAITS, "voice_end": "2m"}})
    status, counts, told = diff_json(flexbrevo.config_file, new)
    assert (status, counts) == (1, (2, 1))
    assert [one["record"] for one in told["records"]] == [f"conversation.ended/{task.sid}"]


def test_the_end_of_a_call_that_only_the_old_one_tells_is_a_record_that_would_be_none(
        program, twilio, tmp_path):
    flexbrevo = program(changes={"queue": {"keep_bodies": "1h"},
                                 "ticket": {"voice_end": "1s"}}).start()
    task = Task(customer=ANA, attributes={"channelType": "voice"})
    assert flexbrevo.caller().send(twilio.callback(task)).status == 204
    settled(flexbrevo, 2)
    new = changed(flexbrevo, tmp_path, {}, {"ticket": harness.NO_WAITS})
    status, counts, told = diff_json(flexbrevo.config_file, new)
    assert (status, counts) == (1, (2, 1))
    assert told["changes"] == {'verdict: "deliver" -> null': 1}
    assert [one["record"] for one in told["records"]] == [f"conversation.ended/{task.sid}"]


@pytest.mark.parametrize("arguments, says", [
    ([], "two configurations are needed"),
    (["a.yaml"], "two configurations are needed"),
    (["a.yaml", "b.yaml", "--since", "soon"], "not a duration"),
])
def test_what_it_cannot_do_is_said(arguments, says):
    status, _, err = harness.run_command("mapping-diff", *arguments)
    assert status == 64 and says in err
