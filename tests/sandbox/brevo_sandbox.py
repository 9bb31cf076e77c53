#!/usr/bin/python3
"""A Brevo to practise on: its documented API, rules, errors and rate limits, on this machine.

    brevo_sandbox.py [--port N] [--rps N] [--batch-rps N] [--api-key KEY]
                     [--client ID:SECRET] [--log-file F [--restore]] [--pretty]

prints `listening on http://127.0.0.1:PORT/v3` and serves until it is ended. Beside the API (under
/v3) there is a control API without a key, see http_service.py; here it also has

    GET /sandbox/contacts, /sandbox/events, /sandbox/violations
    GET /sandbox/calls                  {"POST /events": how many, ...}
    GET /sandbox/described              how many calls were held against the API's description

and these faults by name: ip_blocked, key_revoked, forbidden, payment, rate_limited ("reset": N,
or without: no header), html_524, empty_500, object_500; and late_events ("seconds": N), until faults
are deleted: GET /events shows what was taken so much later. SIGUSR1 takes the sandbox away: nobody can
connect to it, until SIGUSR2 brings the same account back at the same place.

Every request, one that meets a fault too, is held against the published description of the API where
that lies at hand (brevo_schema.py): what does not fit it is a violation. Violations are told again
on standard error in the end.
"""

import argparse
import collections
import json
import os
import queue
import re
import signal
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import brevo_schema  # noqa: E402
import brevo_tokens  # noqa: E402
import http_service  # noqa: E402
from brevo_account import Account, Refused  # noqa: E402
from http_service import Reply  # noqa: E402

OTHER_PER_HOUR = 100        # everything that is neither POST /events nor /contacts/...
UNLIMITED = 1_000_000       # what the headers say with --rps 0

HTML_524 = b"<!DOCTYPE html><html><head><title>524: A timeout occurred</title></head></html>"
IP_BLOCKED = ("We have detected you are using an unrecognised IP address 203.0.113.9. If you "
              "performed this action make sure to add the new IP address in this link: "
              "https://app.brevo.com/security/authorised_ips")


def error(status, code, message, **more):
    return {"status": status, "body": {"code": code, "message": message}, **more}


LATE_EVENTS = "late_events"
NAMED_FAULTS = {
    "ip_blocked": error(401, "unauthorized", IP_BLOCKED),
    "key_revoked": error(401, "unauthorized", "Key not found"),
    "forbidden": error(403, "permission_denied", "permission denied"),
    "payment": error(402, "not_enough_credits", "not enough credits"),
    "rate_limited": error(429, "too_many_requests", "rate limit exceeded"),
    "html_524": {"status": 524, "body": HTML_524, "content_type": "text/html"},
    "empty_500": {"status": 500},
    "object_500": {"status": 500, "body": {}},
}


class Bucket:
    """So many requests a window, counted from the window's start."""

    def __init__(self, limit, window_s):
        self.limit = limit
        self.window_s = window_s
        self.start = float("-inf")
        self.used = 0

    def take(self, now):
        """(allowed, headers)."""
        if now - self.start >= self.window_s:
            self.start, self.used = now, 0
        allowed = self.used < self.limit
        self.used += 1 if allowed else 0
        return allowed, {
            "x-sib-ratelimit-limit": self.limit,
            "x-sib-ratelimit-remaining": self.limit - self.used,
            "x-sib-ratelimit-reset": max(1, round(self.start + self.window_s - now)),
        }


