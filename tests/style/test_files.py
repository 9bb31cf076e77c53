"""What holds for every file, whatever is in it."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = (".ci", "deploy", "docs", "mapping", "queue", "server", "tests")


def files():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "node_modules" not in path.parts:
                yield path


def test_who_names_an_interpreter_may_be_executed():
    scripts = [path for path in files() if path.read_bytes()[:2] == b"#!"]
    assert len(scripts) > 10
    assert [str(path) for path in scripts if not os.access(path, os.X_OK)] == []


def test_no_merge_was_left_half_done():
    marker = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
    assert [str(path) for path in files() if marker.search(path.read_bytes())] == []
