#!/usr/bin/python3
"""Every configuration key has its row in docs/config.md and its line in the example file.

    check_config_docs.py FLEXBREVO [ROOT]      says what is missing where, exit 1 when anything is

The keys come from the program itself: `flexbrevo check-config --keys`. The example's commented
lines are read as if they were not, so a key counts only where it stands in the right section;
and nothing may be explained that does not exist. A row of docs/config.md with <source> in it
stands for the keys of every source that has one.
"""

import pathlib
import re
import subprocess
import sys

MAPS = ("field_mapping", "event_mapping")  # their entries are free


def keys_of(program):
    listed = subprocess.run([program, "check-config", "--keys"], check=True,
                            stdout=subprocess.PIPE, text=True, timeout=30)
    return listed.stdout.split()


def documented_keys(text, keys):
    """The first column of the tables: | `brevo.api_key` | ..."""
    for name in re.findall(r"^\| `([a-z0-9_.<>-]+)` \|", text, re.M):
        pattern = re.escape(name).replace("<source>", "[a-z-]+")
        yield from [key for key in keys if re.fullmatch(pattern, key)] or [name]


def example_keys(text):
    """Dotted keys, by indentation; {a: 1, b: 2} on one line counts for a and b."""
    sections = []  # (indentation, name)
    for line in text.splitlines():
        entry = re.match(r"( *)(?:# ?)?( *)([a-z0-9_-]+):(?: +(.*))?$", line)
        if not entry or re.match(r"[A-Z]", (entry[4] or "")[:1]) and sections and \
                sections[-1][1] in MAPS:
            continue
        indentation = len(entry[1]) + len(entry[2])
        while sections and sections[-1][0] >= indentation:
            sections.pop()
        if sections and sections[-1][1] in MAPS:
            continue
        path = ".".join([name for _, name in sections] + [entry[3]])
        sections.append((indentation, entry[3]))
        inner = re.match(r"\{(.*)\}", entry[4] or "")
        if inner:
            yield from (f"{path}.{name}" for name in re.findall(r"([a-z0-9_]+):", inner[1]))
        else:
            yield path


def differences(keys, found, where, sections=()):
    for key in keys:
        if found.count(key) != 1:
            yield f"{where}: {key} is there {found.count(key)} times"
    for key in found:
        if key not in keys and key not in sections:
            yield f"{where}: {key} is not a key"


def sections_of(keys):
    return {key[:match.start()] for key in keys for match in re.finditer(r"\.", key)}


def main():
    program = sys.argv[1]
    root = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else \
        pathlib.Path(__file__).resolve().parents[2]
    keys = keys_of(program)
    document = (root / "docs/config.md").read_text(encoding="utf-8")
    example = (root / "deploy/flexbrevo.yaml.example").read_text(encoding="utf-8")
    found = list(differences(keys, list(documented_keys(document, keys)), "docs/config.md"))
    found += differences(keys, list(example_keys(example)), "deploy/flexbrevo.yaml.example",
                         sections_of(keys))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
