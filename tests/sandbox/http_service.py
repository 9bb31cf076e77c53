"""A small threaded HTTP/1.1 server with a bounded log and faults on demand.

Both fakes (Brevo, Twilio's IAM) are a Service: they answer a Request with a Reply. What is the
same for both lives here: keep-alive, reading bodies, the log of everything received, faults, and
the control API under /sandbox:

    GET    /sandbox/log             everything received, oldest first (?after=N: only newer)
    POST   /sandbox/faults          {"endpoint": "POST /events", "fault": "close", "count": 3}
    DELETE /sandbox/faults          no more faults
    DELETE /sandbox                 as if just started

Standard library only.
"""

import collections
import dataclasses
import http.server
import json
import signal
import socket
import sys
import threading
import time
import urllib.parse

BODY_MAX = 1024 * 1024
LOG_MAX = 200_000          # entries kept; older ones are dropped and counted
FAULTS_MAX = 64
CONNECTION_IDLE_S = 120
WAIT_MAX_S = 120           # no fault holds a request longer than this


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: object
    raw: bytes

    @property
    def path(self):
        return urllib.parse.urlsplit(self.target).path

    @property
    def queries(self):
        """All values of each name."""
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.target).query)

    @property
    def query(self):
        return {name: values[-1] for name, values in self.queries.items()}

    def json(self):
        return json.loads(self.raw)


@dataclasses.dataclass
class Reply:
    status: int
    body: object = None                 # bytes as they are, else JSON; None: empty
    headers: dict = dataclasses.field(default_factory=dict)
    content_type: str = "application/json"
    notes: dict = dataclasses.field(default_factory=dict)   # for the log, not on the wire

    def payload(self):
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


@dataclasses.dataclass
class Fault:
    """What happens instead of, or before, an answer.

    kind: "status" (answers `status`, the request has no effect), "hang" (takes the request and
    stays silent for `seconds`, then closes), "close" (reads the request and closes), "delay"
    (waits `seconds`, then answers normally). `apply` decides whether a request that is hung up
    on took effect: the ambiguous case a sender cannot tell apart. `having` picks requests with
    this text in their target or body.
    """

    kind: str
    endpoint: str = "*"
    having: str = ""
    count: int = 1                      # requests it hits; -1: until removed
    status: int = 500
    body: object = None
    headers: dict = dataclasses.field(default_factory=dict)
    content_type: str = "application/json"
    seconds: float = 0.0
    apply: bool = False

    def matches(self, request, path):
        method, _, wanted = self.endpoint.rpartition(" ")
        return ((not method or method == request.method) and wanted in ("*", path)
                and (self.having in request.target or self.having.encode() in request.raw))


