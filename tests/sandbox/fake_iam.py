#!/usr/bin/python3
"""Twilio's token validation, as a Flex UI plugin's posts need it.

    POST /v1/Accounts/{AccountSid}/Tokens/validate   Basic AccountSid:AuthToken   {"token": "..."}

A token says itself what it is: `eyJ...valid.<worker SID>` is that worker's, anything else is not
valid. flex_token() makes them. Faults and the log are http_service.py's; beside its own (hang,
delay, ...) there are unauthorized (401, code 20003), limited (429), server_error, garbage (no
JSON), oversized, expired (valid, until a time that has passed) and undated (valid, until nobody
says when).
"""

import argparse
import base64
import os
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import http_service  # noqa: E402
from http_service import Reply  # noqa: E402

PATH = re.compile(r"/v1/Accounts/(AC[0-9a-f]{32})/Tokens/validate")
VALID = {"valid": True, "code": 0, "message": None, "realm_user_id": "agent@example.com",
         "identity": "agent_40example_2Ecom", "roles": ["agent"]}
UNAUTHORIZED = {"code": 20003, "message": "Authenticate", "status": 401,
                "more_info": "https://www.twilio.com/docs/errors/20003"}
FAULTS = {
    "unauthorized": {"status": 401, "body": UNAUTHORIZED},
    "limited": {"status": 429, "headers": {"Retry-After": "20"}, "body": {"code": 20429}},
    "server_error": {"status": 500, "body": {}},
    "garbage": {"status": 200, "body": "<html>back soon</html>", "content_type": "text/html"},
    "oversized": {"status": 200, "body": {**VALID, "padding": "x" * 100_000}},
    "expired": {"status": 200, "body": {**VALID, "expiration": "2020-01-01T00:00:00.000Z"}},
    "undated": {"status": 200, "body": VALID},
}
WORKER = re.compile(r"\.valid\.(WK[0-9a-f]{32})$")


def flex_token(worker_sid):
    """A token the fake takes for a session of this worker."""
    return f"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.valid.{worker_sid}"


class Iam(http_service.Service):
    def __init__(self, account_sid, auth_token, log_file=None):
        super().__init__(log_file)
        self.account_sid = account_sid
        self.basic = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()

    def answer(self, request):
        match = PATH.fullmatch(request.path)
        if request.method != "POST" or not match:
            return Reply(404, {"code": 20404, "message": "not found", "status": 404})
        if match.group(1) != self.account_sid or \
                request.headers.get("Authorization") != self.basic:
            return Reply(401, UNAUTHORIZED)
        try:
            token = request.json()["token"]
        except (ValueError, KeyError, TypeError):
            return Reply(400, {"code": 20001, "message": "token is missing", "status": 400})
        worker = WORKER.search(token) if isinstance(token, str) else None
        if worker is None:
            return Reply(200, {"valid": False, "code": 30002, "message": "token is not valid"})
        return Reply(200, {**VALID, "expiration": "2099-01-01T08:00:00.000Z",
                           "worker_sid": worker.group(1)})

    def fault_from(self, asked):
        named = FAULTS.get(asked.get("fault"))
        if named is None:
            return super().fault_from(asked)
        return http_service.fault_of("status", {**named, **asked})


def main():
    parser = argparse.ArgumentParser(description="Twilio's token validation, faked")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--account-sid", required=True)
    parser.add_argument("--auth-token", required=True)
    args = parser.parse_args()
    ended = threading.Event()
    http_service.on_end(ended.set)
    server = http_service.Server(Iam(args.account_sid, args.auth_token), args.port).start()
    print(f"listening on {server.url}", flush=True)
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
