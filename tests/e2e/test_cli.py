"""The command line: what every command does alike, and trigger, status and version."""
import json
import re
import subprocess
import urllib.parse

import pytest
from twilio.request_validator import RequestValidator

import harness
from doors import CARRIERS, SAMPLES

COMMANDS = ["run", "serve", "work", "check", "check-config", "verify-signature", "explain",
            "trigger", "status", "report", "parked", "audit", "conflicts", "mapping-diff", "pause",
            "resume", "version"]


def run(*arguments, **more):
    return harness.run_command(*arguments, **more)


def write(path, config):
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


def test_lists_every_command_and_explains_each():
    status, out, err = run("--help")

    assert (status, err) == (0, "")
    assert re.findall(r"^  ([a-z-]+) ", out, re.M) == COMMANDS
    for command in COMMANDS:
        status, out, err = run(command, "--help")
        assert (status, err) == (0, ""), command
        assert out.startswith(f"usage: flexbrevo {command}")
        assert "--help" in out
        assert all(len(line) <= 90 for line in out.splitlines()), command


def test_without_a_command_prints_the_help_as_an_error():
    status, out, err = run()

    assert (status, out) == (64, "")
    assert "usage: flexbrevo COMMAND" in err


@pytest.mark.parametrize("typed, hint", [
    ("explian", "did you mean explain?"), ("statsu", "did you mean status?"),
    ("check_config", "did you mean check-config?"), ("frobnicate", "see flexbrevo --help"),
    ("x", "see flexbrevo --help"), ("", "see flexbrevo --help")])
def test_an_unknown_command_exits_64_with_a_hint(typed, hint):
    assert run(typed) == (64, "", f"flexbrevo: unknown command: {typed} ({hint})\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_exits_64_on_every_command(command):
    status, out, err = run(command, "--frobnicate")

    assert (status, out) == (64, "")
    assert "--frobnicate" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["explain", "trigger", "status"])
def test_a_broken_configuration_exits_78_and_names_it(command, tmp_path):
    config = tmp_path / "broken.yaml"
    config.write_text("brevo: { apikey: x }\n")
    arguments = {"explain": ["--source", "taskrouter", "-"], "trigger": ["task.created"]}
    status, out, err = run(command, *arguments.get(command, []), "--config", config, data=b"")

    assert (status, out) == (78, "")
    assert err.startswith("flexbrevo: ") and str(config) in err


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([harness.BINARY, "version"], stdout=full, stderr=subprocess.PIPE,
                              timeout=20, check=False)

    assert done.returncode == 74
    assert done.stderr.startswith(b"flexbrevo: cannot write: standard output: ")


# ---- version

def test_version_names_the_libraries():
    status, out, _ = run("version", "--json")
    version = json.loads(out)

    assert status == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+", version["version"])
    assert version["libraries"]["openssl"].startswith("OpenSSL 3")
    assert set(version["libraries"]) >= {
        "curl", "hiredis", "jansson", "libmicrohttpd", "libyaml", "openssl", "sqlite"}
    assert version["version"] in run("version")[1]
    assert run("--version")[1] == run("version")[1]


# ---- status

def test_status_says_how_to_get_at_a_redis_that_is_not_there(config, tmp_path):
    status, out, err = run("status", "--config", write(tmp_path / "c.yaml", config))

    assert (status, out) == (69, "")
    assert err.startswith("flexbrevo: the queue cannot be read: ")
    assert "flexbrevo run" in err


def test_status_of_a_redis_elsewhere(config, redis, tmp_path):
    config["redis"] = {"url": redis.url}
    path = write(tmp_path / "c.yaml", config)
    status, out, err = run("status", "--json", "--config", path)

    assert (status, err) == (0, "")
    assert json.loads(out)["queue_accepted"] == 0
    redis.kill()
    assert run("status", "--config", path)[0] == 69


def test_status_counts_what_was_delivered_and_filtered(flexbrevo, sandbox):
    def counted():
        status, out, _ = run("status", "--json", "--config", flexbrevo.config_file)
        numbers = json.loads(out) if status == 0 else {}
        return numbers if numbers.get("queue_accepted") == 2 and not numbers["queue_pending"] else None

    for event in (["task.created"], ["conversation.ended"]):
        assert run("trigger", *event, "--to", flexbrevo.url, "--config", flexbrevo.config_file)[0] == 0
    numbers = harness.wait_until(counted, "both events settled")

    assert (numbers["queue_delivered"], numbers["queue_filtered"]) == (1, 1)
    assert numbers["filtered_by"] == {"not_flex": 1}
    assert numbers["unaccounted_events"] == 0
    assert numbers["brevo_paused"] == []
    text = run("status", "--config", flexbrevo.config_file)[1]
    assert re.search(r"^delivered +1$", text, re.M)
    assert re.search(r"^  not_flex +1$", text, re.M)


