#!/usr/bin/python3
"""Who may include whom: server -> queue -> mapping, never back; in server/ each room only those
below it; and one home per library.

    check_layers.py [ROOT]      says each breach as file:line, exit 1 when there is one
"""

import pathlib
import re
import sys

# What a file of each folder may include in quotes.
MAY_INCLUDE = {
    "mapping": re.compile(r"mapping/"),
    "queue": re.compile(r"queue/|mapping/(base|fact)\.h$|scripts\.h$"),
    "server": re.compile(r"server/|queue/|mapping/"),
}

# The rooms of server/ beside its own that a room may include; main.c stands above all.
ROOMS_BELOW = {
    "ops": set(),
    "net": {"ops"},
    "config": {"net", "ops"},
    "proof": {"config", "net", "ops"},
    "ingest": {"proof", "config", "net", "ops"},
    "deliver": {"config", "net", "ops"},
    "service": {"ingest", "proof", "deliver", "config", "net", "ops"},
    "cli": {"service", "ingest", "proof", "deliver", "config", "net", "ops"},
}

# The only files that know a library.
HOMES = {
    "microhttpd.h": {"server/net/http.c", "server/net/http_response.c"},
    "curl/": {"server/net/http_client.c", "server/net/http_transfer.c"},
    "openssl/": {"server/proof/verify.c", "server/proof/verify_digest.c",
                 "server/ingest/seal.c", "server/ops/sha256.c"},
    "hiredis/": {"queue/redis.c"},
    "sqlite3.h": {"queue/spool_db.h"},
    "yaml.h": {"server/config/config_yaml.c"},
}

# mapping/ is pure and queue/ carries opaque bytes: what they would need to be otherwise.
FORBIDDEN = {
    "mapping": re.compile(r"sys/|pthread|unistd|signal|fcntl|poll|netdb|arpa/|syslog|threads\.h"),
    "queue": re.compile(r"jansson|syslog|pthread"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def sources(root):
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob("*.[ch]")):
            yield path.relative_to(root)


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def room_breach_of(file, included):
    """The same for the rooms of server/."""
    room, other = file.parts[1], pathlib.PurePath(included).parts[1:2]
    if file.parts[0] != "server" or room not in ROOMS_BELOW or not included.startswith("server/"):
        return None
    if other[0] in ROOMS_BELOW and other[0] not in ROOMS_BELOW[room] | {room}:
        return f"server/{room}/ may use only the rooms below it"
    return None


def breach_of(file, kind, included):
    """Why this include is not allowed, or None."""
    folder = file.parts[0]
    if kind == '"':
        if not MAY_INCLUDE[folder].match(included):
            return f"{folder}/ may not include it (server -> queue -> mapping, never back)"
        return room_breach_of(file, included)
    if folder in FORBIDDEN and FORBIDDEN[folder].match(included):
        return f"{folder}/ has no use for it"
    for library, homes in HOMES.items():
        if included.startswith(library) and file.as_posix() not in homes:
            return f"its home is {', '.join(sorted(homes))}"
    return None


def breaches(root):
    for file in sources(root):
        for number, kind, included in includes(root / file):
            reason = breach_of(file, kind, included)
            if reason:
                yield f'{file}:{number}: includes {included}: {reason}'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[2]
    found = list(breaches(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
