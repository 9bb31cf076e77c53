"""Brevo drops in silence what it has no attribute for: so it is asked, and what is wrong is told."""

import json
import time

import pytest

import harness
from harness import Task

LONGER_THAN_A_RETRY_S = 3


@pytest.fixture
def attributes(sandbox):
    """The account's attributes, by name, to be changed before a program starts."""
    return sandbox.brevo.account.attributes


def spoil(attributes):
    """One of each kind of mistake; returns what the program should call them."""
    attributes["CSAT_SCORE"] = "text"
    del attributes["VIP_TIER"]
    attributes["Flex_Identity"] = attributes.pop("FLEX_IDENTITY")
    return {"CSAT_SCORE": "wrong_type", "VIP_TIER": "missing", "FLEX_IDENTITY": "wrong_case"}


def noted(flexbrevo):
    status = harness.run_command("status", "--json", "--config", flexbrevo.config_file)[1]
    return (json.loads(status)["brevo_attributes"] or {}).get("found")


def check(program, *more):
    return harness.run_command("check", *more, "--config", program.config_file)


def test_an_account_that_has_all_attributes_is_asked_once_and_fine(sandbox, flexbrevo):
    harness.wait_until(lambda: noted(flexbrevo) == "fine", "the note that all is fine")
    assert len(sandbox.requests("GET", harness.ATTRIBUTES)) == 1
    assert "attribute" not in flexbrevo.log()
    assert not any("attribute_wrong{" in name for name in flexbrevo.metrics())
    assert flexbrevo.metric('brevo_requests_total{endpoint="attributes",status="200"}') == 1


def test_whoever_asks_how_we_are_asks_brevo_nothing(sandbox, flexbrevo):
    harness.wait_until(lambda: noted(flexbrevo) == "fine", "the note that all is fine")
    end = time.monotonic() + LONGER_THAN_A_RETRY_S
    while time.monotonic() < end:
        for path in ("/livez", "/readyz", "/readyz?verbose", "/metrics"):
            assert flexbrevo.admin(path)[0] == 200
        noted(flexbrevo)
    assert [entry["path"] for entry in sandbox.brevo.log] == [harness.ATTRIBUTES]


def test_what_brevo_would_drop_is_told_in_log_metric_and_status(program, attributes):
    wrong = spoil(attributes)
    flexbrevo = program().start()
    harness.wait_until(lambda: noted(flexbrevo), "a note")
    assert noted(flexbrevo).startswith("3 wrong: ")
    for name, problem in wrong.items():
        label = f'brevo_attribute_wrong{{attribute="{name}",problem="{problem}"}}'
        assert flexbrevo.metric(label) == 1
        lines = [line for line in flexbrevo.log().splitlines() if f"attribute={name} " in line]
        assert len(lines) == 1 and f"problem={problem} " in lines[0] and 'do="' in lines[0]
    shown = harness.run_command("status", "--config", flexbrevo.config_file)[1]
    assert "CSAT_SCORE wrong_type" in shown


def test_a_look_that_fails_holds_nothing_up_and_is_taken_again(program, twilio, sandbox):
    sandbox.fault("key_revoked", endpoint="GET " + harness.ATTRIBUTES, count=1)
    flexbrevo = program().start()
    harness.wait_until(lambda: "attributes_unread" in flexbrevo.log(), "the failed look")
    flexbrevo.caller().send(twilio.callback(Task()))
    sandbox.wait_for_events(1)
    assert not any("brevo_paused{" in name for name in flexbrevo.metrics())
    harness.wait_until(lambda: noted(flexbrevo) == "fine", "the second look")
    assert flexbrevo.log().count("attributes_unread") == 1


def test_an_account_with_many_attributes_is_audited(program, sandbox, attributes):
    """Over 64 KiB of them."""
    attributes.update({f"SEGMENT_{number}_{'X' * 40}": "text" for number in range(1000)})
    flexbrevo = program().start()
    harness.wait_until(lambda: noted(flexbrevo) == "fine", "the note that all is fine")
    assert check(flexbrevo)[0] == 0
    assert len(sandbox.requests(path=harness.ATTRIBUTES)) == 2


def test_check_reads_and_touches_nothing(program, sandbox):
    one = program().start()
    status, out, err = check(one)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert any("redis: answers" in line for line in lines)
    assert any("brevo: takes the key" in line for line in lines)
    assert any("attribute CSAT_SCORE: " in line for line in lines)
    assert {entry["method"] for entry in sandbox.brevo.log} == {"GET"}


def test_check_names_each_attribute_that_is_wrong(program, attributes):
    wrong = spoil(attributes)
    status, out, _ = check(program().start(), "--json")
    assert status == 1
    result = json.loads(out)
    found = {c["what"].partition(" ")[2]: c for c in result["checks"] if not c["ok"]}
    assert set(found) == set(wrong) and result["wrong"] == 3
    for name, problem in wrong.items():
        assert found[name]["detail"].startswith(problem) and found[name]["remedy"]


def test_check_names_each_list_that_brevo_does_not_have(program):
    lists = {"support_contacts": 77, "csat_respondents": 33}
    one = program(changes={"connectors": {"twilio_flex": {"lists": lists}}}).start()
    status, out, _ = check(one)
    assert status == 1
    said = [line for line in out.splitlines() if " list " in line]
    assert said[0].startswith("WRONG  list 77: ") and "lists.support_contacts" in said[0]
    assert said[1].startswith("ok     list 33: ") and len(said) == 2


def test_check_reads_the_key_from_its_file(program, tmp_path):
    key = tmp_path / "key"
    key.write_text(harness.API_KEY + "\n")
    one = program(changes={"brevo": {"api_key": None, "api_key_file": str(key)}})
    one.config_file.write_text(json.dumps(one.config))
    assert check(one)[0] == 0
    key.unlink()
    status, out, err = check(one)
    assert (status, out) == (78, "") and "brevo.api_key_file" in err


@pytest.mark.parametrize("fault, words", [
    ("ip_blocked", "https://app.brevo.com/security/authorised_ips"),
    ("key_revoked", "brevo.api_key"), ("html_524", "brevo.base_url"), ("close", "no_answer")])
def test_check_says_why_brevo_cannot_be_used(program, sandbox, fault, words):
    one = program()
    one.config_file.write_text(json.dumps(one.config))
    sandbox.fault(fault, endpoint="GET " + harness.ATTRIBUTES, count=1)
    status, out, _ = check(one)
    assert status == 1
    line = next(line for line in out.splitlines() if "WRONG  brevo: " in line)
    assert words in line
    assert "redis: not running" in out      # which is no fault of its own
