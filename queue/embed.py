#!/usr/bin/env python3
"""Turns the Lua scripts into C constants: embed.py OUTPUT SCRIPT...

Each scripts/<name>.lua becomes script_<name>_text, without comments and indentation, and
script_<name>_sha, the digest EVALSHA knows it by. Only whole-line comments are known here.
"""

import hashlib
import pathlib
import sys

# The longest string constant a C compiler must take (C17 5.2.4.1).
CONSTANT_MAX = 4095


def strip(source):
    lines = (line.strip() for line in source.splitlines())
    return "".join(line + "\n" for line in lines if line and not line.startswith("--"))


def quote(line):
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'    "{escaped}\\n"'


def embed(path):
    text = strip(path.read_text(encoding="ascii"))
    if len(text) > CONSTANT_MAX:
        sys.exit(f"embed.py: {path} has {len(text)} bytes, at most {CONSTANT_MAX} fit")
    name = f"script_{path.stem}"
    lines = "\n".join(quote(line) for line in text.splitlines())
    sha = hashlib.sha1(text.encode("ascii")).hexdigest()
    return (f"static const char {name}_text[] =\n{lines};\n"
            f'static const char {name}_sha[] = "{sha}";\n')


def main(output, *scripts):
    parts = ["/* Made from queue/scripts by embed.py. */\n#pragma once\n"]
    parts += [embed(pathlib.Path(script)) for script in scripts]
    pathlib.Path(output).write_text("\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