class Service:
    """Override answer() and, if need be, fault_from() and reset()."""

    prefix = ""                         # what the API's paths start with

    def __init__(self, log_file=None):
        self.lock = threading.RLock()
        self.log = collections.deque(maxlen=LOG_MAX)
        self.logged = 0
        self.faults = []
        self.stopping = threading.Event()
        self.log_file = open(log_file, "a", encoding="utf-8") if log_file else None

    # ---- what the fakes fill in

    def answer(self, request):
        raise NotImplementedError

    def control(self, request):
        """More of the control API; None: no such page."""
        return None

    def fault_from(self, asked):
        kinds = ("status", "hang", "close", "delay")
        if asked.get("fault") not in kinds:
            raise ValueError("fault must be one of " + ", ".join(kinds))
        return fault_of(asked["fault"], asked)

    def reset(self):
        pass

    # ---- the life of one request

    def handle(self, request):
        """Returns a Reply, or None to close the connection without one."""
        if request.path == "/sandbox" or request.path.startswith("/sandbox/"):
            return self._control(request)
        started = time.time()
        fault = self._take_fault(request)
        reply = self._answer_with(fault, request)
        self._remember(request, started, fault, reply)
        if fault is None or fault.kind in ("status", "delay"):
            return reply
        if fault.kind == "hang":
            self.stopping.wait(min(fault.seconds, WAIT_MAX_S))
        return None

    def _answer_with(self, fault, request):
        if fault is None:
            return self.answer(request)
        if fault.kind == "status":
            return Reply(fault.status, fault.body, dict(fault.headers), fault.content_type)
        if fault.kind == "delay":
            self.stopping.wait(min(fault.seconds, WAIT_MAX_S))
            return self.answer(request)
        return self.answer(request) if fault.apply else Reply(0)

    def _take_fault(self, request):
        path = request.path.removeprefix(self.prefix) or "/"
        with self.lock:
            for fault in self.faults:
                if fault.count != 0 and fault.matches(request, path):
                    fault.count -= 1 if fault.count > 0 else 0
                    return fault
        return None

    def _remember(self, request, started, fault, reply):
        with self.lock:
            self.logged += 1
            entry = {
                "n": self.logged,
                "time": started,
                "method": request.method,
                "path": request.target.removeprefix(self.prefix),
                "body": readable(request.raw),
                "status": reply.status,
                "answered": fault is None or fault.kind in ("status", "delay"),
                "fault": fault.kind if fault else None,
                **reply.notes,
            }
            self.log.append(entry)
            if self.log_file:
                self.log_file.write(json.dumps(entry) + "\n")
                self.log_file.flush()

    # ---- control

    def _control(self, request):
        page = (request.method, request.path)
        try:
            if page == ("GET", "/sandbox/log"):
                after = int(request.query.get("after", 0))
                with self.lock:
                    return Reply(200, [e for e in self.log if e["n"] > after])
            if page == ("POST", "/sandbox/faults"):
                return self._add_fault(request.json())
            if page == ("DELETE", "/sandbox/faults"):
                with self.lock:
                    self.faults.clear()
                return Reply(204)
            if page == ("DELETE", "/sandbox"):
                with self.lock:
                    self.faults.clear()
                    self.log.clear()
                    self.reset()
                return Reply(204)
        except (ValueError, TypeError, KeyError) as error:
            return Reply(400, {"error": str(error)})
        return self.control(request) or Reply(404, {"error": "no such page"})

    def _add_fault(self, asked):
        fault = self.fault_from(asked)
        with self.lock:
            self.faults = [f for f in self.faults if f.count != 0]
            if len(self.faults) >= FAULTS_MAX:
                raise ValueError(f"at most {FAULTS_MAX} faults at a time")
            self.faults.append(fault)
        return Reply(204)


def fault_of(kind, asked):
    """A Fault from the members of a control request; unknown members are refused."""
    known = {field.name for field in dataclasses.fields(Fault)} - {"kind"}
    unknown = set(asked) - known - {"fault"}
    if unknown:
        raise ValueError("unknown: " + ", ".join(sorted(unknown)))
    fault = Fault(kind, **{name: asked[name] for name in asked if name in known})
    if isinstance(fault.body, str):
        fault.body = fault.body.encode()
    return fault


def on_end(call):
    """On SIGTERM, and on SIGINT unless whoever started us wants it ignored."""
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: call())


def readable(raw):
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = CONNECTION_IDLE_S
    wbufsize = -1                       # head and body leave in one segment
    disable_nagle_algorithm = True

    def handle_request(self):
        size = self.headers.get("Content-Length", "0")
        if not size.isdigit() or int(size) > BODY_MAX:
            self.close_connection = True
            self.send(Reply(413, {"code": "bad_request", "message": "body too large"}))
            return
        raw = self.rfile.read(int(size))
        if len(raw) < int(size):        # the caller died over it: no request
            self.close_connection = True
            return
        reply = self.server.service.handle(
            Request(self.command, self.path, self.headers, raw))
        if reply is None:
            self.close_connection = True
        else:
            self.send(reply)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request

    def send(self, reply):
        payload = reply.payload()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, str(value))
        if payload:
            self.send_header("Content-Type", reply.content_type)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if reply.status != 204:
            self.wfile.write(payload)
        self.wfile.flush()

    def finish(self):
        """Who hung up over an answer leaves it in wfile, whose close() then fails: the connection is
        closed all the same."""
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.rfile.close()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, service, port=0, host="127.0.0.1"):
        super().__init__((host, port), Handler)
        self.service = service
        self.url = f"http://{host}:{self.server_address[1]}"
        self.open = set()
        self.open_lock = threading.Lock()

    def get_request(self):
        connection, address = super().get_request()
        with self.open_lock:
            self.open.add(connection)
        return connection, address

    def shutdown_request(self, request):
        with self.open_lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        """A caller that hangs up is none of our errors; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def start(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        """For good; see cut()."""
        self.cut()
        if self.service.log_file:
            self.service.log_file.close()

    def cut(self):
        """Ends as a killed server would: open connections are cut. Another one may follow."""
        self.service.stopping.set()
        self.shutdown()
        self.server_close()
        with self.open_lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
