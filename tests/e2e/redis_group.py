"""A master, a replica and three Sentinels, on loopback ports of their own."""

import pathlib
import random
import signal
import socket
import subprocess

import harness

MASTER = "mymaster"
SENTINELS = 3
QUORUM = 2
DOWN_AFTER_MS = 1000
# How often Sentinels ask, and how often they tell each other: four of the latter later a master that
# comes back is made a replica. By itself that takes ten seconds.
HURRIED = ("info-period", 1000, "publish-period", 500)
UNHURRIED = ("info-period", 10000, "publish-period", 2000)


def wait_until(condition, what, timeout_s=harness.WAIT_S):
    """For a condition that asks servers: each question is a process."""
    return harness.wait_until(condition, what, timeout_s, poll_s=0.1)


def free_ports(count, also=0):
    """Below those the kernel gives to clients, so that a server can take its own again, and that
    which is `also` above it."""
    ports, taken = [], []
    while len(ports) < count:
        port = random.randrange(20000, 32000 - also)
        try:
            for each in {port, port + also}:
                taken.append(socket.create_server(("127.0.0.1", each)))
            ports.append(port)
        except OSError:
            pass                # somebody listens there
    for one in taken:
        one.close()
    return ports


class Server:
    """A redis-server, or a Sentinel, with a configuration file it may rewrite."""

    def __init__(self, directory, port, lines, arguments=(), password=None):
        self.directory = pathlib.Path(directory)
        self.login = [] if password is None else ["--no-auth-warning", "-a", password]
        self.directory.mkdir(parents=True)
        self.port = port
        self.arguments = arguments
        self.config_file = self.directory / "redis.conf"
        self.config_file.write_text("\n".join(
            [f"port {port}", "bind 127.0.0.1", f"dir {self.directory}",
             "logfile redis.log", *lines]) + "\n")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", str(self.config_file), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        harness.wait_until(lambda: self.ask("ping") == "PONG", f"the server at {self.port}")
        return self

    def ask(self, *arguments):
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *self.login, *map(str, arguments)],
            capture_output=True, timeout=harness.WAIT_S)
        return done.stdout.decode().strip()

    def role(self):
        return self.ask("role").partition("\n")[0]

    def stop(self):
        """It hangs, until cont()."""
        self.process.send_signal(signal.SIGSTOP)

    def cont(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()         # ends a stopped one, too


# docs/operations.md has the same, for users of Redis.
ACL = ("user flexbrevo on >{password} ~fb:* -@all +@read +@write +@scripting +@connection "
       "-@dangerous +role +wait +time +info +config|get")
SENTINEL_ACL = ("user watcher on >watcher-secret -@all +auth +sentinel|get-master-addr-by-name "
                "+sentinel|master")


class RedisGroup:
    """With passwords: each server has one, and flexbrevo's user may do no more than it must."""

    def __init__(self, directory, has_passwords=False):
        self.directory = pathlib.Path(directory)
        self.has_passwords = has_passwords
        ports = free_ports(2 + SENTINELS)
        durable = ['save ""', "appendonly yes", "appendfsync always", "repl-diskless-sync-delay 0"]
        first, second = (self._data(number, ports[number], durable) for number in (0, 1))
        self.nodes = [first, second]
        self.sentinels = [self._sentinel(number, port, first.port)
                          for number, port in enumerate(ports[2:])]
        self.url = "sentinel://{}{}/{}{}".format(
            "flexbrevo:data-secret@" if has_passwords else "",
            ",".join(f"127.0.0.1:{port}" for port in ports[2:]), MASTER,
            "?sentinel_user=watcher&sentinel_password=watcher-secret" if has_passwords else "")

    def _data(self, number, port, lines):
        secret = []
        if self.has_passwords:
            secret = ["requirepass node-secret", "masterauth node-secret",
                      ACL.format(password="data-secret")]
        return Server(self.directory / f"node{number}", port, lines + secret,
                      password="node-secret" if self.has_passwords else None)

    def _sentinel(self, number, port, master_port):
        lines = [f"sentinel monitor {MASTER} 127.0.0.1 {master_port} {QUORUM}",
                 f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
                 f"sentinel failover-timeout {MASTER} 3000"]
        if self.has_passwords:
            lines += [f"sentinel auth-pass {MASTER} node-secret", "requirepass watch-secret",
                      SENTINEL_ACL]
        return Server(self.directory / f"sentinel{number}", port, lines, ["--sentinel"],
                      password="watch-secret" if self.has_passwords else None)

    def start(self):
        for node in self.nodes:
            node.start()
        self.nodes[1].ask("replicaof", "127.0.0.1", self.nodes[0].port)
        wait_until(      # Sentinels look every 10 s only
            lambda: "state=online" in self.nodes[0].ask("info", "replication"), "the replica")
        for one in self.sentinels:
            one.start()
        self.pace(HURRIED)
        wait_until(self._is_complete, "replica and Sentinels to find each other")
        return self

    def pace(self, periods):
        for one in self.sentinels:
            assert one.ask("sentinel", "debug", *periods) == "OK"

    def _is_complete(self):
        complete = f"status=ok,address=127.0.0.1:{self.nodes[0].port},slaves=1,sentinels={SENTINELS}"
        return all(complete in one.ask("info", "sentinel") for one in self.sentinels)

    def master(self):
        """The node all Sentinels name, when it is one; else None."""
        named = {one.ask("sentinel", "get-master-addr-by-name", MASTER).split("\n")[-1]
                 for one in self.sentinels}
        for node in self.nodes:
            if named == {str(node.port)} and node.process.poll() is None:
                return node if node.role() == "master" else None
        return None

    def other(self, node):
        return next(one for one in self.nodes if one is not node)

    def replica(self):
        return self.other(self.master())

    def is_in_step(self):
        master = self.master()
        return master is not None and "state=online" in master.ask("info", "replication")

    def close(self):
        for one in [*self.sentinels, *self.nodes]:
            one.close()
