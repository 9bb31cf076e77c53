"""Behind a real nginx with the configuration we ship, TLS included."""

import http.client
import os
import shutil
import socket
import ssl
import subprocess

import harness
import pytest

EXAMPLE = harness.ROOT / "deploy" / "nginx.conf.example"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Nginx:
    """nginx with the shipped server block: only ports, paths of files and ours are filled in."""

    def __init__(self, directory, upstream):
        self.directory = directory
        self.port = free_port()
        self.process = None
        block = EXAMPLE.read_text()
        for old, new in (
                ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                ("/etc/ssl/hooks.example.com/fullchain.pem", str(directory / "cert.pem")),
                ("/etc/ssl/hooks.example.com/privkey.pem", str(directory / "key.pem")),
                ("http://127.0.0.1:8080", upstream)):
            assert block.count(old) == 1, f"{EXAMPLE.name} has no {old}"
            block = block.replace(old, new)
        temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (directory / "nginx.conf").write_text(
            f"daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\n"
            f"error_log {directory}/error.log;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{block}}}\n")

    def start(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
             "-subj", "/CN=hooks.example.com", "-keyout", self.directory / "key.pem",
             "-out", self.directory / "cert.pem"], check=True, capture_output=True)
        self.process = subprocess.Popen(
            [shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-p", self.directory,
             "-c", self.directory / "nginx.conf"], stderr=subprocess.DEVNULL)
        harness.wait_until(self.answers, lambda: (self.directory / "error.log").read_text())
        return self

    def answers(self):
        with socket.socket() as peer:
            return peer.connect_ex(("127.0.0.1", self.port)) == 0

    def post(self, webhook):
        context = ssl.create_default_context(cafile=self.directory / "cert.pem")
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
        connection.request("POST", webhook.path, webhook.body, webhook.headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def nginx(flexbrevo, tmp_path):
    directory = tmp_path / "nginx"
    directory.mkdir()
    nginx = Nginx(directory, flexbrevo.url).start()
    yield nginx
    nginx.stop()


def test_every_route_verifies_through_the_proxy(nginx, twilio, sandbox):
    tasks = [harness.Task() for _ in range(3)]
    assert nginx.post(twilio.callback(tasks[0])) == 204
    assert nginx.post(twilio.stream(tasks[1])) == 204
    assert nginx.post(twilio.plugin(tasks[2])) == 202
    sandbox.wait_for_events(3)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}


@pytest.mark.parametrize("query", [
    "?a=1&b=2", "?b=2&a=1&a=1", "?q=a%20b+c%2Bd", "?q=%27quoted%27", "?q=it's", "?q=%C3%A9",
    "?empty=&flag", "?path=%2Fa%2f..%2Fb", "?percent=%25"])
def test_the_target_reaches_us_byte_for_byte(nginx, twilio, query):
    task = harness.Task()
    webhook = twilio.form(task.callback("task.created"), "/webhooks/taskrouter" + query)
    assert nginx.post(webhook) == 204


def test_a_token_of_6_kb_passes(nginx, twilio, iam):
    task = harness.Task()
    webhook = twilio.plugin(task, token="")
    webhook.headers["Authorization"] = "Bearer " + "x" * 6000
    assert nginx.post(webhook) == 403  # asked, and called invalid: not cut off on the way
    assert iam.calls() == 1


def test_a_signature_for_another_url_is_refused_here_too(nginx, flexbrevo):
    elsewhere = harness.Twilio(public_url="https://elsewhere.example.com")
    assert nginx.post(elsewhere.callback(harness.Task())) == 403
