"""Brevo by a token instead of the key: asked for, renewed, refused; no event suffers by it."""

import pytest

import brevo_tokens
import harness
from harness import Task
from test_pause import causes, status, wait_for_cause

CLIENT = "0a1b2c3d"
SECRET = harness.CLIENT_SECRET
TOKEN = "POST " + brevo_tokens.PATH


@pytest.fixture
def tokens(sandbox):
    sandbox.brevo.tokens = brevo_tokens.Tokens(CLIENT, SECRET)
    return sandbox.brevo.tokens


@pytest.fixture
def by_token(program, sandbox, tokens):
    """Makes programs that have the app's id and secret, and no key."""
    def make(secret=SECRET, **brevo):
        return program(changes={"brevo": {"api_key": None, **brevo, "oauth": {
            "client_id": CLIENT, "client_secret": secret,
            "scope": " ".join(sorted(brevo_tokens.SCOPES)),
            "token_url": sandbox.url.removesuffix("/v3") + brevo_tokens.PATH}}})

    return make


def answers(sandbox):
    """Status by how often, of all calls but those for tokens."""
    found = {}
    for entry in sandbox.requests():
        if entry["path"] != brevo_tokens.PATH:
            found[entry["status"]] = found.get(entry["status"], 0) + 1
    return found


def check(flexbrevo):
    return harness.run_command("check", "--config", flexbrevo.config_file)[:2]


def test_events_are_delivered_by_a_token_that_nobody_sees(by_token, twilio, sandbox, tokens):
    flexbrevo = by_token().start()
    tasks = [Task() for _ in range(5)]
    flexbrevo.caller().send(twilio.stream(*tasks))
    sandbox.wait_for_events(5)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    assert tokens.count == 1 and 401 not in answers(sandbox)
    assert status(flexbrevo)["brevo_token"]["found"] == "fine"
    assert flexbrevo.log().count("token_obtained life_s=") == 1
    code, out = check(flexbrevo)            # asks for one of its own
    assert (code, tokens.count) == (0, 2) and "ok     brevo: takes the token" in out
    shown = harness.run_command("check-config", "--config", flexbrevo.config_file)[1]
    assert SECRET not in out + shown and CLIENT in shown
    for file in flexbrevo.state_dir.rglob("*.aof"):
        assert b"eyJ" not in file.read_bytes()


@pytest.mark.parametrize("early", [False, True])
def test_a_token_that_ends_under_load_loses_and_doubles_nothing(
        by_token, twilio, sandbox, tokens, early):
    tokens.life_s = 3600 if early else 2
    flexbrevo = by_token(max_rps=60, batch=False).start()
    tasks = [Task() for _ in range(120)]
    flexbrevo.caller().send(twilio.stream(*tasks[:60]))
    flexbrevo.caller().send(twilio.stream(*tasks[60:]))
    sandbox.wait_for_events(20)
    if early:
        tokens.revoke()
    sandbox.wait_for_events(120)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    assert "attempt=2" not in flexbrevo.log()       # the refused calls were nobody's attempts
    if early:
        assert tokens.count == 2 and 401 in answers(sandbox)
        assert not any("brevo_paused{" in name for name in flexbrevo.metrics())
    else:
        assert tokens.count > 2


def test_brevo_that_refuses_the_successor_too_pauses(by_token, twilio, sandbox, tokens):
    flexbrevo = by_token().start()
    sandbox.fault("key_revoked", count=3)
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    wait_for_cause(flexbrevo, "unauthorized")
    sandbox.wait_for_events(1)
    wait_for_cause(flexbrevo, "unauthorized", 0)
    assert sandbox.tasks() == {task.sid: 1}
    assert flexbrevo.metric("queue_parked") == 0 and "attempt=2" not in flexbrevo.log()


@pytest.mark.parametrize("wrong, problem", [
    ("secret", "invalid_client"), ("scope", "invalid_scope")])
def test_an_app_that_is_refused_pauses_until_it_is_mended(
        by_token, twilio, sandbox, tokens, wrong, problem):
    if wrong == "scope":
        tokens.scopes = {"contacts:read"}
    flexbrevo = by_token("n0t-the-right-0ne" if wrong == "secret" else SECRET).start()
    wait_for_cause(flexbrevo, "unauthorized")
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    assert "brevo.oauth" in causes(flexbrevo)["unauthorized"]
    harness.wait_until(lambda: (status(flexbrevo)["brevo_token"] or {}).get("found") == problem,
                       "the note")
    assert flexbrevo.metric('brevo_token_missing{problem="%s"}' % problem) == 1
    code, out = check(flexbrevo)
    assert code == 1 and f"WRONG  brevo token: {problem} (" in out
    assert answers(sandbox) == {}           # no call without a token
    if wrong == "scope":
        tokens.scopes = brevo_tokens.SCOPES
    else:
        flexbrevo.terminate()
        flexbrevo.config["brevo"]["oauth"]["client_secret"] = SECRET
        flexbrevo.start()
    sandbox.wait_for_events(1)
    wait_for_cause(flexbrevo, "unauthorized", 0)
    assert sandbox.tasks() == {task.sid: 1} and causes(flexbrevo) == {}
    assert "attempt=2" not in flexbrevo.log()
    assert flexbrevo.log().count("token_missing problem=") == 1


def test_an_endpoint_that_is_away_is_waited_for(by_token, twilio, sandbox, tokens):
    sandbox.fault("close", endpoint=TOKEN, count=1)
    sandbox.fault("html_524", endpoint=TOKEN, count=1)
    flexbrevo = by_token().start()
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    harness.wait_until(lambda: "token_missing problem=unavailable" in flexbrevo.log(), "the line")
    assert causes(flexbrevo) == {} and flexbrevo.metric("queue_pending") == 1
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}
    harness.wait_until(lambda: status(flexbrevo)["brevo_token"]["found"] == "fine", "the note")
    assert flexbrevo.log().count("token_missing") == 1 and "attempt=2" not in flexbrevo.log()
