"""Makes a program's calls fail and its clock lie, by shim.c: the other end of its control file.

    shim = Shim(directory)
    program.environment = shim.environment
    shim.fail("allocate", after=7)              the 7th allocation from now on, once
    shim.fail("send", errno.EINTR, every=3)     each third, until rest()
    shim.clock(3600)
"""

import contextlib
import ctypes
import mmap
import os
import pathlib

import harness

SHIMS = pathlib.Path(harness.BINARY).parent / "tests" / "faults"
CALLS = ("allocate", "send", "receive", "write", "sync", "wait", "accept", "socket", "connect")
FOREVER = 2 ** 40


class Rule(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in
                ("passes", "first", "count", "every", "error", "hits")]


class Control(ctypes.Structure):
    _fields_ = [("rules", Rule * len(CALLS)), ("spared", ctypes.c_char * 64),
                ("caller", ctypes.c_char * 64), ("clock_offset_s", ctypes.c_int64)]


class Shim:
    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "shim"
        self.path.write_bytes(bytes(ctypes.sizeof(Control)))
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.control = Control.from_buffer(self.memory)

    @property
    def environment(self):
        return {"LD_PRELOAD": str(SHIMS / "fault_shim.so"), "FAULT_SHIM": str(self.path)}

    @contextlib.contextmanager
    def over_children(self):
        """For Redis: what is started meanwhile has it, but for the memory."""
        ours = self.environment | {"LD_PRELOAD": str(SHIMS / "fault_shim_of_calls.so")}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name in ours:
                del os.environ[name]

    def rule(self, call):
        return self.control.rules[CALLS.index(call)]

    def fail(self, call, error=0, after=1, count=None, every=1):
        rule = self.rule(call)
        rule.first, rule.hits = 0, 0
        rule.error, rule.every = error, every
        rule.count = count or (1 if every == 1 else FOREVER)
        rule.first = rule.passes + after

    def rest(self):
        for rule in self.control.rules:
            rule.first = 0

    def hits(self, call):
        return self.rule(call).hits

    def spare(self, library):
        """Gets all the memory it asks for."""
        self.control.spared = library.encode()

    def refused_caller(self):
        """The library that was refused memory the last time."""
        return self.control.caller.decode()

    def clock(self, seconds):
        self.control.clock_offset_s = seconds
