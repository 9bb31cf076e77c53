"""Refused by our own mistake: kept sealed, re-checked when it is mended, released in order, once."""

import base64
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

import harness
from harness import Customer, Task, Twilio

WRONG = "f" * 32
ADDRESS = "held.customer@example.com"       # seeded: must be readable nowhere


@pytest.fixture
def flexbrevo(program, tmp_path):
    """Its token is not the one that signs."""
    (tmp_path / "token").write_text(WRONG)
    return program(changes={
        "server": {"hold_unverified": True},
        "connectors": {"twilio_flex": {
            "auth_token": None, "auth_token_file": str(tmp_path / "token")}}}).start()


def mend(flexbrevo, token=harness.AUTH_TOKEN):
    (flexbrevo.directory / "token").write_text(token)
    before = flexbrevo.metric('config_reloads_total{result="ok"}')
    flexbrevo.process.send_signal(signal.SIGHUP)
    harness.wait_until(
        lambda: flexbrevo.metric('config_reloads_total{result="ok"}') > before, "a reload")


def release(flexbrevo, *options, status=0):
    done = harness.run_command("verify-signature", "--held", "--json", "--config",
                               flexbrevo.config_file, *options)
    assert done[0] == status, done
    assert not harness.PERSONAL.search(done[1] + done[2])
    return json.loads(done[1])


def held_files(flexbrevo):
    return sorted(path.name for path in flexbrevo.state_dir.glob("held.*"))


def seeded_task(**more):
    return Task(customer=Customer(ADDRESS, "+34600000001"), **more)


def test_what_a_wrong_token_refused_is_released_in_order_and_once(flexbrevo, twilio, sandbox):
    caller = flexbrevo.caller()
    tasks = [Task() for _ in range(6)]
    for task in tasks[:3]:
        assert caller.send(twilio.callback(task)).status == 403
    stream = twilio.stream(*tasks[3:5])
    for _ in range(3):                              # as Event Streams tries again
        assert caller.send(stream).status == 503
    assert caller.send(twilio.callback(tasks[5])).status == 403
    assert flexbrevo.metric('requests_held_total{result="kept"}') == 7
    assert flexbrevo.metric("queue_accepted") == 0

    found = release(flexbrevo, status=1)            # before the mistake is mended
    assert (found["released"], found["invalid"], found["unreadable"]) == (0, 7, 0)
    mend(flexbrevo)
    found = release(flexbrevo, "--dry-run")
    assert (found["valid"], found["invalid"]) == (7, 0)
    assert {entry["verdict"] for entry in found["entries"]} == {"valid"}
    assert flexbrevo.metric("queue_accepted") == 0
    assert caller.send(stream).status == 204        # Twilio's next try comes first

    found = release(flexbrevo)
    assert (found["released"], found["invalid"]) == (7, 0)
    assert [entry["source"] for entry in found["entries"]] == \
        ["taskrouter"] * 3 + ["event-streams"] * 3 + ["taskrouter"]
    assert [entry["path"] for entry in found["entries"]][3] == "/webhooks/event-streams"
    assert found["entries"][0]["bytes"] == len(twilio.callback(tasks[0]).body)
    harness.wait_until(
        lambda: {task.sid for task in tasks} == set(sandbox.tasks()), "every event")
    assert release(flexbrevo)["entries"] == []
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    assert set(sandbox.tasks().values()) == {1}
    assert flexbrevo.metric("queue_accepted") == len(tasks)


