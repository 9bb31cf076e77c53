#!/usr/bin/env python3
"""Turns the Lua scripts into C constants: embed.py OUTPUT GUARD SCRIPT...

Each scripts/<name>.lua becomes script_<name>_text, behind the guard, without comments and
indentation, and script_<name>_sha, the digest EVALSHA knows it by. Only whole-line comments are
known here.
"""

import hashlib
import pathlib
import sys

LINE_BYTES = 24


def strip(source):
    lines = (line.strip() for line in source.splitlines())
    return "".join(line + "\n" for line in lines if line and not line.startswith("--"))


def constant(text):
    """An array: a C compiler need not take a string of more than 4095 bytes (C17 5.2.4.1)."""
    numbers = [str(byte) for byte in text.encode("ascii") + b"\0"]
    lines = (", ".join(numbers[at:at + LINE_BYTES]) for at in range(0, len(numbers), LINE_BYTES))
    return "{\n    " + ",\n    ".join(lines) + "}"


def embed(guard, path):
    text = strip(guard.read_text(encoding="ascii")) + strip(path.read_text(encoding="ascii"))
    name = f"script_{path.stem}"
    sha = hashlib.sha1(text.encode("ascii")).hexdigest()
    return (f"static const char {name}_text[] = {constant(text)};\n"
            f'static const char {name}_sha[] = "{sha}";\n')


def main(output, guard, *scripts):
    parts = ["/* Made from queue/scripts by embed.py. */\n#pragma once\n"]
    parts += [embed(pathlib.Path(guard), pathlib.Path(script)) for script in scripts]
    pathlib.Path(output).write_text("\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
