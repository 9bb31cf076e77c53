#!/usr/bin/python3
"""Every table in the code has its mirror in the documentation.

    check_docs.py [ROOT]        says what is missing where, exit 1 when anything is

routes -> docs/http-api.md, types -> docs/events.md, metrics -> docs/operations.md,
commands -> README.md, reasons -> `explain`. Links lead somewhere. The tables of reasons in
docs/operations.md list exactly those in the code, and so does the filter of `parked`. The tests
that docs/reliability.md and docs/pitfalls.md name exist, and no pitfall is without one, or without
the reason why. For the options there is check_config_docs.py, which asks the program, and for the
statuses of the endpoints tests/e2e/test_endpoint_table.py, which asks the server.
"""

import pathlib
import re
import sys


def first(pattern):
    return lambda text: [match.group(1) for match in re.finditer(pattern, text)]


def every(pattern):
    """Each name in quotes within what the pattern finds."""
    return lambda text: [name for found in re.findall(pattern, text)
                         for name in re.findall(REASON, found)]


# where the table is, how its names are found, where they must be explained
MIRRORS = (
    ("server/ingest/routes.c", first(r'"(/webhooks/[a-z/-]+)"'), "docs/http-api.md"),
    ("server/service/admin.c", first(r'\{"(/[a-z]+)", answer_'), "docs/http-api.md"),
    ("server/service/admin.c", first(r'"(flexbrevo_[a-z_]+)"'), "docs/operations.md"),
    ("server/service/report_metrics.c", first(r'"(flexbrevo_[a-z_]+)"'), "docs/operations.md"),
    ("mapping/analytics.c", first(r'ANALYTICS_(?:HAND|ABANDONED|SHORT|UNS|CANC)[A-Z]*\] = "([a-z]+)"'),
     "docs/operations.md"),
    ("server/ops/metrics.c", first(r'"((?:events|requests|config|brevo|last|ingest|delivery|connections|signatures|redis|spool|spooled)_[a-z_]+)"'),
     "docs/operations.md"),
    ("server/ingest/routes.c", first(r'\.code = "([a-z_]+)"'), "docs/http-api.md"),
    ("mapping/event.h", first(r"#define (EVENT_REASON_\w+)"), "server/cli/explain.c"),
    ("mapping/ticket.h", first(r"#define (TICKET_REASON_\w+)"), "server/cli/explain.c"),
    ("mapping/twilio_type.c", first(r'\{(?:TASKROUTER\()?"([a-z-]+\.[a-z.-]+)"'), "docs/events.md"),
    ("mapping/customer.c", first(r'\[CUSTOMER_E_\w+\] = "([a-z_]+)"'), "server/cli/explain.c"),
    ("server/cli/cmd_audit.c", first(r'\{"([a-z_]+)",\s+"'), "docs/cli.md"),
    ("server/main.c", first(r'\{"([a-z-]+)", command_'), "README.md"),
)

REASON = r'"([a-z_]+)"'
PARKED = "(?:UNPARSEABLE|UNRESOLVED|BAD_SCORE)"  # of EVENT_REASON_*: the others filter