def test_they_are_queued_in_the_order_they_came(program, redis, twilio, tmp_path):
    """No worker: the stream keeps the order in which the queue took them."""
    (tmp_path / "token").write_text(WRONG)
    flexbrevo = program("serve", {
        "redis": {"url": redis.url}, "server": {"hold_unverified": True, "loops": 4},
        "connectors": {"twilio_flex": {
            "auth_token": None, "auth_token_file": str(tmp_path / "token")}}}).start()
    tasks = [Task() for _ in range(20)]
    for number, task in enumerate(tasks):
        webhook = twilio.callback(task) if number % 2 else twilio.stream(task)
        assert flexbrevo.caller().send(webhook).status in (403, 503)
    mend(flexbrevo)
    assert release(flexbrevo)["released"] == len(tasks)
    stream = subprocess.run(["redis-cli", "-s", redis.socket, "xrange", "fb:{0}:stream", "-", "+"],
                            capture_output=True, check=True, text=True).stdout
    assert re.findall(r"task\.completed/(WT\w+)", stream) == [task.sid for task in tasks]


def test_a_wrong_public_url_is_mended_by_a_restart(program, tmp_path, twilio, sandbox):
    flexbrevo = program(changes={
        "server": {"hold_unverified": True, "public_url": "https://old.example.com"}}).start()
    task, foreign = Task(), Task()
    assert flexbrevo.caller().send(twilio.callback(task)).status == 403
    assert flexbrevo.caller().send(Twilio(WRONG).callback(foreign)).status == 403
    flexbrevo.terminate()
    flexbrevo.config["server"]["public_url"] = harness.PUBLIC_URL
    flexbrevo.start()
    found = release(flexbrevo, status=1)
    assert (found["released"], found["invalid"]) == (1, 1)
    assert [entry["reason"] for entry in found["entries"]] == ["ok", "signature_mismatch"]
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}
    found = release(flexbrevo, status=1)            # the foreign one stays
    assert (found["released"], found["invalid"]) == (0, 1)


def test_the_table_a_person_reads(flexbrevo, twilio):
    assert flexbrevo.caller().send(twilio.stream(Task())).status == 503
    status, out, _ = harness.run_command(
        "verify-signature", "--held", "--config", flexbrevo.config_file)
    assert status == 1
    line, totals = out.splitlines()
    assert line.split()[1:3] == ["event-streams", "/webhooks/event-streams"]
    assert line.endswith(" bytes  invalid: signature_mismatch")
    assert "bodySHA256" not in out and totals == "0 released, 1 still invalid"


def test_only_a_well_formed_signature_that_matches_nothing_is_held(flexbrevo, twilio):
    caller = flexbrevo.caller()
    unsigned, malformed = twilio.callback(Task()), twilio.callback(Task())
    del unsigned.headers["X-Twilio-Signature"]
    malformed.headers["X-Twilio-Signature"] = "short"
    changed = twilio.stream(Task())
    changed.body += b" "
    plugin = twilio.json(Task().plugin_body(Token="eyJsecret"), "/webhooks/flex/task-complete")
    for webhook in (unsigned, malformed, changed, plugin, Twilio(WRONG).callback(Task())):
        caller.send(webhook)
    assert held_files(flexbrevo) == []
    assert flexbrevo.metric('requests_held_total{result="kept"}') == 0


def test_what_a_proxy_named_is_tried_again(program, tmp_path, sandbox):
    """Twilio called the proxy by a name that only the proxy tells."""
    (tmp_path / "token").write_text(WRONG)
    flexbrevo = program(changes={
        "server": {"hold_unverified": True, "trusted_proxies": ["127.0.0.1"]},
        "connectors": {"twilio_flex": {
            "auth_token": None, "auth_token_file": str(tmp_path / "token")}}}).start()
    task, other = Task(), Task()
    for webhook, host in ((Twilio(public_url="https://proxy.example.com").callback(task), "proxy"),
                          (Twilio(public_url="https://proxy.example.com").callback(other), "x")):
        webhook.headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-Host": host + ".example.com"}
        assert flexbrevo.caller().send(webhook).status == 403
    mend(flexbrevo)
    found = release(flexbrevo, status=1)
    assert (found["released"], found["invalid"]) == (1, 1)
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}


