"""What each endpoint answers in each situation: every cell of the table in docs/http-api.md.

`pytest -s` prints the table as it was observed; FLEXBREVO_TABLE=FILE writes it to a file. A cell
stands for every way its caller could have sent the request: all of them get that answer.
"""

import contextlib
import dataclasses
import os
import pathlib
import sys
import time

import pytest
import redis as redis_client

import doors
import harness
from doors import DOORS, FORM, JSON, PLUGIN, STREAMS, SURVEY, ways
from harness import Task, Twilio
from test_overload import OVERLOAD, Sent

MIB = 1024 * 1024
TRIES = 5
WAITED_S = 1.5          # longer than a request may have to wait, shorter than it would
BODY_MAX = 4 * MIB
ANSWER_S = 3                    # Twilio's shortest patience is 5 s: answer or refuse by then
TWILIOS_ADDRESS = "35.90.102.130"
NOT_APPLICABLE = "–"
DOCUMENT = harness.ROOT / "docs" / "http-api.md"
HEADING = "## What each endpoint answers"


# ---- the servers

@dataclasses.dataclass
class Stand:
    """A server without a worker: what is in its Redis came from requests."""

    flexbrevo: harness.Flexbrevo
    redis: harness.Redis
    press: object = None        # brings an overload about, which passes by itself

    def send(self, webhook, method="POST"):
        caller = harness.Caller(self.flexbrevo.url, ANSWER_S)
        try:
            return caller.send(webhook, method)
        finally:
            caller.close()

    def ask_redis(self):
        return contextlib.closing(redis_client.Redis(unix_socket_path=str(self.redis.socket)))

    def redis_state(self):
        """Every key, and how often a record was looked for: what a request could have left.

        Only storing asks EXISTS. The process itself says now and then that it is a witness.
        """
        with self.ask_redis() as asked:
            looks = asked.info("commandstats").get("cmdstat_exists", {}).get("calls", 0)
            keys = asked.scan_iter(count=10000)
            return {key for key in keys if not key.endswith(b":witnesses")}, looks

    def records(self):
        return {key for key in self.redis_state()[0] if b":r:" in key}


@contextlib.contextmanager
def standing(directory, **server):
    with contextlib.ExitStack() as made:
        iam = harness.Iam()
        made.callback(iam.close)
        redis = harness.Redis(directory / "redis").start()
        made.callback(redis.close)
        config = doors.serve_config(
            redis.url, iam.url, directory, trusted_proxies=["127.0.0.0/8"], **server)
        config["queue"] = {"spool_max": 0}  # "away" means: nothing else is there
        flexbrevo = harness.Flexbrevo(directory, config, "serve")
        made.callback(flexbrevo.close)
        yield Stand(flexbrevo.start(), redis)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    with standing(tmp_path_factory.mktemp("healthy")) as stand:
        yield stand


@pytest.fixture(scope="module")
def without_redis(tmp_path_factory):
    with standing(tmp_path_factory.mktemp("without_redis")) as stand:
        stand.redis.kill()
        yield stand


def routes(value, *without):
    """The configuration of every route but some."""
    return {door.source: value for door in DOORS if door not in without}


@pytest.fixture(scope="module")
def with_basic_auth(tmp_path_factory):
    guarded = routes({"basic_auth": "twilio:s3cret-s3cret"}, PLUGIN, SURVEY)
    with standing(tmp_path_factory.mktemp("with_basic_auth"), routes=guarded) as stand:
        yield stand


@pytest.fixture(scope="module")
def with_allow_from(tmp_path_factory):
    guarded = routes({"allow_from": ["192.0.2.0/24"]}, PLUGIN)
    with standing(tmp_path_factory.mktemp("with_allow_from"), routes=guarded) as stand:
        yield stand


@pytest.fixture(scope="module")
def slowed(tmp_path_factory):
    with standing(tmp_path_factory.mktemp("slowed")) as stand:
        yield stand


