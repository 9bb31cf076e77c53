"""Commands that the docs name are commands."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_who_names_an_interpreter_may_be_executed():
    files = [path for folder in (".ci", "deploy", "mapping", "queue", "server", "tests")
             for path in (ROOT / folder).rglob("*")
             if path.is_file() and "node_modules" not in path.parts]
    scripts = [path for path in files if path.read_bytes()[:2] == b"#!"]
    assert len(scripts) > 10
    assert [str(path) for path in scripts if not os.access(path, os.X_OK)] == []