class Brevo(http_service.Service):
    prefix = "/v3"

    def __init__(self, rps=10, api_key=None, log_file=None, pretty=None, batch_rps=0):
        super().__init__(log_file)
        self.rps = rps
        self.batch_rps = batch_rps
        self.api_key = api_key
        self.pretty = pretty or (lambda line: None)
        self.tokens = None          # brevo_tokens.Tokens: gives and takes tokens beside the key
        self.said = set()
        self.reset()

    def reset(self):
        limit, other = (self.rps, OTHER_PER_HOUR) if self.rps else (UNLIMITED, UNLIMITED)
        self.account = Account()
        self.calls = collections.Counter()
        self.described = 0
        self.buckets = {
            "events": Bucket(limit, 1),
            "contacts": Bucket(limit, 1),
            "other": Bucket(other, 3600),
        }
        self.buckets["batches"] = Bucket(self.batch_rps, 1) if self.batch_rps \
            else self.buckets["other"]

    # ---- the API

    def handle(self, request):
        if request.path.startswith(self.prefix + "/"):
            self._hold_against_description(request)
        return super().handle(request)

    def _hold_against_description(self, request):
        description = brevo_schema.described()
        if description is None:
            return
        problem = description.problem(
            request.method, request.target.removeprefix(self.prefix), request.raw)
        with self.lock:
            self.described += 1
            if problem:
                self.account.violation(problem)

    def answer(self, request):
        with self.lock:
            if request.path == brevo_tokens.PATH and self.tokens is not None:
                return self.tokens.answer(request)
            self.calls[endpoint_of(request)] += 1
            self.account.late_s = max(
                (fault.seconds for fault in self.faults if fault.kind == LATE_EVENTS), default=0)
            allowed, headers = self.buckets[bucket_of(request)].take(time.monotonic())
            try:
                self._check_key(request)
                if not allowed:
                    raise Refused(429, "too_many_requests", "rate limit exceeded")
                status, body, notes = self._route(request)
            except Refused as refused:
                return Reply(refused.status, refused.body, headers)
            if request.method == "POST":
                self._say(request)
            return Reply(status, body, headers, notes=notes)

    def _check_key(self, request):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind == "Bearer" and self.tokens is not None:
            if not self.tokens.accepts(token):
                raise Refused(401, "unauthorized", "token is invalid or has expired")
            return
        key = request.headers.get("api-key")
        if not key:
            raise Refused(401, "unauthorized", "authentication not found in headers")
        if self.api_key is not None and key != self.api_key:
            raise Refused(401, "unauthorized", "Key not found")

    def _route(self, request):
        if not request.path.startswith("/v3/"):
            raise Refused(404, "document_not_found", "no such path")
        path, other_method = request.path[3:], False
        for method, pattern, call in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                arguments = [urllib.parse.unquote(part) for part in match.groups()]
                try:
                    return call(self.account, request, *arguments)
                except ValueError as problem:      # a query's number that is none
                    raise Refused(400, "invalid_parameter", str(problem)) from problem
            other_method = other_method or match is not None
        if other_method:
            raise Refused(405, "method_not_allowed", "method not allowed")
        raise Refused(404, "document_not_found", "no such path")

    def fault_from(self, asked):
        if asked.get("fault") == LATE_EVENTS:       # hits no request
            return http_service.fault_of(LATE_EVENTS, {**asked, "endpoint": "-", "count": -1})
        named = NAMED_FAULTS.get(asked.get("fault"))
        if named is None:
            return super().fault_from(asked)
        asked = dict(asked)
        reset = asked.pop("reset", None)
        fault = http_service.fault_of("status", {**named, **asked})
        if reset is not None:
            fault.headers = {"x-sib-ratelimit-limit": 10, "x-sib-ratelimit-remaining": 0,
                             "x-sib-ratelimit-reset": reset}
        return fault

    def control(self, request):
        pages = {
            "/sandbox/contacts": lambda: list(self.account.contacts.values()),
            "/sandbox/events": lambda: self.account.events,
            "/sandbox/violations": lambda: self.account.violations,
            "/sandbox/calls": lambda: self.calls,
            "/sandbox/described": lambda: self.described,
        }
        if request.method != "GET" or request.path not in pages:
            return None
        with self.lock:
            # encoded under the lock: other threads go on changing what the page shows
            return Reply(200, json.dumps(pages[request.path]()).encode())

    # ---- what a person wants to see

    def _say(self, request):
        path = request.path[3:]
        if path == "/contacts":
            text = describe_contact(request.json())
            who = text.partition("  ")[0]
            self.pretty(("Brevo received more of   " if who in self.said
                         else "Brevo received a contact  ") + text)
            self.said.add(who)
        elif path == "/events":
            self._say_event(request.json())

    def _say_event(self, event):
        properties = event.get("event_properties", {})
        key = (event["event_name"], properties.get("source_event_id"))
        again = "  SEEN BEFORE" if key in self.said else ""
        self.said.add(key)
        self.pretty("Brevo received an event   " + describe_event(event) + again)

    def restore(self, path):
        """Applies what an earlier sandbox accepted, so that it is the same account again."""
        pretty, self.pretty = self.pretty, lambda line: None
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                self._apply(line)
        self.pretty = pretty

    def _apply(self, line):
        try:
            entry = json.loads(line)
        except ValueError:
            return                      # cut short when the earlier sandbox was killed
        if entry.get("status") in (201, 202, 204, 207):
            request = http_service.Request(entry["method"], "/v3" + entry["path"],
                                           {"Content-Type": "application/json"},
                                           json.dumps(entry["body"]).encode())
            try:
                self._route(request)
            except Refused:
                return
            if request.method == "POST":
                self._say(request)


def bucket_of(request):
    """Only these have 10 a second; all else shares 100 an hour, maybe batches, too: nobody says."""
    path = request.path[3:]
    if request.method == "POST" and path in ("/events", "/events/batch"):
        return "events" if path == "/events" else "batches"
    return "contacts" if path == "/contacts" or path.startswith("/contacts/") else "other"


def endpoint_of(request):
    """"GET /contacts/{}", whichever contact it is."""
    path = request.path[3:]
    pattern = next((pattern for method, pattern, _ in ROUTES
                    if method == request.method and re.fullmatch(pattern, path)), path)
    return request.method + " " + re.sub(r"\([^)]*\)", "{}", pattern)