def test_status_says_how_long_the_backlog_takes_and_counts_what_is_parked(program, redis, sandbox):
    redis_url = {"redis": {"url": redis.url}}
    serve = program("serve", {**redis_url, "brevo": {"max_rps": 0.5}}).start()
    for _ in range(3):
        assert run("trigger", "task.created", "--to", serve.url, "--config", serve.config_file)[0] == 0
    numbers = json.loads(run("status", "--json", "--config", serve.config_file)[1])

    assert (numbers["queue_pending"], numbers["backlog_eta_seconds"]) == (3, 13)
    assert re.search(r"^backlog +0h 00m 13s$", run("status", "--config", serve.config_file)[1], re.M)

    sandbox.fault("payment", count=-1)
    work = program("work", redis_url).start()
    numbers = harness.wait_until(lambda: settled(work), "three parked")
    assert (numbers["queue_parked"], numbers["backlog_eta_seconds"]) == (3, 0)
    assert numbers["parked_by"] == {"payment_required": 3}
    text = run("status", "--config", work.config_file)[1]
    assert re.search(r"^  payment_required +3$", text, re.M) and "backlog" not in text


def settled(program):
    """The numbers of `status` once nothing is pending."""
    numbers = json.loads(run("status", "--json", "--config", program.config_file)[1])
    return numbers if not numbers["queue_pending"] else None


