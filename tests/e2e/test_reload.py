"""SIGHUP: credentials are exchanged without losing a request; a broken configuration changes nothing."""

import base64
import fcntl
import json
import signal
import threading
import time

import pytest

import harness
from harness import Task, Twilio

OLD, NEW = harness.AUTH_TOKEN, "0e1D2c3B4a5f60000000000000000001"


@pytest.fixture
def flexbrevo(program, tmp_path):
    """Tokens in a file of their own, as they should be where they are rotated."""
    (tmp_path / "tokens").write_text(OLD + "\n")
    return program(changes={
        "server": {"loops": 2},
        "connectors": {"twilio_flex": {
            "auth_token": None, "auth_tokens_file": str(tmp_path / "tokens")}}}).start()


def rotate(flexbrevo, *tokens):
    (flexbrevo.directory / "tokens").write_text("\n".join(tokens) + "\n")
    reload(flexbrevo)


def reload(flexbrevo, result="ok"):
    name = f'config_reloads_total{{result="{result}"}}'
    before = flexbrevo.metric(name)
    flexbrevo.process.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: flexbrevo.metric(name) > before, lambda: "a reload\n" + flexbrevo.log())


def configure(flexbrevo, changes):
    flexbrevo.config = merged(flexbrevo.config, changes)
    flexbrevo.config_file.write_text(json.dumps(flexbrevo.config))


def merged(old, new):
    result = dict(old)
    for name, value in new.items():
        result[name] = merged(result.get(name, {}), value) if isinstance(value, dict) else value
    return result


def status_of(flexbrevo, webhook):
    """On a connection of its own: loops hear of a reload one after the other."""
    return flexbrevo.caller().send(webhook).status


def wait_for(flexbrevo, make, status):
    """Until every loop answers so: of many connections both have some."""
    harness.wait_until(
        lambda: {status_of(flexbrevo, make()) for _ in range(12)} == {status}, f"only {status}")


class Sender(threading.Thread):
    """Sends without pause, each request on its own, and remembers what is no success."""

    def __init__(self, flexbrevo, token):
        super().__init__(daemon=True)
        self.flexbrevo, self.twilio = flexbrevo, Twilio(token)
        self.ending = threading.Event()
        self.sent, self.refused = 0, []

    def run(self):
        caller = self.flexbrevo.caller()
        while not self.ending.is_set():
            for webhook in (self.twilio.callback(Task()), self.twilio.stream(Task())):
                answer = caller.send(webhook)
                self.sent += 1
                if answer.status // 100 != 2:
                    self.refused.append(answer.status)

    def wait_more(self, count=20):
        goal = self.sent + count
        harness.wait_until(lambda: self.sent >= goal, "requests")

    def end(self):
        self.ending.set()
        self.join()
        return self.refused


def test_a_token_is_rotated_under_load_without_one_refusal(flexbrevo):
    old = [Sender(flexbrevo, OLD) for _ in range(3)]
    for sender in old:
        sender.start()
    old[0].wait_more()
    rotate(flexbrevo, OLD, NEW)
    wait_for(flexbrevo, lambda: Twilio(NEW).callback(Task()), 204)
    new = [Sender(flexbrevo, NEW) for _ in range(3)]
    for sender in new:
        sender.start()
    for sender in old + new:
        sender.wait_more()
    assert [sender.end() for sender in old] == [[], [], []]
    rotate(flexbrevo, NEW)
    wait_for(flexbrevo, lambda: Twilio(OLD).callback(Task()), 403)
    new[0].wait_more()
    assert [sender.end() for sender in new] == [[], [], []]
    assert status_of(flexbrevo, Twilio(OLD).stream(Task())) == 503
    assert " config_reloaded tokens=2 restart_needed=none" in flexbrevo.log()
    assert " config_reloaded tokens=1 restart_needed=none" in flexbrevo.log()
    assert NEW not in flexbrevo.log()