def test_a_second_proof_that_is_missing_is_not_made_up_later(program, tmp_path, twilio):
    (tmp_path / "token").write_text(WRONG)
    flexbrevo = program(changes={
        "server": {"hold_unverified": True, "routes": {"taskrouter": {"basic_auth": "flex:word"}}},
        "connectors": {"twilio_flex": {
            "auth_token": None, "auth_token_file": str(tmp_path / "token")}}}).start()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 403
    assert held_files(flexbrevo) == []
    webhook = twilio.callback(Task())
    webhook.headers["Authorization"] = "Basic " + base64.b64encode(b"flex:word").decode()
    assert flexbrevo.caller().send(webhook).status == 403
    mend(flexbrevo)
    assert release(flexbrevo)["released"] == 1


def test_off_by_default(program, twilio):
    flexbrevo = program(changes={"connectors": {"twilio_flex": {"auth_token": WRONG}}}).start()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 403
    assert held_files(flexbrevo) == []
    found = release(flexbrevo)
    assert found == {"entries": [], "released": 0, "invalid": 0, "unreadable": 0}


def test_nothing_of_it_can_be_read_anywhere(flexbrevo, twilio):
    assert flexbrevo.caller().send(twilio.callback(seeded_task())).status == 403
    assert flexbrevo.caller().send(twilio.stream(seeded_task())).status == 503
    assert held_files(flexbrevo) == ["held.key", "held.lock", "held.ring"]
    for path in flexbrevo.directory.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            for secret in (ADDRESS.encode(), b"held.customer", b"34600000001"):
                assert secret not in text, path
            assert path.suffix == ".log" or b"/webhooks/" not in text, path
    for name in held_files(flexbrevo):
        assert (flexbrevo.state_dir / name).stat().st_mode & 0o077 == 0


def test_deleting_the_key_erases(flexbrevo, twilio, sandbox):
    caller = flexbrevo.caller()
    assert caller.send(twilio.callback(Task())).status == 403
    (flexbrevo.state_dir / "held.key").unlink()
    task = Task()
    assert caller.send(twilio.callback(task)).status == 403
    mend(flexbrevo)
    found = release(flexbrevo)
    assert (found["released"], found["invalid"], found["unreadable"]) == (1, 0, 1)
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}


@pytest.mark.time_limit(90)
def test_the_ring_and_its_pace_are_bounded(flexbrevo, twilio):
    caller = flexbrevo.caller()
    body = twilio.json(json.dumps([{"padding": "x" * 3_500_000}]).encode())
    with concurrent.futures.ThreadPoolExecutor(8) as senders:  # one alone may be too slow
        answers = list(senders.map(lambda _: flexbrevo.caller().send(body).status, range(16)))
    assert answers == [503] * 16
    kept = flexbrevo.metric('requests_held_total{result="kept"}')
    skipped = flexbrevo.metric('requests_held_total{result="skipped"}')
    assert kept >= 2 and skipped >= 1 and kept + skipped == 16
    size = sum((flexbrevo.state_dir / name).stat().st_size for name in held_files(flexbrevo))
    assert size <= 64 * 1024 * 1024
    assert caller.send(twilio.callback(Task())).status == 403


def test_a_batch_with_odd_elements_is_released_whole(flexbrevo, twilio, sandbox):
    """Keyed as on arrival: one is ignored, one is parked, and so is what is no document."""
    caller = flexbrevo.caller()
    task = Task()
    ignored = task.cloud_event("task.completed") | {"type": "com.example.unknown"}
    assert caller.send(twilio.json([ignored, task.cloud_event("task.completed"), 7])).status == 503
    assert caller.send(twilio.json(b"not json")).status == 503
    mend(flexbrevo)
    assert release(flexbrevo)["released"] == 2
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 2, "two parked")
    assert sandbox.tasks() == {task.sid: 1}