def test_status_shows_what_is_paused_and_the_remedy(flexbrevo, sandbox):
    sandbox.fault("key_revoked", count=-1)
    assert run("trigger", "task.created", "--to", flexbrevo.url, "--config",
               flexbrevo.config_file)[0] == 0

    def paused():
        out = run("status", "--json", "--config", flexbrevo.config_file)[1]
        return json.loads(out)["brevo_paused"]

    pause = harness.wait_until(paused, "a pause")[0]
    assert pause["cause"] == "unauthorized" and pause["remedy"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", pause["since"])
    text = run("status", "--config", flexbrevo.config_file)[1]
    assert "paused       unauthorized since" in text and pause["remedy"] in text
    sandbox.heal()


# ---- trigger

def test_the_server_accepts_every_sample(flexbrevo):
    bodies = {"survey": ["form", "json"], "flex-plugin": ["form", "json"]}
    for event, source in SAMPLES:
        for body in bodies.get(source, [None]):
            more = ["--body", body] if body else []
            status, out, err = run("trigger", event, "--source", source, *more, "--to",
                                   flexbrevo.url + "/", "--config", flexbrevo.config_file, "--json")

            assert (status, err) == (0, ""), (event, source, body)
            answer = json.loads(out)
            assert 200 <= answer["status"] < 300
            assert answer["source"] == source
            assert answer["signed_url"].startswith(harness.PUBLIC_URL + "/webhooks/")
            assert answer["url"].startswith(flexbrevo.url + "/webhooks/")


@pytest.mark.parametrize("event, source", SAMPLES)
def test_a_source_is_chosen_or_refused_by_what_it_sends(recorder, event, source):
    to = ["--to", f"http://127.0.0.1:{recorder.server_port}", "--token", "5ec4e7", "--json"]
    assert json.loads(run("trigger", event, *to)[1])["source"] == CARRIERS[event][0]
    for other in {source for sources in CARRIERS.values() for source in sources}:
        status, _, err = run("trigger", event, "--source", other, *to)
        assert (status == 0) == (other in CARRIERS[event]), err


def test_to_may_be_the_whole_url_of_the_webhook(flexbrevo):
    whole = flexbrevo.url + "/webhooks/taskrouter"
    status, out, _ = run("trigger", "task.created", "--to", whole, "--config",
                         flexbrevo.config_file, "--json")
    assert status == 0
    assert json.loads(out)["url"] == whole


def test_samples_of_one_task_reach_brevo_with_who_and_what(flexbrevo, sandbox):
    task = harness.sid("WT")
    for event in ("task.created", "task.completed"):
        status, _, err = run("trigger", event, "--task", task, "--email", "lena@example.org",
                             "--channel", "whatsapp", "--phone", "+34600111222", "--to",
                             flexbrevo.url, "--config", flexbrevo.config_file)
        assert (status, err) == (0, "")
    sandbox.wait_for_events(2)

    bodies = [entry["body"] for entry in sandbox.requests("POST", "/events")]
    assert {b["event_name"] for b in bodies} == {"SUPPORT_REQUESTED", "SUPPORT_RESOLVED"}
    for event in bodies:
        assert event["identifiers"] == {"email_id": "lena@example.org"}
        assert event["event_properties"]["task_sid"] == task
        assert event["event_properties"]["channel"] == "whatsapp"


def test_a_server_that_answers_403_is_a_refusal(flexbrevo):
    status, out, _ = run("trigger", "task.created", "--token", "0" * 32, "--to", flexbrevo.url,
                         "--config", flexbrevo.config_file)

    assert status == 1
    assert "403" in out and "signature_mismatch" in out


def test_no_server_is_unavailable(config, tmp_path):
    config["server"]["listen"] = "127.0.0.1:1"
    status, out, err = run("trigger", "task.created", "--config", write(tmp_path / "c.yaml", config))

    assert (status, out) == (69, "")
    assert "http://127.0.0.1:1/webhooks/taskrouter" in err


@pytest.mark.parametrize("listen, url", [
    (":1", "http://127.0.0.1:1/"), ("0.0.0.0:1", "http://127.0.0.1:1/"),
    ("[::]:1", "http://[::1]:1/"), ("[::1]:1", "http://[::1]:1/")])
def test_a_wildcard_listener_is_reached_through_loopback(listen, url):
    status, _, err = run("trigger", "task.created", "--token", "5ec4e7",
                         environment={"FLEXBREVO_LISTEN": listen})

    assert status == 69
    assert url in err


@pytest.mark.parametrize("listen", ["unix:/run/x.sock", "127.0.0.1:0"])
def test_a_listener_without_a_url_needs_to(listen):
    status, _, err = run("trigger", "task.created", "--token", "5ec4e7",
                         environment={"FLEXBREVO_LISTEN": listen})

    assert status == 64
    assert "--to" in err


@pytest.mark.parametrize("arguments, complaint", [
    ([], "EVENT is missing"),
    (["task.exploded"], "unknown event: task.exploded"),
    (["task.created", "task.canceled"], "more than one EVENT: task.canceled"),
    (["task.created", "--source", "pigeon"], "unknown source: pigeon"),
    (["task.created", "--source", "flex-plugin"],
     "flex-plugin never sends task.created; take taskrouter or event-streams"),
    (["conversation.ended", "--source", "taskrouter"],
     "taskrouter never sends conversation.ended; take event-streams or conversations or "
     "interactions"),
    (["conversation.ended", "--source", "conversations", "--channel", "voice"],
     "conversations never sends conversation.ended of a call; take interactions"),
    (["survey.completed", "--source", "messaging"],
     "messaging never sends survey.completed; take survey"),
    (["sink.test", "--source", "taskrouter"], "taskrouter never sends sink.test; take event-streams"),
    (["task.created", "--body", "json"],
     "taskrouter never sends a body of this kind: --body json"),
    (["survey.completed", "--body", "xml"], "neither form nor json: --body xml"),
    (["task.created", "--bearer", "x", "--to", "http://127.0.0.1:1"],
     "taskrouter always signs: --bearer is for survey and flex-plugin"),
    (["task.created", "--channel", "telex"], "unknown channel: telex"),
    (["task.created", "--task", "WT12"], "not a task SID: WT12"),
    (["task.created", "--to", "localhost:8080"], "--to has no scheme: localhost:8080"),
])
def test_trigger_refuses_what_it_cannot_compose(arguments, complaint):
    assert run("trigger", *arguments) == (
        64, "", f"flexbrevo: {complaint} (see flexbrevo trigger --help)\n")


def test_trigger_needs_a_token_and_never_shows_it():
    status, out, err = run("trigger", "task.created", "--to", "http://127.0.0.1:1")
    assert (status, out) == (78, "")
    assert "TWILIO_AUTH_TOKEN" in err

    for token in ([], ["--token", "5ec4e700000000000000000000000000"]):
        status, out, err = run(
            "trigger", "task.created", "--to", "http://127.0.0.1:1", *token,
            environment={"TWILIO_AUTH_TOKEN": "5ec4e700000000000000000000000000"})
        assert status == 69
        assert "5ec4e7" not in out + err


def test_a_sample_is_marked_and_asks_for_delivery_only_when_told(recorder):
    for more in ([], ["--deliver"]):
        assert run("trigger", "task.created", "--to", f"http://127.0.0.1:{recorder.server_port}/",
                   "--token", "5ec4e7", *more)[0] == 0

    marks = [dict(urllib.parse.parse_qsl(body))["flexbrevo_test"] for body in recorder.bodies]
    assert marks == ["true", "deliver"]


@pytest.mark.parametrize("environment, base", [
    ({}, "http://127.0.0.1:{port}/below"),
    ({"FLEXBREVO_PUBLIC_URL": "https://hooks.example.com"}, "https://hooks.example.com")])
def test_signs_the_public_url_or_the_one_it_posts_to(recorder, environment, base):
    port = recorder.server_port
    assert run("trigger", "task.created", "--to", f"http://127.0.0.1:{port}/below/",
               "--token", "5ec4e7", environment=environment)[0] == 0

    fields = dict(urllib.parse.parse_qsl(recorder.bodies[0]))
    url = base.format(port=port) + "/webhooks/taskrouter"
    assert RequestValidator("5ec4e7").validate(url, fields, recorder.signatures[0])


def test_no_two_samples_are_about_the_same_task(recorder):
    for _ in range(3):
        assert run("trigger", "task.created", "--to", f"http://127.0.0.1:{recorder.server_port}",
                   "--token", "5ec4e7")[0] == 0

    for field in ("TaskSid", "Sid"):
        assert len({dict(urllib.parse.parse_qsl(b))[field] for b in recorder.bodies}) == 3
