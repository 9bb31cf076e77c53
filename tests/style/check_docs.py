#!/usr/bin/python3
"""Every table in the code has its mirror in the documentation.

    check_docs.py [ROOT]        says what is missing where, exit 1 when anything is

routes -> docs/http-api.md, metrics -> docs/operations.md, commands -> README.md. For the options
there is check_config_docs.py, which asks the program.
"""

import pathlib
import re
import sys


def first(pattern):
    return lambda text: [match.group(1) for match in re.finditer(pattern, text)]


# where the table is, how its names are found, where they must be explained
MIRRORS = (
    ("server/ingest/routes.c", first(r'"(/webhooks/[a-z/-]+)"'), "docs/http-api.md"),
    ("server/service/admin.c", first(r'\{"(/[a-z]+)", answer_'), "docs/http-api.md"),
    ("server/service/admin.c", first(r'"(flexbrevo_[a-z_]+)"'), "docs/operations.md"),
    ("server/ops/metrics.c", first(r'"((?:events|requests|brevo|last|ingest|delivery)_[a-z_]+)"'),
     "docs/operations.md"),
    ("server/main.c", first(r'\{"([a-z-]+)", command_'), "README.md"),
)


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


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[2]
    found = list(missing(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
