"""Three nodes of a Redis Cluster, on loopback ports of their own."""

import binascii
import pathlib
import subprocess

from redis_group import Server, free_ports, wait_until

NODES = 3
BUS = 10000                     # a node's other port, above its first
NODE_TIMEOUT_MS = 1000
SLOTS = 16384
PARTITIONS = 16

# docs/operations.md has the same, for users of a cluster.
ACL = ("user flexbrevo on >data-secret ~fb:* -@all +@read +@write +@scripting +@connection "
       "-@dangerous +wait +time +info +config|get +cluster|slots")


def crc16(text):
    return binascii.crc_hqx(text.encode(), 0)


def partition_of(subject):
    return crc16(subject) % PARTITIONS


def slot_of(partition):
    return crc16(str(partition)) % SLOTS


class RedisCluster:
    """With passwords: flexbrevo's user may do no more than it must."""

    def __init__(self, directory, has_replicas=False, has_passwords=False):
        self.directory = pathlib.Path(directory)
        self.has_passwords = has_passwords
        count = 2 * NODES if has_replicas else NODES
        self.nodes = [self._node(number, port)
                      for number, port in enumerate(free_ports(count, BUS))]
        self.url = "cluster://{}{}".format(
            "flexbrevo:data-secret@" if has_passwords else "",
            ",".join(f"127.0.0.1:{node.port}" for node in self.nodes))

    def _node(self, number, port):
        lines = ['save ""', "appendonly yes", "appendfsync always", "cluster-enabled yes",
                 f"cluster-node-timeout {NODE_TIMEOUT_MS}", "cluster-require-full-coverage no",
                 "repl-diskless-sync-delay 0"]
        if self.has_passwords:
            lines += ["requirepass node-secret", "masterauth node-secret", ACL]
        return Server(self.directory / f"node{number}", port, lines,
                      password="node-secret" if self.has_passwords else None)

    def start(self):
        for node in self.nodes:
            node.start()
        subprocess.run(
            ["redis-cli", *self.nodes[0].login, "--cluster", "create",
             *(f"127.0.0.1:{node.port}" for node in self.nodes[:NODES]), "--cluster-yes"],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=20)
        for replica in self.nodes[NODES:]:
            replica.ask("cluster", "meet", "127.0.0.1", self.nodes[0].port)
        for replica, master in zip(self.nodes[NODES:], self.nodes):
            self._add_replica(replica, master)
        wait_until(self.is_whole, "a cluster in which all agree")
        return self

    def _add_replica(self, replica, master):
        wait_until(
            lambda: replica.ask("cluster", "replicate", master.ask("cluster", "myid")) == "OK",
            "the replica to know its master")
        wait_until(lambda: "state=online" in master.ask("info", "replication"),
                   "the replica to be in step")

    def is_whole(self):
        return all("cluster_state:ok" in info and f"cluster_known_nodes:{len(self.nodes)}" in info
                   and "cluster_slots_ok:16384" in info
                   for info in (node.ask("cluster", "info") for node in self.running()))

    def running(self):
        return [node for node in self.nodes if node.process.poll() is None]

    def owner_of(self, partition):
        """The running node that says the partition's slot is its own; None: there is none."""
        return next((node for node in self.running() if slot_of(partition) in own_slots(node)),
                    None)

    def partitions_of(self, node):
        slots = own_slots(node)
        return {partition for partition in range(PARTITIONS) if slot_of(partition) in slots}

    def move(self, partition, target):
        """Its slot goes to another node, as redis-cli --cluster reshard does it."""
        slot, source = slot_of(partition), self.owner_of(partition)
        ids = {node: node.ask("cluster", "myid") for node in (source, target)}
        assert target.ask("cluster", "setslot", slot, "importing", ids[source]) == "OK"
        assert source.ask("cluster", "setslot", slot, "migrating", ids[target]) == "OK"
        moved = 0
        while keys := source.ask("cluster", "getkeysinslot", slot, 50).split():
            auth = ["auth", "node-secret"] if self.has_passwords else []
            answer = source.ask("migrate", "127.0.0.1", target.port, "", 0, 5000, *auth,
                                "keys", *keys)
            assert answer in ("OK", "NOKEY"), answer
            moved += len(keys)
        for node in (target, source, *self.running()):
            assert node.ask("cluster", "setslot", slot, "node", ids[target]) == "OK"
        return moved

    def close(self):
        for node in self.nodes:
            node.close()


def own_slots(node):
    line = next(line for line in node.ask("cluster", "nodes").splitlines() if "myself" in line)
    slots = set()
    if "master" in line.split()[2]:
        for part in line.split()[8:]:
            if not part.startswith("["):
                first, _, last = part.partition("-")
                slots.update(range(int(first), int(last or first) + 1))
    return slots
