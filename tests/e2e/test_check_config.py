"""check-config: what a configuration comes to, and what is wrong with it."""

import json
import re
import subprocess

import pytest

import harness

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
ENOUGH = {
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": "not-to-be-seen-1",
    "BREVO_API_KEY": "not-to-be-seen-2",
    "FLEXBREVO_PUBLIC_URL": "https://hooks.example.com/",
}


def check(*arguments, env=None):
    return harness.run_command("check-config", *arguments,
                               environment=ENOUGH if env is None else env)


def check_docs(*root):
    script = harness.ROOT / "tests" / "style" / "check_config_docs.py"
    done = subprocess.run(["/usr/bin/python3", script, harness.BINARY, *root],
                          capture_output=True, timeout=20)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def write(tmp_path, text):
    path = tmp_path / "flexbrevo.yaml"
    path.write_text(text)
    return str(path)


def test_the_environment_alone_is_enough():
    status, out, err = check()

    assert (status, err) == (0, "")
    assert '    account_sid: "' + ACCOUNT + '"\n' in out
    assert '  public_url: "https://hooks.example.com"\n' in out
    assert '    channels: ["voice", "sms", "whatsapp", "webchat"]\n' in out
    assert "# channels: email, messenger, video are left out\n" in out
    assert "# sync.agent_activity: false, so what agents do is left out\n" in out


@pytest.mark.parametrize("command, named", [
    ("serve", ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "FLEXBREVO_PUBLIC_URL")),
    ("work", ("BREVO_API_KEY",))])
def test_a_host_that_serves_or_works_needs_no_more_than_that(command, named):
    env = {"REDIS_URL": "redis://redis.example.com:6379/1", **{name: ENOUGH[name] for name in named}}
    assert check("--for", command, env=env)[0] == 0
    status, _, err = check("--for", "run", env=env)
    assert status == 78 and "run needs " in err
    status, _, err = check("--for", command, env={name: env[name] for name in list(env)[:-1]})
    assert status == 78 and f"{command} needs " in err


def test_what_starts_by_no_configuration_is_not_asked_about():
    assert check("--for", "status") == \
        (64, "", "flexbrevo: not run, serve or work: --for status "
             "(see flexbrevo check-config --help)\n")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_secrets_are_masked(form):
    status, out, _ = check(*form, env={
        **ENOUGH, "REDIS_URL": "redis://me:not-to-be-seen-3@redis.example.com:6379/1"})

    assert status == 0
    assert "not-to-be-seen" not in out
    assert "****" in out
    assert "redis://****@redis.example.com:6379/1" in out


def test_json_is_one_document():
    status, out, _ = check("--json")
    result = json.loads(out)

    assert status == 0
    assert result["config"]["queue"]["dedupe_window"] == "31d"
    assert result["config"]["brevo"]["rate_share"] == 0.8
    assert result["config"]["connectors"]["twilio_flex"]["enabled"] is True
    assert "channels: email, messenger, video are left out" in result["left_out"]


COMPLETE = """
connectors:
  twilio_flex:
    enabled: true
    account_sid: "%(sid)s"
    flex_flow_sid: "FO%(hex)s"            # legacy flows, optional
    workspace_sid: "WS%(hex)s"
    auth_token: "${TWILIO_AUTH_TOKEN}"
    auth_tokens: []                       # a ring beside it
    api_key_sid: "SK%(hex)s"
    api_key_secret: "${TWILIO_API_KEY_SECRET}"
    iam_url: "https://iam.twilio.com"
    cors_origins: ["https://flex.twilio.com"]
    survey_token: ""
    sync: { conversations: true, tasks: true, customers: true, csat: true, agent_activity: false }
    lists: { support_contacts: 32, csat_respondents: 33 }
    channels: [voice, sms, whatsapp, webchat]
    field_mapping:
      identity: FLEX_IDENTITY
      friendly_name: FIRSTNAME
      attributes.email: email
      attributes.phone: SMS
    event_mapping:
      task.created: SUPPORT_REQUESTED
      task.completed: SUPPORT_RESOLVED
    debug: false
    log_level: info
    log_api_calls: false
brevo: { api_key: "${BREVO_API_KEY}", base_url: "https://api.brevo.com/v3", max_rps: auto, rate_share: 0.8, max_event_age: 24h }
redis: { url: "unix:///run/redis/redis.sock" }
server: { listen: "127.0.0.1:8080", public_url: "https://hooks.example.com", trusted_proxies: [] }
admin: { listen: "127.0.0.1:9090" }
queue: { dedupe_window: 31d, plugin_wait: 3s, keep_bodies: 0 }
state_dir: /var/lib/flexbrevo
""" % {"sid": ACCOUNT, "hex": ACCOUNT[2:]}


def test_a_complete_file_needs_only_the_variables_of_its_needed_secrets(tmp_path):
    path = write(tmp_path, COMPLETE)
    needed = {"TWILIO_AUTH_TOKEN": "not-to-be-seen-1", "BREVO_API_KEY": "not-to-be-seen-2",
              "TWILIO_API_KEY_SECRET": "not-to-be-seen-3"}
    status, out, err = check("--config", path, env=needed)

    assert (status, err) == (0, "")
    assert '    survey_token: null\n' in out
    assert "# flex_flow_sid: this version has no use for it\n" in out
    assert check("--config", write(tmp_path, out), env=needed) == (0, out, "")
    for name, place in (("TWILIO_AUTH_TOKEN", ":8:17: connectors.twilio_flex.auth_token"),
                        ("TWILIO_API_KEY_SECRET",
                         ":11:21: connectors.twilio_flex.api_key_secret"),
                        ("BREVO_API_KEY", ":29:19: brevo.api_key")):
        rest = {other: value for other, value in needed.items() if other != name}
        assert check("--config", write(tmp_path, COMPLETE), env=rest) == (
            78, "", f"flexbrevo: environment variable {name} is not set: {path}{place} "
                    "(set it, or write the value here)\n")