# heading in docs/operations.md, and where in the code the reasons of its table are
REASONS = {
    "Why a request was refused": (
        # what a bad or missing proof lacks is said more exactly than by its code
        ("server/ingest/routes.c", first(r'\.code = "(?!unauthorized|forbidden|proxy_fault|signature)([a-z_]+)"')),
        ("server/ingest/call_*.c", first("call->reason = " + REASON)),
        ("server/net/http_head.c", first(r"\{\d{3}, " + REASON)),
        ("server/net/http.c", first(r"\.code = " + REASON)),
        ("server/proof/verify.c", first(r"\[VERIFY_E_\w+\] = " + REASON)),
    ),
    "What Redis lacks": (
        ("server/service/redis_health.c", first(r"\[QUEUE_WEAK_\w+\] = \{\{" + REASON)),
        ("server/service/redis_watch.c", first(r"set_degraded\(" + REASON)),
    ),
    "Why deliveries are paused": (
        ("server/deliver/brevo_causes.c", first(rf"\.name = {REASON},\s*\.remedy")),
        ("server/deliver/brevo.h", first(rf"#define BREVO_AWAY {REASON}")),
        ("server/deliver/pause.h", first(rf"#define PAUSE_OPERATOR {REASON}")),
    ),
    "Tokens": (
        ("server/deliver/brevo_token.c", first(r"\[BREVO_TOKEN_(?!FINE)\w+\] = \{" + REASON)),
    ),
    "Why a record waits": (
        ("server/deliver/*.c", every(r"job_(?:delay|retry|shelve|wait)\(\s*job, ([^;]+);")),
        ("server/deliver/brevo.c", first(rf"\bretry\(&?verdict, \w+, \w+, {REASON}")),
        ("server/deliver/brevo.c", first(rf"BREVO_RETRY;\s*verdict->reason = {REASON}")),
        ("mapping/ticket.h", first(r"#define TICKET_WAIT_\w+\s+" + REASON)),
        ("mapping/event.h", first(rf"#define EVENT_REASON_UNRESOLVED[\s\\]+{REASON}")),
    ),
    "Why a record was filtered": (
        ("server/deliver/*.c", first(r"job_filter\(job, " + REASON)),
        ("server/deliver/job.h", first(rf"#define JOB_REASON_SHADOW {REASON}")),
        ("mapping/event.h", first(rf"#define EVENT_REASON_(?!{PARKED}\b)\w+[\s\\]+{REASON}")),
        ("mapping/ticket.h", first(r"#define TICKET_REASON_\w+\s+" + REASON)),
        ("mapping/customer.c", first(r"\[CUSTOMER_E_\w+\] = " + REASON)),
    ),
    "Why a record was parked": (
        ("server/deliver/*.c", first(r"job_park\(job, " + REASON)),
        ("server/deliver/brevo.c", every(r"BREVO_(?:PARK|DROP);\s*verdict->reason =([^;]+);")),
        ("mapping/event.h", first(rf"#define EVENT_REASON_{PARKED}[\s\\]+{REASON}")),
    ),
}


# where tests are named as `folder/file.py::test`, and must be there
TESTS_NAMED_IN = ("docs/reliability.md", "docs/pitfalls.md")
PITFALLS = {"Brevo": 20, "Twilio": 27}


# rows of docs/mapping.md, and the array of mapping/customer.c that has their places
PLACES = {"a customer": "stated", "an inbound customer": "callers",
          "an outbound customer": "called"}


def is_explained(name, text):
    """By its full name, or shortened the way a list of siblings is: `_delivered`."""
    tail = "_" + name.rpartition("_")[2]
    return any(word in text for word in (name, f"`{tail}`"))


def missing(root):
    for source, names_of, document in MIRRORS:
        names = names_of((root / source).read_text(encoding="utf-8"))
        if not names:
            yield f"{source}: no names found, check_docs.py no longer fits it"
        path = root / document
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for name in names:
            if not is_explained(name, text):
                yield f"{document}: {name} of {source} is missing"