BROKEN = [
    ("connectors: [", "c.yaml"),
    (json.dumps({"connectors": {"twilio_flex": {"auth_tokn": NEW}}}), "auth_token"),
    (json.dumps({"connectors": {"twilio_flex": {"auth_token": "no token at all\n" + NEW}}}),
     "auth_token"),
    (json.dumps({"connectors": {"twilio_flex": {"auth_token_file": "/nowhere/" + "x"}}}),
     "/nowhere/x"),
    (json.dumps({"server": {"public_url": f"https://u:{NEW}@hooks.example.com"}}), "public_url"),
    (json.dumps({"brevo": {"base_url": f"https://api.example.com/?key={NEW}"}}), "base_url"),
    ("", "account_sid"),
]


def test_a_broken_configuration_changes_nothing(flexbrevo, twilio):
    fine = flexbrevo.config_file.read_text()
    for text, word in BROKEN:
        flexbrevo.config_file.write_text(text)
        reload(flexbrevo, "failed")
        line = flexbrevo.log().splitlines()[-1]
        assert " error config_reload_failed error=" in line
        assert word in line or str(flexbrevo.config_file) in line
        assert NEW not in line
    flexbrevo.config_file.write_text(fine)
    (flexbrevo.directory / "tokens").unlink()
    reload(flexbrevo, "failed")
    for _ in range(12):
        assert status_of(flexbrevo, twilio.callback(Task())) == 204
    assert flexbrevo.metric('config_reloads_total{result="ok"}') == 0
    rotate(flexbrevo, OLD)
    assert status_of(flexbrevo, twilio.callback(Task())) == 204


def test_what_needs_a_restart_is_named_and_its_value_is_not(flexbrevo, twilio):
    configure(flexbrevo, {"brevo": {"api_key": "xkeysib-111111secret111111", "max_rps": 3},
                          "server": {"listen": "127.0.0.1:1", "loops": 3},
                          "queue": {"dedupe_window": "5d"}})
    reload(flexbrevo)
    line = flexbrevo.log().splitlines()[-1]
    assert line.endswith(
        " config_reloaded tokens=1 restart_needed="
        "brevo.api_key,brevo.max_rps,server.listen,server.loops,queue.dedupe_window")
    assert "111111" not in flexbrevo.log()
    assert status_of(flexbrevo, twilio.callback(Task())) == 204


def test_the_flex_token_check_asks_with_the_new_credentials(flexbrevo, iam, twilio):
    fake = type(iam.service)(harness.ACCOUNT_SID, NEW)
    assert status_of(flexbrevo, twilio.plugin(Task())) == 202
    iam.service.basic = fake.basic                  # Twilio promotes the new token
    other = harness.fake_iam.flex_token("WK" + "1" * 32)

    def post():
        return twilio.plugin(Task(), token=other, WorkerSid="WK" + "1" * 32)

    assert status_of(flexbrevo, post()) == 429      # nobody can tell
    rotate(flexbrevo, NEW)
    wait_for(flexbrevo, post, 202)


@pytest.mark.parametrize("tokens", [[NEW], [NEW, OLD], ["z" * 32, "y" * 32, NEW]])
def test_a_question_under_way_is_asked_again_with_the_new_ring(flexbrevo, iam, twilio, tokens):
    """IAM thinks for a second, we reload meanwhile, then it refuses the old token."""
    iam.service.basic = type(iam.service)(harness.ACCOUNT_SID, NEW).basic
    iam.fault("delay", seconds=1)
    answers = []
    asker = threading.Thread(
        target=lambda: answers.append(status_of(flexbrevo, twilio.plugin(Task()))))
    asker.start()
    harness.wait_until(lambda: iam.service.faults[0].count == 0, "the question")
    rotate(flexbrevo, *tokens)
    asker.join()
    assert answers == [202]


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize("old,new", [("flex:one", "flex:two"), (None, "flex:two"), ("flex:one", None)])
def test_basic_auth_is_exchanged(program, twilio, old, new):
    flexbrevo = program(changes={
        "server": {"loops": 2, "routes": {"taskrouter": {"basic_auth": old}}}}).start()

    def make(user):
        webhook = twilio.callback(Task())
        webhook.headers |= basic(user) if user else {}
        return webhook

    assert status_of(flexbrevo, make(old)) == 204
    configure(flexbrevo, {"server": {"routes": {"taskrouter": {"basic_auth": new}}}})
    reload(flexbrevo)
    wait_for(flexbrevo, lambda: make(new), 204)
    if new:
        wait_for(flexbrevo, lambda: make(old), 403)
    assert " restart_needed=none" in flexbrevo.log()
    assert "flex:" not in flexbrevo.log()