def test_its_output_is_a_configuration(tmp_path):
    _, first, _ = check()
    status, second, err = check("--config", write(tmp_path, first), env={})

    assert (status, err) == (0, "")
    assert second == first


def test_the_example_works_with_its_variables_set():
    example = harness.ROOT / "deploy" / "flexbrevo.yaml.example"
    _, by_environment, _ = check()
    status, out, err = check("--config", str(example))

    assert (status, err) == (0, "")
    assert out == by_environment  # its values are the defaults


def test_the_example_has_a_line_for_every_event():
    example = (harness.ROOT / "deploy" / "flexbrevo.yaml.example").read_text()
    section = example.partition("# event_mapping:\n")[2].partition("\n\n")[0]
    events = json.loads(check("--json")[1])["config"]["connectors"]["twilio_flex"]["event_mapping"]

    assert re.findall(r"#   ([a-z.]+):", section) == list(events)


def test_the_example_names_the_first_variable_that_is_not_set():
    example = harness.ROOT / "deploy" / "flexbrevo.yaml.example"
    env = {name: value for name, value in ENOUGH.items() if name != "BREVO_API_KEY"}
    status, out, err = check("--config", str(example), env=env)
    lines = example.read_text().splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if text.startswith("  api_key:"))

    assert (status, out) == (78, "")
    assert err == (f"flexbrevo: environment variable BREVO_API_KEY is not set: {example}:{line}:"
                   "12: brevo.api_key (set it, or write the value here)\n")


def test_the_example_is_good_with_every_line_uncommented(tmp_path):
    example = (harness.ROOT / "deploy" / "flexbrevo.yaml.example").read_text()
    entry = r"^( *)# ( *[a-z_.]+:(?: .*)?)$"
    text, uncommented = re.subn(entry, r"\1\2", example, flags=re.M)
    text = re.sub(r"^ *[a-z_]+_file:.*\n", "", text, flags=re.M)  # there are no such files
    text = re.sub(r"^  api_key: .*\n", "", text, flags=re.M)       # brevo.oauth stands for it
    env = {name: value for name, value in ENOUGH.items() if name != "BREVO_API_KEY"}
    status, out, err = check("--config", write(tmp_path, text),
                             env={**env, "BREVO_CLIENT_SECRET": "not-to-be-seen-3",
                                  "TWILIO_API_KEY_SECRET": "not-to-be-seen-4"})

    assert (status, err) == (0, "")
    assert uncommented > 40 and "not-to-be-seen" not in out
    assert '  url: "redis://redis.example.com:6379/0"\n' in out


def test_a_mistake_is_shown_with_its_place(tmp_path):
    path = write(tmp_path, "connectors:\n  twilio_flex:\n    chanels: [voice]\n")

    assert check("--config", path) == (
        78, "", f"flexbrevo: unknown key: {path}:3:5: connectors.twilio_flex.chanels "
                "(did you mean connectors.twilio_flex.channels?)\n")


@pytest.mark.parametrize("command, missing, expected", [
    ("run", "BREVO_API_KEY", "run needs brevo.api_key (set BREVO_API_KEY or BREVO_API_KEY_FILE, "
                             "or use brevo.oauth)"),
    ("serve", "REDIS_URL", "serve needs redis.url "
                           "(set REDIS_URL, or use `run`, which starts its own Redis)"),
    ("work", "REDIS_URL", "work needs redis.url "
                          "(set REDIS_URL, or use `run`, which starts its own Redis)"),
])
def test_no_service_starts_without_what_it_needs(command, missing, expected):
    env = {name: value for name, value in ENOUGH.items() if name != missing}

    assert harness.run_command(command, environment=env) == (78, "", f"flexbrevo: {expected}\n")


def test_a_connector_switched_off_does_not_start_and_check_config_says_so(tmp_path):
    path = write(tmp_path, "connectors: { twilio_flex: { enabled: false } }\n")
    refusal = (78, "", f"flexbrevo: the connector is switched off: {path}: "
                       "connectors.twilio_flex.enabled (set it to true, or do not start the "
                       "service)\n")

    assert check("--config", path) == refusal
    assert harness.run_command("run", "--config", path, environment=ENOUGH) == refusal


def test_keys_lists_every_key_once():
    status, out, err = check("--keys", env={})
    keys = out.split()

    assert (status, err) == (0, "")
    assert len(keys) == len(set(keys))
    assert {"connectors.twilio_flex.auth_token", "connectors.twilio_flex.auth_token_file",
            "redis.url_file", "state_dir"} <= set(keys)


def test_the_documentation_has_every_key():
    assert check_docs() == (0, "", "")


def test_the_documentation_check_notices_a_missing_and_an_invented_key(tmp_path):
    for name in ("docs/config.md", "deploy/flexbrevo.yaml.example"):
        copy = tmp_path / name
        copy.parent.mkdir()
        copy.write_text((harness.ROOT / name).read_text()
                        .replace("`state_dir`", "`stated_ir`").replace("agent:", "agents:"))
    status, out, _ = check_docs(tmp_path)

    assert status == 1
    assert out.splitlines() == [
        "docs/config.md: state_dir is there 0 times",
        "docs/config.md: stated_ir is not a key",
        "deploy/flexbrevo.yaml.example: brevo.agent is there 0 times",
        "deploy/flexbrevo.yaml.example: brevo.agents is not a key",
    ]
