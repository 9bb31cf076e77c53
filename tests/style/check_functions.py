#!/usr/bin/python3
"""Sizes and habits the compiler and clang-tidy do not keep.

    check_functions.py [ROOT]   says each breach as file:line, exit 1 when there is one

No function over 60 lines, no file over 400, no banned call, headers
guarded by #pragma once, every file opening with what it is.
"""

import pathlib
import re
import sys

FOLDERS = ("mapping", "queue", "server", "tests")
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400

# call -> what to use instead
BANNED = {
    "atoi": "slice_integer()", "atol": "slice_integer()", "strtol": "slice_integer()",
    "strtoul": "slice_integer()", "strtoll": "slice_integer()", "sscanf": "a parser",
    "strcpy": "buffer_add()", "strcat": "buffer_add()", "strncpy": "slice_to_text()",
    "strncat": "buffer_add()", "sprintf": "buffer_addf()", "vsprintf": "buffer_addf()",
    "strtok": "slices", "strtok_r": "slices", "gets": "a bounded read",
    "localtime": "UTC", "localtime_r": "UTC", "gmtime": "timestamp.h",
    "rand": "getrandom()", "srand": "getrandom()", "random": "getrandom()",
    "sleep": "a poll() with a deadline", "usleep": "a poll() with a deadline",
    "system": "posix_spawn()", "popen": "posix_spawn()", "alloca": "a named maximum",
    "tmpnam": "mkstemp()", "mktemp": "mkstemp()",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
NOISE = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
FUNCTION_HEAD = re.compile(r"\)\s*(?:[A-Z_]+(?:\([^()]*\))?\s*)*$")


def without_noise(text):
    """Comments and literals blanked out, line numbers kept."""
    return NOISE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def function_bodies(code):
    """(first line, lines) of each depth-0 block whose head ends in ')'."""
    depth, start, head = 0, 0, 0
    for index, char in enumerate(code):
        if char == "{":
            if depth == 0:
                start = index
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                if FUNCTION_HEAD.search(code[head:start].rstrip()):
                    yield code.count("\n", 0, start) + 1, code.count("\n", start, index) + 1
                head = index + 1
        elif char == ";" and depth == 0:
            head = index + 1


def breaches_in(file, text):
    lines = text.splitlines()
    code = without_noise(text)
    if len(lines) > FILE_LINES_MAX and not is_test(file):
        yield 1, f"{len(lines)} lines: at most {FILE_LINES_MAX}, split it by meaning"
    if not opens_with_title(file, lines):
        yield 1, f"does not open with `/*` and ` * {file.name} - what it is.`"
    if file.suffix == ".h" and "#pragma once" not in lines:
        yield 1, "has no #pragma once"
    for match in () if is_test(file) else CALL.finditer(code):
        name = match.group(1)
        yield code.count("\n", 0, match.start()) + 1, f"{name}() is banned: use {BANNED[name]}"
    for first, count in function_bodies(code):
        if count > FUNCTION_LINES_MAX:
            yield first, f"a function of {count} lines: at most {FUNCTION_LINES_MAX}"


def is_test(file):
    return file.parts[0] == "tests"


def opens_with_title(file, lines):
    return lines[:1] == ["/*"] and len(lines) > 1 and lines[1].startswith(f" * {file.name} - ")


def breaches(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            file = path.relative_to(root)
            for number, reason in breaches_in(file, path.read_text(encoding="utf-8")):
                yield f"{file}:{number}: {reason}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[2]
    found = list(breaches(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
