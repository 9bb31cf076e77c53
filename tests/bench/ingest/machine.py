"""What the machine does while we measure: processor time, memory, and a Redis of our own."""

import os
import pathlib
import subprocess
import time

import redis

TICKS = os.sysconf("SC_CLK_TCK")
PROCESSORS = os.cpu_count()
START_S = 20
POLL_S = 0.005
QUIET_S = 0.25          # how long the machine is watched for being quiet
FOREIGN_QUIET = 0.06    # of all processors


def wait_until(condition, what, timeout_s=START_S):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"compare: waited {timeout_s} s: {what} (see its log)")
        time.sleep(POLL_S)


def process_tree(pid):
    found = [pid]
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += process_tree(int(child))
    except OSError:
        pass    # it has just ended
    return found


def cpu_s(pid):
    """Processor time of a process and those it started that still live, to the nanosecond."""
    total_ns = 0
    for process in process_tree(pid):
        try:
            for task in pathlib.Path(f"/proc/{process}/task").iterdir():
                total_ns += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass
    return total_ns / 1e9


def pss_mb(pid):
    """Memory of a process tree, shared pages counted by their share."""
    total_kb = 0
    for process in process_tree(pid):
        try:
            for line in open(f"/proc/{process}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total_kb += int(line.split()[1])
        except OSError:
            pass
    return total_kb / 1024


def used_s():
    """Processor time of the whole machine, what its host took away included."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(field) for field in open("/proc/stat").readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def ours_s():
    """Processor time of this script and of all it started, the ended ones included."""
    fields = open("/proc/self/stat").read().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / TICKS
    return ended + cpu_s(os.getpid())


class Watch:
    """How much of the machine others used since it was made."""

    def __init__(self):
        self.used, self.ours, self.time = used_s(), ours_s(), time.monotonic()

    def foreign(self):
        passed_s = time.monotonic() - self.time
        others_s = (used_s() - self.used) - (ours_s() - self.ours)
        return max(0.0, others_s / passed_s / PROCESSORS)


def wait_for_quiet(timeout_s):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        watch = Watch()
        time.sleep(QUIET_S)
        if watch.foreign() < FOREIGN_QUIET:
            return


class Redis:
    """Durable as in production; the file is not rewritten while somebody is measured."""

    def __init__(self, directory):
        directory.mkdir()
        self.socket = directory / "redis.sock"
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", directory,
             "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
             "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction",
             "--logfile", directory / "redis.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(self.socket.exists, "redis-server")
        self.client = redis.Redis(unix_socket_path=str(self.socket), decode_responses=True)
        wait_until(self.answers, "redis-server")

    def answers(self):
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def empty(self, fsync):
        """No keys, and a new, empty file."""
        self.client.config_set("appendfsync", fsync)
        self.client.flushall()
        self.client.bgrewriteaof()
        wait_until(self.is_settled, "Redis's file")

    def is_settled(self):
        state = self.client.info("persistence")
        return not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]

    def calls(self):
        """How often each command was called, but for what we ask ourselves."""
        own = ("info", "config|set", "flushall", "bgrewriteaof", "ping")
        return {name.removeprefix("cmdstat_"): entry["calls"]
                for name, entry in self.client.info("commandstats").items()
                if name.removeprefix("cmdstat_") not in own}

    def close(self):
        self.client.close()
        self.process.terminate()
        self.process.wait()
