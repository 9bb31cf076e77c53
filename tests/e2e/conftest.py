"""Fixtures of the end-to-end tests; see harness.py."""

import contextlib
import http.server
import os
import pathlib
import sys
import threading

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "sandbox"))

import harness  # noqa: E402

TEST_TIMEOUT_S = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "time_limit(seconds): instead of 60 s")
    config.addinivalue_line("markers", "slow: minutes; not part of a quick run")
    config.addinivalue_line("markers", "alone: measures; no other test at the same time")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test, its fixtures included, runs longer than its limit."""
    mark = item.get_closest_marker("time_limit")
    limit_s = mark.args[0] if mark else TEST_TIMEOUT_S
    with harness.time_limit(limit_s):
        yield


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not os.access(harness.BINARY, os.X_OK):
        pytest.exit(f"{harness.BINARY} is missing: build it, or set FLEXBREVO_BIN", 2)


@pytest.fixture
def sandbox():
    sandbox = harness.Sandbox().start()
    yield sandbox
    sandbox.stop()
    sandbox.check()


@pytest.fixture
def iam():
    iam = harness.Iam()
    yield iam
    iam.close()


@pytest.fixture
def twilio():
    return harness.Twilio()


@pytest.fixture
def redis(tmp_path):
    redis = harness.Redis(tmp_path / "redis").start()
    yield redis
    redis.close()


@pytest.fixture
def config(sandbox, iam, tmp_path):
    """A configuration that works; tests change what they are about."""
    return {
        "connectors": {"twilio_flex": {
            "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
            "auth_token": harness.AUTH_TOKEN, "iam_url": iam.url,
            "lists": {"support_contacts": 32, "csat_respondents": 33}}},
        "brevo": {"api_key": harness.API_KEY, "base_url": sandbox.url,
                  "max_rps": 1000, "rate_share": 1, "lookup_after": "0"},
        "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
        "admin": {"listen": "127.0.0.1:0"},
        "queue": {"plugin_wait": "1s"},
        "ticket": dict(harness.NO_WAITS),
        "identity": dict(harness.NO_SEEKING),
        "csat": {"settle": "0"},
        "state_dir": str(tmp_path / "state"),
    }


@pytest.fixture
def program(config, tmp_path):
    """Makes programs (not started) that are ended, and their logs checked, after the test."""
    with contextlib.ExitStack() as made:    # ends all of them, whichever fails to end well
        def make(command="run", changes=None, environment=None):
            changed = merged(config, changes or {})
            one = harness.Flexbrevo(tmp_path, changed, command, environment)
            made.callback(one.close)
            return one

        yield make


@pytest.fixture
def flexbrevo(program):
    """`flexbrevo run` with the embedded Redis, ready."""
    return program().start()


@pytest.fixture
def caller(flexbrevo):
    return flexbrevo.caller()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the program's log."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and "tmp_path" in getattr(item, "funcargs", {}):
        for log in sorted(item.funcargs["tmp_path"].glob("*.log")):
            report.sections.append((log.name, log.read_text(errors="replace")[-6000:]))


def merged(old, new):
    """`new` laid over `old`, member by member; None removes."""
    result = dict(old)
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result.get(name, {}), value)
        else:
            result[name] = value
    return result


@pytest.fixture
def recorder():
    """A server that takes everything; its `bodies` are what was posted."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.server.signatures.append(self.headers["X-Twilio-Signature"])
            self.server.posts.append((self.path, self.headers))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.bodies, server.signatures, server.posts = [], [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