def json_body(request):
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "bad_request", "Content-Type should be application/json")
    try:
        return request.json()
    except ValueError:
        raise Refused(400, "bad_request", "the body is not valid JSON") from None


def show_account():
    return 200, {
        "email": "owner@example.com", "companyName": "Example", "firstName": "Sam",
        "lastName": "Example", "organization_id": "sandbox", "user_id": 1, "enterprise": False,
        "address": {"street": "1 Example Street", "city": "Paris", "zipCode": "75001",
                    "country": "France"},
        "plan": [{"type": "free", "credits": 300, "creditsType": "sendLimit"}],
        "relay": {"enabled": False, "data": {}},
        "marketingAutomation": {"enabled": True},
    }, {}


ROUTES = (
    ("POST", "/contacts", lambda a, r: a.create_contact(json_body(r))),
    ("GET", "/contacts/attributes", lambda a, r: a.list_attributes()),
    ("POST", "/contacts/attributes/([^/]+)/([^/]+)",
        lambda a, r, category, name: a.create_attribute(category, name, json_body(r))),
    ("GET", "/contacts/lists", lambda a, r: a.show_lists(r.query)),
    ("GET", "/contacts/lists/([0-9]+)", lambda a, r, number: a.show_list(int(number))),
    ("POST", "/contacts/lists", lambda a, r: a.create_list(json_body(r))),
    ("POST", "/contacts/lists/([0-9]+)/contacts/add",
        lambda a, r, number: a.add_to_list(int(number), json_body(r))),
    ("GET", "/contacts/([^/]+)", lambda a, r, identifier: (
        200, a.show_contact(a.find_contact(identifier, r.query.get("identifierType"))), {})),
    ("PUT", "/contacts/([^/]+)", lambda a, r, identifier: a.update_contact(
        identifier, r.query.get("identifierType"), json_body(r))),
    ("POST", "/events", lambda a, r: a.create_event(json_body(r))),
    ("POST", "/events/batch", lambda a, r: a.create_events(r.raw, json_body(r))),
    ("GET", "/events", lambda a, r: a.list_events(r.queries)),
    ("GET", "/account", lambda a, r: show_account()),
)


def describe_contact(body):
    attributes = dict(body.get("attributes", {}))
    who = body.get("email") or body.get("ext_id") or attributes.get("SMS") or \
        attributes.get("WHATSAPP", "")
    more = [f"{name}={value}" for name, value in attributes.items() if value != who]
    more += [f"list={number}" for number in body.get("listIds", [])]
    return "  ".join([who] + more)


def describe_event(body):
    shown = ("ticket", "channel", "queue", "duration_s", "reason")
    properties = body.get("event_properties", {})
    more = [f"{name}={properties[name]}" for name in shown if name in properties]
    who = ", ".join(str(value) for value in body["identifiers"].values())
    return "  ".join([body["event_name"], who, body.get("event_date", "")] + more)


def arguments():
    parser = argparse.ArgumentParser(description="a Brevo to practise on")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--rps", type=int, default=10,
                        help="requests a second, for events and for contacts each; 0: no limits")
    parser.add_argument("--batch-rps", type=int, default=0,
                        help="batches of events a second; 0: as all else, 100 an hour")
    parser.add_argument("--api-key", help="the only key that is right (else: any)")
    parser.add_argument("--client", metavar="ID:SECRET",
                        help="a client that is given tokens, at " + brevo_tokens.PATH)
    parser.add_argument("--log-file", help="appends what is received, as JSON lines")
    parser.add_argument("--restore", action="store_true",
                        help="begins with what the log file says was accepted")
    parser.add_argument("--pretty", action="store_true",
                        help="prints contacts and events as they are accepted")
    return parser.parse_args()


def serve(brevo, port, orders):
    """Until it is ordered to end."""
    server = http_service.Server(brevo, port).start()
    print(f"listening on {server.url}/v3", flush=True)
    while (order := orders.get()) != "end":
        if order == "away" and server is not None:
            port = server.server_address[1]
            server.cut()
            server = None
        elif order == "back" and server is None:
            brevo.stopping.clear()
            server = http_service.Server(brevo, port).start()
    if server is not None:
        server.stop()


def main():
    args = arguments()
    orders = queue.SimpleQueue()
    http_service.on_end(lambda: orders.put("end"))
    signal.signal(signal.SIGUSR1, lambda *_: orders.put("away"))
    signal.signal(signal.SIGUSR2, lambda *_: orders.put("back"))
    pretty = (lambda line: print(line, flush=True)) if args.pretty else None
    brevo = Brevo(args.rps, args.api_key, args.log_file, pretty, args.batch_rps)
    if args.client:
        brevo.tokens = brevo_tokens.Tokens(*args.client.split(":", 1))
    if args.restore and args.log_file:
        brevo.restore(args.log_file)
    serve(brevo, args.port, orders)
    print(*brevo.account.violations, sep="\n", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
