"""brevo.mode: shadow - the whole way of an event, but for the last step; brevo.only_contacts."""

import json
import os
import stat
import subprocess

import pytest

import harness
from harness import Task

SHADOW = {"brevo": {"mode": "shadow"}}


def written(flexbrevo, name="shadow.jsonl"):
    file = flexbrevo.state_dir / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def wait_for_lines(flexbrevo, count):
    harness.wait_until(lambda: len(written(flexbrevo)) >= count, f"{count} lines")
    return written(flexbrevo)


def filtered(flexbrevo, reason="shadow"):
    return flexbrevo.metric(f'events_filtered_total{{reason="{reason}"}}')


def restart(flexbrevo, **brevo):
    """With another configuration of Brevo, on the same state."""
    flexbrevo.terminate()
    flexbrevo.config["brevo"].update(brevo)
    return flexbrevo.start()


def effects(flexbrevo):
    keys = subprocess.run(
        ["redis-cli", "-s", str(flexbrevo.state_dir / "redis.sock"), "keys", "*:e:*"],
        capture_output=True, text=True, check=True).stdout
    return [key.partition(":e:")[2] for key in keys.split()]


def test_nothing_is_sent_and_each_delivery_is_written_down(program, twilio, sandbox):
    flexbrevo = program(changes=SHADOW).start()
    task, old = Task(), Task()
    old.time_ms -= 48 * 3600 * 1000
    flexbrevo.caller().send(twilio.callback(task))
    flexbrevo.caller().send(twilio.stream(task))        # the same by another route
    flexbrevo.caller().send(twilio.callback(old))
    lines = {line["record"]: line for line in wait_for_lines(flexbrevo, 2)}
    harness.wait_until(lambda: filtered(flexbrevo) == 2, "two filtered records")
    assert len(written(flexbrevo)) == 2
    told = lines["task.completed/" + task.sid]
    assert told["event"] == "SUPPORT_RESOLVED"
    assert [request["method"] for request in told["requests"]] == ["GET", "POST", "POST"]
    assert told["requests"][2]["body"]["event_properties"]["task_sid"] == task.sid
    assert len(lines["task.completed/" + old.sid]["requests"]) == 2     # no automation
    assert list(sandbox.brevo.log) == []
    assert flexbrevo.metric("queue_filtered") == flexbrevo.metric("queue_accepted") == 2
    assert "warn shadow path=" in flexbrevo.log()
    mode = stat.S_IMODE(os.stat(flexbrevo.state_dir / "shadow.jsonl").st_mode)
    assert mode == 0o600


def test_what_is_written_down_is_what_live_sends(program, twilio, sandbox, tmp_path):
    flexbrevo = program(changes=SHADOW).start()
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    line = wait_for_lines(flexbrevo, 1)[0]
    flexbrevo.terminate()
    live = program(changes={"state_dir": str(tmp_path / "live")}).start()
    live.caller().send(twilio.callback(task))
    sandbox.wait_for_events(1)
    for said in line["requests"]:
        sent = [entry["body"] for entry in sandbox.requests(said["method"], said["path"])]
        assert harness.as_one(sent) == said["body"] if "body" in said else sent == [None]
    by_phone = ("phone_id", "whatsapp_id")      # only whom Brevo does not know by e-mail
    assert {entry["method"] + entry["path"] for entry in sandbox.requests()
            if not entry["path"].endswith(by_phone)} == {
                said["method"] + said["path"] for said in line["requests"]}


@pytest.mark.parametrize("create", ["known_only", "never"])
def test_of_a_contact_brevo_has_what_is_written_down_is_what_live_sends(
        program, twilio, sandbox, tmp_path, create):
    changes = {"contacts": {"create": create}}
    flexbrevo = program(changes={**SHADOW, **changes}).start()
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    line = wait_for_lines(flexbrevo, 1)[0]
    flexbrevo.terminate()
    sandbox.brevo.account.create_contact({"email": task.customer.email})
    live = program(changes={**changes, "state_dir": str(tmp_path / "live")}).start()
    live.caller().send(twilio.callback(task))
    sandbox.wait_for_events(1)
    assert line["assumed"].startswith(f"contacts.create: {create}: as if Brevo had the contact")
    assert [(said["method"], said["path"]) for said in line["requests"]] == [
        (entry["method"], entry["path"]) for entry in sandbox.requests()]
    for said in line["requests"]:
        sent, = sandbox.requests(said["method"], said["path"])
        assert sent["body"] == said.get("body")


def test_what_a_browser_told_is_written_once_and_twilios_answer_beside_it(program, twilio):
    survey = {"in": "support_task", "score": "rating.nps", "kind": "nps", "survey_id": "nps"}
    flexbrevo = program(changes={**SHADOW, "csat": {"extractors": [survey]},
                                 "queue": {"plugin_wait": "100ms"}}).start()
    task = Task(attributes={"rating": {"nps": "9"}})
    flexbrevo.caller().send(twilio.plugin(task))
    harness.wait_until(lambda: filtered(flexbrevo) == 1, "the plugin's word")
    flexbrevo.caller().send(twilio.callback(task))
    harness.wait_until(lambda: flexbrevo.metric("queue_filtered") == 2, "Twilio's")
    assert sorted(line["event"] for line in written(flexbrevo)) == [
        "CSAT_SUBMITTED", "SUPPORT_RESOLVED"]