@pytest.fixture
def overloaded(slowed):
    """Redis stores nothing for a while (it can be looked at), and 32 MiB wait for it.

    The agent is known before: it is not about a slow IAM, which would be a 429, too. It is over
    with the first answer that comes too late: then Redis is away, which is said otherwise.
    """
    twilio = Twilio()
    batch = twilio.stream(Task(attributes={"long": "a" * (BODY_MAX - MIB // 8)}))

    with slowed.ask_redis() as asked:
        def press():
            asked.client_unpause()
            harness.wait_until(lambda: slowed.send(twilio.plugin(Task())).status ==
                               PLUGIN.success, "a server at rest")
            asked.client_pause(60 * 1000, all=False)
            for _ in range(10):
                Sent(slowed.flexbrevo, batch)
            time.sleep(WAITED_S)

        try:
            yield dataclasses.replace(slowed, press=press)
        finally:
            asked.client_unpause()


# ---- the situations: what is sent, by name of each way to send it

def duplicates(door):
    """Sent once already when the cell is looked at."""
    return ways(door)


def unmapped(door):
    return {kind: doors.signed(door, kind, door.unknown()) for kind in door.kinds if door.unknown}


def unproved(door):
    return {kind: doors.plain(door, kind) for kind in door.kinds}


def but_not_by_basic_auth(door):
    """Signed, and none or another one than this route asks for."""
    if door in (PLUGIN, SURVEY):
        return {}
    found = {name: doors.signed(door, door.kinds[0]) for name in ("none", "another")}
    found["another"].headers |= doors.basic("guessed", "twilio")
    return found


def from_another_address(door):
    return {kind: doors.signed(door, kind) for kind in door.kinds if door is not PLUGIN}


def unproved_by_our_proxy(door):
    return {kind: doors.plain(door, kind, **{"X-Forwarded-For": TWILIOS_ADDRESS})
            for kind in door.kinds}


def malformed(door):
    found = {kind: doors.signed(door, kind) for kind in door.kinds}
    for webhook in found.values():
        webhook.headers["X-Twilio-Signature"] = "bm8gc2lnbmF0dXJl"
    return found


def mismatching(door):
    strangers = {"another token": Twilio(token="0" * 32),
                 "another URL": Twilio(public_url="https://other.example.com")}
    return {f"{kind}, {name}": doors.signed(door, kind, twilio=stranger)
            for kind in door.kinds for name, stranger in strangers.items()}


def without_hash(door):
    """The JSON signed as if it were no part of the request."""
    if JSON not in door.kinds:
        return {}
    twilio = Twilio()
    signature = twilio.validator.compute_signature(twilio.public_url + door.path, {})
    return {JSON: doors.plain(door, JSON, **{"X-Twilio-Signature": signature})}


def with_another_hash(door):
    if JSON not in door.kinds:
        return {}
    webhook = doors.signed(door, JSON)
    webhook.body += b" "
    return {JSON: webhook}


def with_bad_token(door):
    found = {}
    for kind in door.kinds:
        if door is PLUGIN:
            found |= doors.by_flex_token(kind, "eyJhbGci.expired")
            found[f"{kind}, another agent's"] = doors.plain(
                door, kind, **doors.bearer(doors.flex_token(harness.sid("WK"))))
        if door is SURVEY:
            found |= doors.by_survey_token(kind, "not-the-token")
    return found


def unparseable(door):
    if door is PLUGIN:
        token = doors.bearer(doors.flex_token())
        return {JSON: doors.plain(door, JSON, b"{", **token),
                "no task": doors.plain(door, JSON, b"{}", **token),
                FORM: doors.plain(door, FORM, b"a=1", **token)}
    broken = {FORM: {"a": "1"}, JSON: b'[{"type": "cut sho'}
    return {kind: doors.signed(door, kind, broken[kind]) for kind in door.kinds}


def oversized(door):
    found = ways(door)
    for webhook in found.values():
        webhook.body += b" " * BODY_MAX
    return found


def of_another_type(door):
    found = {}
    for name in ("multipart/form-data; boundary=x", "text/plain", ""):
        found[name] = doors.signed(door, door.kinds[0])
        found[name].headers["Content-Type"] = name
    for kind in {FORM, JSON} - set(door.kinds):
        found[kind] = doors.signed(door, door.kinds[0])
        found[kind].headers["Content-Type"] = doors.TYPES[kind]
    found["gzip"] = doors.signed(door, door.kinds[0])
    found["gzip"].headers["Content-Encoding"] = "gzip"
    return found


def elsewhere(door):
    webhook = doors.signed(door, door.kinds[0])
    return {end: dataclasses.replace(webhook, path=door.path + end) for end in ("/", "x", "/x")}


# ---- the table

@dataclasses.dataclass(frozen=True)
class Situation:
    name: str
    requests: object
    statuses: tuple             # of DOORS, in their order
    code: str = ""
    codes: tuple = ()           # (source, code) where another one is told
    stand: str = "healthy"
    methods: tuple = ("POST",)

    def expected(self, door):
        """Status and code; None where the situation cannot be."""
        status = self.statuses[DOORS.index(door)]
        return None if status is None else (status, dict(self.codes).get(door.source, self.code))

    def code_text(self):
        more = [f"{doors.BY_SOURCE[source].title}: `{code}`" for source, code in self.codes if code]
        return "; ".join([f"`{self.code}`"] * bool(self.code) + more)


SUCCESS = tuple(door.success for door in DOORS)
# in the order of DOORS: task-complete, interactions, survey, taskrouter, event-streams,
# conversations, messaging
SITUATIONS = (
    Situation("valid: stored", ways, SUCCESS),
    Situation("a duplicate", duplicates, SUCCESS),
    Situation("valid, of a type that is not mapped", unmapped,
              (None, 204, None, 204, 204, 200, 204)),
    Situation("nothing proves the sender", unproved, (401, 403, 403, 403, 403, 403, 403),
              "unauthorized"),
    Situation("the same, but our own proxy was called from Twilio's addresses",
              unproved_by_our_proxy, (401, 403, 403, 403, 503, 403, 403),
              "unauthorized", (("event-streams", "proxy_fault"),)),
    Situation("a malformed signature", malformed, (403,) * 7, "forbidden"),
    Situation("a well-formed signature that matches no token and URL", mismatching,
              (403, 403, 403, 403, 503, 403, 403), "signature_mismatch"),
    Situation("JSON signed without `bodySHA256`", without_hash,
              (403, None, 403, None, 403, None, None), "forbidden"),
    Situation("`bodySHA256` of another body", with_another_hash,
              (403, None, 403, None, 403, None, None), "forbidden"),
    Situation("a token that is not valid", with_bad_token,
              (403, None, 403, None, None, None, None), "forbidden"),
    Situation("a right signature, but not the route's `basic_auth`", but_not_by_basic_auth,
              (None, 403, None, 403, 503, 403, 403), "basic_auth", stand="with_basic_auth"),
    Situation("an address outside the route's `allow_from`", from_another_address,
              (None, 403, 403, 403, 503, 403, 403), "source_address", stand="with_allow_from"),
    Situation("proved, but not to be parsed", unparseable,
              (400, 204, 204, 204, 204, 200, 204), "", (("flex-plugin", "unparseable"),)),
    Situation("larger than 4 MiB", oversized, (413, 413, 413, 413, 503, 413, 413), "too_large"),
    Situation("another content type, or an encoding", of_another_type,
              (415, 415, 415, 415, 503, 415, 415), "unsupported_media_type"),
    Situation("Redis and the local spool are away", ways,
              (429, 503, 503, 503, 503, 503, 503), "unavailable", stand="without_redis"),
    Situation("overload: Redis or the spool's disk is slow; no memory for the body", ways,
              (429, 503, 503, 503, 503, 503, 503), "unavailable", stand="overloaded"),
    Situation("another method", unproved, (405,) * 7, "method_not_allowed",
              methods=("GET", "PUT", "DELETE", "PATCH")),
    Situation("`OPTIONS`", unproved, (204, 405, 405, 405, 405, 405, 405), "method_not_allowed",
              (("flex-plugin", ""),), methods=("OPTIONS",)),
    Situation("another path below it", elsewhere, (404,) * 7, "not_found"),
)
CELLS = [(situation, door) for situation in SITUATIONS for door in DOORS]


def cell(situation, door):
    """An overload is a matter of time: none comes about where others keep the machine busy."""
    marks = [pytest.mark.alone] if situation.stand == "overloaded" else []
    return pytest.param(situation, door, id=f"{situation.name}-{door.title}", marks=marks)


def table(status_text):
    """The table as docs/http-api.md has it; `status_text(situation, door)` fills a cell."""
    rows = [["situation", "`code`", *(f"`{door.title}`" for door in DOORS)],
            ["---"] * (2 + len(DOORS))]
    for situation in SITUATIONS:
        rows.append([situation.name, situation.code_text(),
                     *(status_text(situation, door) for door in DOORS)])
    return ["| " + " | ".join(row) + " |" for row in rows]


def expected_text(situation, door):
    expected = situation.expected(door)
    return str(expected[0]) if expected else NOT_APPLICABLE


@pytest.fixture(scope="module")
def observed():
    """{(situation, door): status}: printed when all is over."""
    found = {}
    yield found
    text = "\n".join(table(lambda situation, door: found.get((situation.name, door.title), "?")))
    sys.stdout.write(f"\n\n{text}\n")
    if os.environ.get("FLEXBREVO_TABLE"):
        pathlib.Path(os.environ["FLEXBREVO_TABLE"]).write_text(text + "\n")


# ---- what holds in a cell

def check_headers(door, answer, method):
    """What must be there with every answer of this status, whatever the situation."""
    headers = answer.headers
    if door is PLUGIN and answer.status != 404:
        assert headers["Access-Control-Allow-Origin"] == doors.ORIGIN
        assert "Origin" in headers["Vary"]
    else:
        assert headers["Access-Control-Allow-Origin"] is None
    assert headers["Allow"] == (
        door.allow if answer.status == 405 or method == "OPTIONS" else None)
    if answer.status == 429:
        assert int(headers["Retry-After"]) > 0
    if door.source == "taskrouter" and answer.status == 204:
        assert headers["Content-Type"] == "application/json"


def check_answer(door, answer, expected, method):
    status, code = expected
    assert answer.status == status, answer.body
    check_headers(door, answer, method)
    if status < 300:
        assert answer.body == b""
        return
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.error()
    assert set(error) == {"code", "message"} and error["message"]
    assert error["code"] == code


@pytest.mark.parametrize("situation, door", [cell(*each) for each in CELLS])
def test_cell(situation, door, request, observed):
    expected = situation.expected(door)
    requests = situation.requests(door)
    if expected is None:
        assert not requests
        observed[situation.name, door.title] = NOT_APPLICABLE
        return
    assert requests
    stand = request.getfixturevalue(situation.stand)
    for webhook in requests.values():
        for method in situation.methods:
            answer = check_way(stand, situation, door, webhook, method)
            check_answer(door, answer, expected, method)
    observed[situation.name, door.title] = str(answer.status)


def check_way(stand, situation, door, webhook, method):
    """Sends one request and looks at what it left in Redis."""
    if situation.stand == "without_redis":
        return stand.send(webhook, method)
    if situation.requests is duplicates:
        assert stand.send(webhook).status == door.success
    for _ in range(TRIES):
        if stand.press:
            stand.press()
        refused = stand.flexbrevo.metric(OVERLOAD % door.source)    # metrics() asks Redis, too
        before, looks = stand.redis_state()
        answer = stand.send(webhook, method)
        after, looks_after = stand.redis_state()
        new = after - before
        refused = stand.flexbrevo.metric(OVERLOAD % door.source) - refused
        if refused > 0 or not stand.press:
            break
    assert (refused > 0) == (situation.stand == "overloaded")
    if answer.status >= 300 or method == "OPTIONS":
        assert (after, looks_after) == (before, looks)      # not stored, not even looked up
    elif situation.requests is ways:
        assert len([key for key in new if b":r:" in key]) == 1
        assert looks_after > looks
    elif situation.requests is unparseable:
        record, = (key for key in new if b":r:" in key)
        assert f":r:raw/{door.source}/".encode() in record
    else:
        assert after == before
    return answer


# ---- what is no cell

def test_the_right_basic_auth_makes_a_lost_signature_our_proxys_fault(with_basic_auth):
    """Event Streams shows it with each request: who knows it was called by Twilio."""
    for password, status in (("s3cret-s3cret", 503), ("guessed", 403)):
        webhook = doors.plain(STREAMS, JSON, **doors.basic(password, "twilio"))
        assert with_basic_auth.send(webhook).status == status
    assert with_basic_auth.records() == set()
    webhook = doors.signed(STREAMS, JSON)
    webhook.headers |= doors.basic("s3cret-s3cret", "twilio")
    assert with_basic_auth.send(webhook).status == 204


def test_every_answer_to_a_strangers_page_lacks_the_headers_that_would_let_it_read(healthy):
    for webhook, status in ((doors.plain(PLUGIN, JSON), 401), (doors.signed(PLUGIN, JSON), 202)):
        webhook.headers["Origin"] = "https://evil.example.org"
        answer = healthy.send(webhook)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_what_was_refused_while_redis_was_away_is_not_stored_later(without_redis):
    for door in DOORS:
        assert without_redis.send(doors.signed(door, door.kinds[0])).status in (429, 503)
    without_redis.redis.start()
    harness.wait_until(without_redis.flexbrevo.is_ready, "readiness")
    assert without_redis.records() == set()
    for door in DOORS:
        assert without_redis.send(doors.signed(door, door.kinds[0])).status == door.success
    assert len(without_redis.records()) == len(DOORS)


def documented():
    lines = DOCUMENT.read_text().partition(HEADING + "\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| situation"))
    end = next(number for number, line in enumerate(lines[start:], start) if not line.startswith("|"))
    return lines[start:end]


def test_the_documents_table_is_what_is_asserted_here():
    def squeezed(lines):
        return [[cell.strip().strip("-") for cell in line.split("|")] for line in lines]

    assert squeezed(documented()) == squeezed(table(expected_text))