def test_without_redis_nothing_is_marked(program, redis, twilio, sandbox, tmp_path):
    (tmp_path / "token").write_text(WRONG)
    flexbrevo = program(changes={
        "redis": {"url": redis.url}, "server": {"hold_unverified": True},
        "connectors": {"twilio_flex": {
            "auth_token": None, "auth_token_file": str(tmp_path / "token")}}}).start()
    task = Task()
    assert flexbrevo.caller().send(twilio.callback(task)).status == 403
    mend(flexbrevo)
    redis.kill()
    status, _, error = harness.run_command(
        "verify-signature", "--held", "--config", flexbrevo.config_file)
    assert status == os.EX_UNAVAILABLE and error.startswith("flexbrevo: nothing can be released")
    assert release(flexbrevo, "--dry-run")["valid"] == 1
    redis.start()
    assert release(flexbrevo)["released"] == 1
    sandbox.wait_for_events(1)


def test_what_is_held_survives_kill9(flexbrevo, twilio, sandbox):
    tasks = [Task() for _ in range(5)]
    for task in tasks:
        assert flexbrevo.caller().send(twilio.callback(task)).status == 403
    flexbrevo.kill()
    with open(flexbrevo.state_dir / "held.ring", "ab") as ring:
        ring.write(b"fbh1\0\0\1")                    # torn by the kill
    (flexbrevo.directory / "token").write_text(harness.AUTH_TOKEN)
    flexbrevo.start()
    assert release(flexbrevo)["released"] == len(tasks)
    sandbox.wait_for_events(len(tasks))


def test_a_release_that_dies_is_run_again(flexbrevo, twilio, sandbox):
    """What was queued but not marked is queued again, and known there."""
    tasks = [Task() for _ in range(4)]
    for task in tasks:
        assert flexbrevo.caller().send(twilio.callback(task)).status == 403
    ring = flexbrevo.state_dir / "held.ring"
    before = ring.read_bytes()
    mend(flexbrevo)
    assert release(flexbrevo)["released"] == 4
    ring.write_bytes(before)                        # no mark was written
    assert release(flexbrevo)["released"] == 4
    sandbox.wait_for_events(4)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    assert set(sandbox.tasks().values()) == {1}
    assert flexbrevo.metric("queue_accepted") == 4


def test_a_second_process_on_the_directory_skips(program, redis, twilio, tmp_path):
    changes = {"redis": {"url": redis.url}, "server": {"hold_unverified": True},
               "connectors": {"twilio_flex": {"auth_token": WRONG}}}
    first, second = program("serve", changes).start(), program("serve", changes)
    second.log_file = tmp_path / "second.log"
    second.start()
    for flexbrevo, result in ((first, "kept"), (second, "skipped")):
        assert flexbrevo.caller().send(twilio.callback(Task())).status == 403
        assert flexbrevo.metric(f'requests_held_total{{result="{result}"}}') == 1
    first.terminate()
    assert second.caller().send(twilio.callback(Task())).status == 403
    assert second.metric('requests_held_total{result="kept"}') == 1


def test_an_unwritable_directory_is_said_and_the_answer_stays(flexbrevo, twilio):
    (flexbrevo.state_dir / "held.key").write_bytes(b"too short")
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 403
    assert flexbrevo.metric('requests_held_total{result="failed"}') == 1
    assert " error not_held " in flexbrevo.log()
    status, _, error = harness.run_command(
        "verify-signature", "--held", "--config", flexbrevo.config_file)
    assert status == os.EX_NOINPUT and "held.key" in error


@pytest.mark.parametrize("arguments", [
    ["--held", "--url", "https://hooks.example.com/"], ["--held", "--token", "x"],
    ["--dry-run"], ["--config", "x"]])
def test_options_that_do_not_go_together_are_refused(arguments):
    status, _, error = harness.run_command("verify-signature", *arguments)
    assert status == os.EX_USAGE and error.startswith("flexbrevo: --")


def test_without_credentials_it_says_so(tmp_path):
    status, _, error = harness.run_command(
        "verify-signature", "--held", "--dry-run",
        environment={"FLEXBREVO_STATE_DIR": str(pathlib.Path(tmp_path))})
    assert status == os.EX_CONFIG and "auth_token" in error