def test_no_effect_counts_as_done_when_the_mode_is_live_again(program, twilio, sandbox):
    flexbrevo = program(changes=SHADOW).start()
    rehearsed, waiting = Task(), Task()
    flexbrevo.caller().send(twilio.callback(rehearsed))
    wait_for_lines(flexbrevo, 1)
    harness.wait_until(lambda: filtered(flexbrevo) == 1, "a filtered record")
    assert effects(flexbrevo) == ["shadow-resolved/" + rehearsed.sid]
    config = ("--config", flexbrevo.config_file)
    assert harness.run_command("pause", *config)[0] == 0
    harness.wait_until(lambda: "paused cause=operator" in flexbrevo.log(), "the worker's pause")
    flexbrevo.caller().send(twilio.callback(waiting))
    restart(flexbrevo, mode="live")
    flexbrevo.caller().send(twilio.callback(rehearsed))     # a copy: settled, and so a duplicate
    assert harness.run_command("resume", *config)[0] == 0
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "all settled")
    assert sandbox.tasks() == {waiting.sid: 1}
    assert f"resolved/{waiting.sid}" in effects(flexbrevo)


def test_what_brevo_refused_before_does_not_stop_a_shadow(program, twilio, sandbox):
    flexbrevo = program().start()
    sandbox.fault("key_revoked", count=-1)
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    harness.wait_until(
        lambda: flexbrevo.metric('brevo_paused{cause="unauthorized"}') == 1, "a pause")
    restart(flexbrevo, mode="shadow")
    asked = len(sandbox.brevo.log)
    assert wait_for_lines(flexbrevo, 1)[0]["record"].endswith(task.sid)
    assert len(sandbox.brevo.log) == asked


def test_events_wait_while_the_file_cannot_be_written(program, twilio):
    flexbrevo = program(changes=SHADOW)
    in_the_way = flexbrevo.state_dir / "shadow.jsonl"
    in_the_way.mkdir(parents=True)
    flexbrevo.start()
    flexbrevo.caller().send(twilio.callback(Task()))
    harness.wait_until(lambda: "shadow_unwritten" in flexbrevo.log(), "the failure in the log")
    assert flexbrevo.metric("queue_pending") == 1
    in_the_way.rmdir()
    wait_for_lines(flexbrevo, 1)
    assert flexbrevo.log().count("shadow_unwritten path=") == 1


def test_a_full_file_is_put_aside_and_no_more_than_one_is_kept(program, twilio):
    flexbrevo = program(changes=SHADOW).start()
    caller = flexbrevo.caller()
    caller.send(twilio.callback(Task()))
    wait_for_lines(flexbrevo, 1)
    os.truncate(flexbrevo.state_dir / "shadow.jsonl", 64 * 1024 * 1024 - 10)
    caller.send(twilio.callback(Task()))
    aside = flexbrevo.state_dir / "shadow.jsonl.old"
    harness.wait_until(aside.exists, "the full file put aside")
    last = Task()
    caller.send(twilio.callback(last))
    assert [line["record"] for line in wait_for_lines(flexbrevo, 1)] == [
        "task.completed/" + last.sid]
    assert {f.name for f in flexbrevo.state_dir.glob("shadow*")} == {
        "shadow.jsonl", "shadow.jsonl.old"}


@pytest.mark.parametrize("chosen", ["email", "phone"])
def test_only_the_contacts_named_are_told_to_brevo(program, twilio, sandbox, chosen):
    mine, other = Task(), Task()
    address = getattr(mine.customer, chosen)
    flexbrevo = program(changes={"brevo": {"only_contacts": [address.capitalize()]}}).start()
    caller = flexbrevo.caller()
    caller.send(twilio.callback(other))
    caller.send(twilio.callback(mine))
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: filtered(flexbrevo, "other_contact") == 1, "a filtered record")
    assert sandbox.tasks() == {mine.sid: 1}
    assert [c["email"] for c in sandbox.contacts()] == [mine.customer.email]


@pytest.mark.parametrize("brevo", [
    {"mode": "dry"}, {"only_contacts": ["lena"]}, {"only_contacts": ["@example.com"]},
    {"only_contacts": ["5550100"]}, {"only_contacts": ["a b@example.com"]}])
def test_a_slip_is_refused_rather_than_taken_for_nobody(program, brevo):
    one = program(changes={"brevo": brevo})
    one.config_file.write_text(json.dumps(one.config))
    status, _, err = harness.run_command("check-config", "--config", one.config_file)
    assert status == 78 and "brevo." + next(iter(brevo)) in err
