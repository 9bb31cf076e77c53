"""Brevo's token endpoint (RFC 6749, client credentials) and the tokens it gave.

Tokens begin as JWTs do and are as long, so that one in a log is noticed and none fits where a key
does. They live `life_s` and say so, unless `told_s` says something else.
"""

import base64
import secrets
import time
import urllib.parse

from http_service import Reply

PATH = "/realms/partner/oauth/token"
SCOPES = frozenset({"contacts:read", "contacts:write", "events:read", "events:write"})
LENGTH = 1500


class Tokens:
    def __init__(self, client_id, client_secret, life_s=3600.0):
        self.client_id = client_id
        self.client_secret = client_secret
        self.scopes = SCOPES
        self.life_s = life_s
        self.told_s = None
        self.given = {}                 # token: when it ends
        self.count = 0

    def revoke(self):
        """All that were given."""
        self.given.clear()

    def accepts(self, token):
        return self.given.get(token, 0) > time.monotonic()

    def answer(self, request):
        form = urllib.parse.parse_qs(request.raw.decode(), keep_blank_values=True)
        kind = request.headers.get("Content-Type", "").partition(";")[0]
        if request.method != "POST" or kind != "application/x-www-form-urlencoded":
            return refused(400, "invalid_request")
        if self._client(request) != (self.client_id, self.client_secret):
            return refused(401, "invalid_client", {"WWW-Authenticate": "Basic"})
        if form.get("grant_type") != ["client_credentials"]:
            return refused(400, "unsupported_grant_type")
        if not form.get("scope") or not set(form["scope"][0].split(" ")) <= self.scopes:
            return refused(400, "invalid_scope")
        return Reply(200, self._give(form["scope"][0]), {"Cache-Control": "no-store"})

    @staticmethod
    def _client(request):
        """Basic authentication of values that are encoded as a form's are."""
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return None
        user, _, password = base64.b64decode(coded).decode().partition(":")
        return urllib.parse.unquote_plus(user), urllib.parse.unquote_plus(password)

    def _give(self, scope):
        token = "eyJ" + secrets.token_urlsafe(LENGTH)
        self.given[token] = time.monotonic() + self.life_s
        self.count += 1
        return {"access_token": token, "token_type": "Bearer", "scope": scope,
                "expires_in": self.life_s if self.told_s is None else self.told_s}


def refused(status, error, headers=None):
    return Reply(status, {"error": error, "error_description": "the sandbox refuses it"},
                 headers or {})
