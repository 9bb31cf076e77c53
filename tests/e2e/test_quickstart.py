"""deploy/quickstart as a newcomer runs it: three samples, once each, and nothing left behind."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

import harness

pytestmark = [pytest.mark.slow, pytest.mark.time_limit(120)]

QUICKSTART = harness.ROOT / "deploy" / "quickstart"
EVENT = re.compile(r"^Brevo received an event   (\S+)", re.MULTILINE)


class Quickstart:
    """Runs in a directory of its own, on ports of its own, with the binary under test."""

    def __init__(self, directory, *arguments, **environment):
        self.directory = directory
        self.output = directory.parent / "quickstart.out"
        binary = pathlib.Path(harness.BINARY)
        with open(self.output, "ab") as output:
            # As from a terminal: what runs in the background is born deaf to Ctrl-C, tests too.
            self.process = subprocess.Popen(
                ["env", "--default-signal=INT", "/bin/bash", str(QUICKSTART), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env={
                    "PATH": os.environ["PATH"], "FLEXBREVO_QUICKSTART_DIR": str(directory),
                    "FLEXBREVO_BUILD_DIR": str(binary.parent), "FLEXBREVO_LISTEN": "127.0.0.1:0",
                    "FLEXBREVO_ADMIN_LISTEN": "127.0.0.1:0", **environment})

    def text(self):
        return self.output.read_text()

    def wait_for(self, words):
        def look():
            assert self.process.poll() is None, self.text()
            return words in self.text()

        harness.wait_until(look, lambda: f"{words!r} in\n{self.text()}", 90)

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.end(signal.SIGTERM)


@pytest.fixture
def quickstart(tmp_path):
    started = []

    def start(*arguments, **environment):
        started.append(Quickstart(tmp_path / "quickstart", *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        one.close()
    harness.wait_until(lambda: not left_behind(tmp_path), lambda: left_behind(tmp_path))
    for said in tmp_path.glob("quickstart/sandbox.err"):
        assert said.read_text() == ""


def left_behind(directory):
    """Processes that still work in, or were told of, this directory."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            told = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(directory) in told and int(path.name) != os.getpid():
            found.append(f"{path.name}: {told[:200]!r}")
    return found


def test_the_three_samples_arrive_once_each_and_it_ends(quickstart, tmp_path):
    one = quickstart("--once")
    assert one.process.wait(100) == 0, one.text()
    text = one.text()
    assert sorted(EVENT.findall(text)) == [
        "SUPPORT_REQUESTED", "SUPPORT_RESOLVED", "SUPPORT_RESOLVED"]
    assert text.count("Brevo received a contact") == 3
    assert "SEEN BEFORE" not in text
    assert left_behind(tmp_path) == []


def test_ctrl_c_leaves_nothing_running(quickstart, tmp_path):
    one = quickstart()
    one.wait_for("serving until Ctrl-C")
    os.killpg(one.process.pid, signal.SIGINT)       # a terminal sends it to the whole group
    assert one.process.wait(30) == 130, one.text()
    harness.wait_until(lambda: not left_behind(tmp_path), lambda: left_behind(tmp_path))


def test_a_killed_script_leaves_nothing_running_and_starts_again(quickstart, tmp_path):
    one = quickstart()
    one.wait_for("serving until Ctrl-C")
    one.process.kill()
    one.process.wait()
    harness.wait_until(lambda: not left_behind(tmp_path), lambda: left_behind(tmp_path))
    again = quickstart("--once")
    assert again.process.wait(100) == 0, again.text()
    assert len(EVENT.findall(again.text())) == 6 and "SEEN BEFORE" not in again.text()


def test_what_was_pending_is_delivered_at_the_next_start(quickstart, tmp_path):
    one = quickstart()
    one.wait_for("serving until Ctrl-C")
    end_sandbox(one)
    trigger(one)
    one.end(signal.SIGTERM)
    assert len(EVENT.findall(one.text())) == 3
    again = quickstart("--once")
    assert again.process.wait(100) == 0, again.text()
    assert len(EVENT.findall(again.text())) == 3 + 1 + 3
    assert "SEEN BEFORE" not in again.text()


def end_sandbox(one):
    """Brevo goes away: what is sent from now on has to wait."""
    found = [int(line.split(":")[0]) for line in left_behind(one.directory)
             if "brevo_sandbox.py" in line]
    assert len(found) == 1
    os.kill(found[0], signal.SIGTERM)


def trigger(one):
    url = re.search(r"flexbrevo at (http://\S+),", one.text()).group(1)
    secrets = dict(line.split("=") for line in
                   (one.directory / "credentials").read_text().split())
    status, out, err = harness.run_command(
        "trigger", "task.completed", "--source", "taskrouter", "--to", url,
        "--email", "late@example.com", environment={**secrets, "FLEXBREVO_PUBLIC_URL": url})
    assert status == 0, out + err


def test_with_credentials_it_serves_for_real_and_sends_nothing(quickstart, sandbox):
    one = quickstart("--once", BREVO_API_KEY=harness.API_KEY, BREVO_BASE_URL=sandbox.url,
                     TWILIO_ACCOUNT_SID=harness.ACCOUNT_SID, TWILIO_AUTH_TOKEN=harness.AUTH_TOKEN,
                     FLEXBREVO_PUBLIC_URL=harness.PUBLIC_URL)
    assert one.process.wait(100) == 0, one.text()
    assert "serving for real, no samples" in one.text()
    assert "sending" not in one.text() and sandbox.requests() == []