def table_names(text, heading):
    """The words in the first column of the table under a heading."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [name for cell in re.findall(r"^\| (`[^|]+) \|", section, re.M)
            for name in re.findall(r"`([a-z_]+)`", cell)]


def wrong_reasons(root):
    text = (root / "docs/operations.md").read_text(encoding="utf-8")
    for heading, places in REASONS.items():
        known = {}
        for place, names_of in places:
            found = {name: path.relative_to(root) for path in sorted(root.glob(place))
                     for name in names_of(path.read_text(encoding="utf-8"))}
            if not found:
                yield f"{place}: no reasons found, check_docs.py no longer fits it"
            known |= found
        told = table_names(text, heading)
        for name in known.keys() - set(told):
            yield f"docs/operations.md: {heading}: {name} of {known[name]} is missing"
        for name in told:
            if name not in known or told.count(name) > 1:
                yield f"docs/operations.md: {heading}: {name} is in no code, or here twice"


def places_in_code(root):
    """What is looked for where, as the table in docs/mapping.md names it: lists of places."""
    customer = (root / "mapping/customer.c").read_text(encoding="utf-8")
    profile = (root / "mapping/profile.c").read_text(encoding="utf-8")
    for of, array in PLACES.items():
        listed = re.search(rf"\b{array}\[\w*\] = \{{(.*?)\}};", customer, re.S)
        yield of, re.findall(r'"([\w.]+)"', listed.group(1)) if listed else []
    for path, places in re.findall(
            r'\{\.path = "(\w+)",\s+\.sources = \{([^}]*)\}', profile):
        yield f"field `{path}`", re.findall(r'"([\w.]+)"', places)


def wrong_places(root):
    """A customer's and the profile fields', each and in their order."""
    text = (root / "docs/mapping.md").read_text(encoding="utf-8")
    section = text.partition("\n# Customers:")[2].partition("\n**Another place")[0]
    told = {of: re.findall(r"`([\w.]+)`", places)
            for of, places in re.findall(r"^\| ([^|]+) \| (`[^|]+) \|$", section, re.M)}
    known = dict(places_in_code(root))
    for of in known.keys() | told.keys():
        if told.get(of) != known.get(of) or not known.get(of):
            yield f"docs/mapping.md: places of {of}: {told.get(of)}, in the code {known.get(of)}"


def unlisted_reasons(root):
    """Those a filter of `parked` takes are those a record is parked for."""
    source = "server/cli/parked_filter.c"
    listed = re.search(r"reasons\[\] = \{(.*?)\};", (root / source).read_text(encoding="utf-8"),
                       re.S)
    told = table_names((root / "docs/operations.md").read_text(encoding="utf-8"),
                       "Why a record was parked")
    for name in sorted(set(re.findall(REASON, listed[1])) ^ set(told)):
        yield f"{source}: {name} is here and not in docs/operations.md, or the other way round"


def anchors(text):
    """What GitHub makes of each heading."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, re.M)}


def dead_links(root):
    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            file, _, anchor = link.partition("#")
            target = path.parent / file if file else path
            if not target.exists():
                yield f"{path.relative_to(root)}: {link}: there is no such file"
            elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
                yield f"{path.relative_to(root)}: {link}: there is no such heading"


def unknown_tests(root):
    """These name the test that shows each promise: `folder/file.py::test`."""
    for document in TESTS_NAMED_IN:
        text = (root / document).read_text(encoding="utf-8")
        for name, test in re.findall(r"`([\w/]+\.(?:py|c))(?:::(\w+))?`", text):
            found = [path for path in (root / "tests").rglob(pathlib.Path(name).name)
                     if path.as_posix().endswith("/" + name)]
            if not any(defines(path, test) for path in found):
                yield f"{document}: {name}::{test}: there is no such test"


def defines(path, test):
    """Whether the file has that test; any file will do for none in particular."""
    text = path.read_text(encoding="utf-8")
    return not test or re.search(rf"^(?: *def )?{test}\(", text, re.M) is not None


def open_pitfalls(root):
    """Each vendor's are there, in their order, with a test or why none can be."""
    text = (root / "docs/pitfalls.md").read_text(encoding="utf-8")
    for vendor, count in PITFALLS.items():
        section = text.partition(f"## {vendor}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (\d+) \|[^|]+\|([^|]+)\|([^|]+)\|$", section, re.M)
        if [int(number) for number, _, _ in rows] != list(range(1, count + 1)):
            yield f"docs/pitfalls.md: {vendor}: not the rows 1 to {count}"
        for number, here, tests in rows:
            if "::" not in tests and "cannot apply: " not in here:
                yield f"docs/pitfalls.md: {vendor} {number}: neither a test nor why there is none"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[2]
    found = [*missing(root), *wrong_reasons(root), *unlisted_reasons(root),
             *wrong_places(root), *dead_links(root),
             *unknown_tests(root), *open_pitfalls(root)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
