"""Commands that the docs name are commands."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_who_names_an_interpreter_may_be_executed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    scripts = [path for path in files if path.is_file() and path.read_bytes()[:2] == b"#!"]
    assert len(scripts) > 10
    assert [str(path) for path in scripts if not os.access(path, os.X_OK)] == []