def test_the_survey_token_is_exchanged(program):
    flexbrevo = program(changes={
        "server": {"loops": 2}, "connectors": {"twilio_flex": {"survey_token": "one"}}}).start()

    def make(token):
        return harness.Webhook("/webhooks/flex/survey", {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "Bearer " + token}, b"score=5")

    assert status_of(flexbrevo, make("one")) == 204
    configure(flexbrevo, {"connectors": {"twilio_flex": {"survey_token": "two"}}})
    reload(flexbrevo)
    wait_for(flexbrevo, lambda: make("two"), 204)
    wait_for(flexbrevo, lambda: make("one"), 403)


def test_a_token_is_counted_under_its_place_in_the_new_configuration(program, twilio):
    flexbrevo = program().start()
    name = 'requests_verified_total{token="%s"}'
    assert status_of(flexbrevo, twilio.callback(Task())) == 204
    assert flexbrevo.metric(name % "auth_token") == 1
    configure(flexbrevo, {"connectors": {"twilio_flex": {
        "auth_token": NEW, "auth_tokens": ["z" * 32, OLD]}}})
    reload(flexbrevo)
    wait_for(flexbrevo, lambda: Twilio(NEW).callback(Task()), 204)
    before = flexbrevo.metric(name % "auth_tokens[1]")
    assert status_of(flexbrevo, twilio.callback(Task())) == 204
    assert flexbrevo.metric(name % "auth_tokens[1]") == before + 1


@pytest.mark.time_limit(60)
def test_a_storm_of_reloads_under_load_harms_nothing(flexbrevo, twilio):
    senders = [Sender(flexbrevo, OLD) for _ in range(2)]
    for sender in senders:
        sender.start()
    ending = time.monotonic() + 3
    while time.monotonic() < ending:
        flexbrevo.process.send_signal(signal.SIGHUP)
        assert status_of(flexbrevo, twilio.plugin(Task())) == 202
    assert [sender.end() for sender in senders] == [[], []]
    reload(flexbrevo)
    assert flexbrevo.metric('config_reloads_total{result="ok"}') > 3


def test_sighup_while_it_waits_to_start_is_done_later(flexbrevo, tmp_path, twilio):
    """Its state directory is still another's, as in a restart that overlaps."""
    flexbrevo.terminate()
    with open(flexbrevo.state_dir / "lock", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        flexbrevo.start(wait=False)
        harness.wait_until(lambda: " waiting " in flexbrevo.log(), flexbrevo.log)
        flexbrevo.process.send_signal(signal.SIGHUP)
        (flexbrevo.directory / "tokens").write_text(NEW)
    flexbrevo.wait_ready()
    harness.wait_until(
        lambda: flexbrevo.metric('config_reloads_total{result="ok"}') == 1, "the reload")
    wait_for(flexbrevo, lambda: Twilio(NEW).callback(Task()), 204)


def test_sighup_while_draining_is_ignored(flexbrevo, sandbox, twilio):
    sandbox.fault("delay", endpoint="POST /events", count=1, seconds=3)
    assert status_of(flexbrevo, twilio.callback(Task())) == 204
    harness.wait_until(lambda: sandbox.requests(), "a call under way")
    flexbrevo.process.send_signal(signal.SIGTERM)
    harness.wait_until(lambda: " draining " in flexbrevo.log(), "the drain")
    for _ in range(5):
        flexbrevo.process.send_signal(signal.SIGHUP)
    assert flexbrevo.process.wait(harness.STOP_S) == 0
    assert "config_reloaded" not in flexbrevo.log()


def test_sighup_of_a_worker_checks_the_configuration(program, redis):
    worker = program("work", {"redis": {"url": redis.url}}).start()
    reload(worker)
    worker.config_file.write_text("brevo: {}")
    reload(worker, "failed")
    assert worker.is_ready()
