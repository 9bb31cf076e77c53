"""TLS to Redis: refused where it would not be spoken, and through a proxy as it is shipped."""

import shutil
import subprocess

import pytest

import harness
import proxies
import redis_group
from harness import Task

HOST = "redis.example.com"


@pytest.mark.parametrize("command", ["check-config", "run", "serve", "work"])
def test_rediss_is_refused_with_what_to_do(command):
    status, out, err = harness.run_command(command, environment={
        "TWILIO_ACCOUNT_SID": harness.ACCOUNT_SID, "TWILIO_AUTH_TOKEN": harness.AUTH_TOKEN,
        "BREVO_API_KEY": harness.API_KEY, "FLEXBREVO_PUBLIC_URL": harness.PUBLIC_URL,
        "REDIS_URL": f"rediss://me:not-to-be-seen@{HOST}:6380"})
    assert (status, out) == (78, "")
    assert err == ("flexbrevo: not a Redis URL: environment variable REDIS_URL: redis.url (TLS to "
                   "Redis is not in this build: put haproxy or stunnel in between and name its near "
                   "end here, see docs/operations.md)\n")


def make_certificate(directory, host):
    directory.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
        check=True, capture_output=True)
    return directory / "cert.pem"


@pytest.fixture
def tls_redis(tmp_path):
    """A Redis that speaks TLS on its second port."""
    certificate = make_certificate(tmp_path / "certificate", HOST)
    plain, tls_port = redis_group.free_ports(2)
    redis = redis_group.Server(tmp_path / "redis", plain, [
        'save ""', "appendonly yes", "appendfsync always", f"tls-port {tls_port}",
        f"tls-cert-file {certificate}", f"tls-key-file {certificate.parent / 'key.pem'}",
        f"tls-ca-cert-file {certificate}", "tls-auth-clients no"])
    redis.tls_port, redis.certificate = tls_port, certificate
    try:
        yield redis.start()
    finally:
        redis.close()


@pytest.fixture
def tunnel(tmp_path, tls_redis):
    """Starts haproxy with the shipped example; returns its socket as a URL."""
    started = []

    def start(certificate):
        socket, file = tmp_path / "tls.sock", tmp_path / "haproxy.cfg"
        file.write_text(proxies.filled(
            (harness.ROOT / "deploy" / "redis-tls.cfg.example").read_text(),
            ("unix@/run/flexbrevo/redis-tls.sock user flexbrevo", f"unix@{socket}"),
            (f"server redis {HOST}:6380", f"server redis 127.0.0.1:{tls_redis.tls_port}"),
            ("/etc/ssl/certs/ca-certificates.crt", str(certificate))))
        haproxy = shutil.which("haproxy", path=proxies.PATH)
        assert haproxy, "haproxy is not installed"
        started.append(subprocess.Popen(
            [haproxy, "-db", "-f", str(file)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        harness.wait_until(socket.exists, "haproxy's socket")
        return f"unix://{socket}"

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_through_the_shipped_proxy_events_reach_a_redis_that_speaks_tls(
        program, tunnel, tls_redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": tunnel(tls_redis.certificate)},
                                 "queue": {"spool_max": 0}}).start()
    caller, tasks = flexbrevo.caller(), [Task(), Task()]
    assert caller.send(twilio.callback(tasks[0])).status == 204
    sandbox.wait_for_events(1)
    tls_redis.kill()
    assert caller.send(twilio.callback(tasks[1])).status == 503
    tls_redis.start()
    harness.wait_until(lambda: caller.send(twilio.callback(tasks[1])).status == 204, "a 204")
    sandbox.wait_for_events(2)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}


def test_the_shipped_proxy_speaks_to_no_other_redis(tunnel, tmp_path):
    """The certificate is another's: nothing reaches it."""
    url = tunnel(make_certificate(tmp_path / "other", HOST))
    assert harness.run_command("status", environment={"REDIS_URL": url})[0] == 69
