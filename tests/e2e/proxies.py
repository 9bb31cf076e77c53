"""Real TLS proxies with the configurations in deploy/, and who calls through them.

    NGINX, HAPROXY, CADDY   which file each takes and what a test fills in
    Proxy                   one of them, started on a port of its own, ended by process id
    Tap                     stands between proxy and flexbrevo: counts connections, keeps the bytes
    http2                   curl, for HTTP/2
"""

import dataclasses
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.parse

import harness

HOST = urllib.parse.urlsplit(harness.PUBLIC_URL).hostname
CERTIFICATES = f"/etc/ssl/{HOST}"
PATH = os.environ["PATH"] + ":/usr/sbin"
UPSTREAM = "127.0.0.1:8080"
CONNECT_TIMEOUT_S = 10


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    example: str        # in deploy/
    listen: tuple       # what stands in the example, what a test puts there
    around: str         # what a whole configuration needs besides
    command: tuple
    repeats: bool       # sends a request again when a kept connection ended under it


NGINX = Kind(
    "nginx", "nginx.conf.example",
    ("listen 443 ssl", "listen 127.0.0.1:{port} ssl"),
    "daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\n"
    "error_log {directory}/nginx.log;\nevents {{}}\nhttp {{\naccess_log off;\n"
    "client_body_temp_path {directory}/body;\nproxy_temp_path {directory}/proxy;\n"
    "fastcgi_temp_path {directory}/fastcgi;\nuwsgi_temp_path {directory}/uwsgi;\n"
    "scgi_temp_path {directory}/scgi;\n{example}}}\n",
    ("nginx", "-p", "{directory}", "-e", "{directory}/nginx.log", "-c", "{file}"),
    repeats=True)

HAPROXY = Kind(
    "haproxy", "haproxy.cfg.example",
    ("bind :443 ssl", "bind 127.0.0.1:{port} ssl"),
    "{example}",
    ("haproxy", "-db", "-f", "{file}"),
    repeats=True)

CADDY = Kind(
    "caddy", "Caddyfile.example",
    (f"\n{HOST} {{\n", f"\nhttps://{HOST}:{{port}} {{{{\n\tbind 127.0.0.1\n"),
    "{{\n\tadmin off\n\tauto_https off\n}}\n{example}",
    ("caddy", "run", "--adapter", "caddyfile", "--config", "{file}"),
    repeats=False)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def filled(text, *replacements):
    """Each old text stands there exactly once: the example is used as it is shipped."""
    for old, new in replacements:
        assert text.count(old) == 1, f"{text.count(old)} times in the example: {old}"
        text = text.replace(old, new)
    return text


class Proxy:
    def __init__(self, kind, directory, upstream):
        self.kind = kind
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.port = free_port()
        self.certificate = self.directory / "fullchain.pem"
        self.file = self.directory / "proxy.conf"
        self.log = self.directory / f"{kind.name}.log"
        self.process = None
        example = filled(
            (harness.ROOT / "deploy" / kind.example).read_text(),
            (kind.listen[0], kind.listen[1].format(port=self.port)),
            (UPSTREAM, urllib.parse.urlsplit(upstream).netloc)
        ).replace(CERTIFICATES, str(self.directory))
        self.file.write_text(kind.around.format(directory=self.directory, example=example))

    def start(self):
        self.make_certificate()
        command = [part.format(directory=self.directory, file=self.file)
                   for part in self.kind.command]
        command[0] = shutil.which(command[0], path=PATH)
        assert command[0], f"{self.kind.name} is not installed"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": PATH, "HOME": str(self.directory)})
        harness.wait_until(self.answers, lambda: self.log.read_text(errors="replace"))
        return self

    def make_certificate(self):
        key = self.directory / "privkey.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "1",
             "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
             "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        both = self.certificate.read_bytes() + key.read_bytes()
        (self.directory / "with-key.pem").write_bytes(both)

    def answers(self):
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        with socket.socket() as peer:
            return peer.connect_ex(("127.0.0.1", self.port)) == 0

    def caller(self, source="127.0.0.1"):
        return Caller(self, source)

    def post(self, webhook):
        with self.caller() as caller:
            return caller.send_webhook(webhook)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Caller(http.client.HTTPSConnection):
    """One connection, which trusts this proxy's certificate for the public name and no other."""

    def __init__(self, proxy, source):
        super().__init__(HOST, timeout=CONNECT_TIMEOUT_S)
        self.trust = ssl.create_default_context(cafile=proxy.certificate)
        self.address = ("127.0.0.1", proxy.port)
        self.source = (source, 0)

    def connect(self):
        plain = socket.create_connection(self.address, CONNECT_TIMEOUT_S, self.source)
        self.sock = self.trust.wrap_socket(plain, server_hostname=HOST)

    def send_webhook(self, webhook):
        self.putrequest("POST", webhook.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.heads(webhook):
            self.putheader(name, value)
        self.endheaders(webhook.body)
        answer = self.getresponse()
        return harness.Answer(answer.status, answer.headers, answer.read())

    @staticmethod
    def heads(webhook):
        headers = {"Host": HOST, "Content-Length": str(len(webhook.body)), **webhook.headers}
        return headers.items()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def http2(proxy, webhook, directory, with_length=True):
    """(HTTP version, status) of a request sent by curl; without a length the body is a stream."""
    body = pathlib.Path(directory) / "body"
    body.write_bytes(webhook.body)
    headers = {"Host": HOST, "Expect": "", **webhook.headers}
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--http2", "--path-as-is", "--globoff",
         "--cacert", proxy.certificate, "--resolve", f"{HOST}:{proxy.port}:127.0.0.1",
         "--output", pathlib.Path(directory) / "answer", "--request", "POST",
         "--write-out", "%{http_version} %{response_code}",
         *(part for name, value in headers.items() for part in ("--header", f"{name}: {value}")),
         *(("--data-binary", f"@{body}") if with_length else ("--upload-file", "-")),
         f"https://{HOST}:{proxy.port}{webhook.path}"],
        input=webhook.body, capture_output=True, timeout=20)
    assert done.returncode == 0, done.stderr
    version, status = done.stdout.decode().split()
    return version, int(status)


class Tap:
    """Passes bytes on between a proxy and flexbrevo, and remembers what came from the proxy."""

    def __init__(self, upstream):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = []       # bytes from the proxy, one entry for each connection
        self.open = []
        self.cuts = 0               # used connections that shall still end under a request
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def requests(self):
        with self.lock:
            return b"".join(self.connections)

    def cut_next(self):
        with self.lock:
            self.cuts = 1

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for peer in self.open:
                peer.close()

    def _accept(self):
        while True:
            try:
                front = self.listener.accept()[0]
            except OSError:
                return
            back = socket.create_connection(self.upstream)
            with self.lock:
                number = len(self.connections)
                self.connections.append(b"")
                self.open += [front, back]
            threading.Thread(target=self._up, args=(front, back, number), daemon=True).start()
            threading.Thread(target=self._down, args=(front, back), daemon=True).start()

    def _up(self, front, back, number):
        try:
            while data := front.recv(65536):
                if self._is_cut(number):
                    break
                with self.lock:     # before the answer can be there
                    self.connections[number] += data
                back.sendall(data)
        except OSError:
            pass
        end(front, back)

    def _is_cut(self, number):
        with self.lock:
            if self.cuts == 0 or not self.connections[number]:
                return False
            self.cuts -= 1
            return True

    @staticmethod
    def _down(front, back):
        try:
            while data := back.recv(65536):
                front.sendall(data)
        except OSError:
            pass
        end(front, back)


def end(*peers):
    for peer in peers:
        try:
            peer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
