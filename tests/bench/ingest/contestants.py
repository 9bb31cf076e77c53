"""Who is compared, how each is started, and how many events each has made durable."""

import dataclasses
import json
import os
import pathlib
import pwd
import shutil
import socket
import string
import subprocess
import typing

import bodies
from machine import wait_until

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
PATH = os.environ["PATH"] + ":/usr/sbin"
LUA_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
LUA_REDIS = pathlib.Path("/usr/share/lua/5.1/nginx/redis.lua")
GO_LIBRARIES = pathlib.Path("/usr/share/gocode/src/github.com/gomodule/redigo")
STOP_S = 10


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a contestant is started."""

    build: pathlib.Path         # the Meson build directory
    directory: pathlib.Path     # its own, empty
    redis: pathlib.Path         # socket
    port: int


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    label: str
    command: typing.Callable                # of a Place
    missing: typing.Callable                # of the build directory: what is not installed
    stored: typing.Callable = None          # of a Redis client: events; None: it stores nothing


def ours(place):
    config = {
        "connectors": {"twilio_flex": {
            "account_sid": bodies.ACCOUNT_SID, "auth_token": bodies.TOKEN}},
        "redis": {"url": f"unix://{place.redis}"},
        "server": {"listen": f"127.0.0.1:{place.port}", "public_url": bodies.PUBLIC_URL},
        "admin": {"listen": "127.0.0.1:0"},
        "state_dir": str(place.directory / "state")}
    file = place.directory / "flexbrevo.yaml"
    file.write_text(json.dumps(config))
    return [place.build / "flexbrevo", "serve", "--config", file]


def node(script):
    return lambda place: ["node", PEERS / "node" / script]


def nginx(place):
    here = PEERS / "nginx"
    file = place.directory / "nginx.conf"
    text = string.Template((here / "nginx.conf").read_text())
    file.write_text(text.safe_substitute(
        PORT=place.port, HERE=here, USER=pwd.getpwuid(os.getuid()).pw_name))
    return ["nginx", "-p", place.directory, "-e", place.directory / "error.log", "-c", file]


def go(place):
    binary = place.build / "tests" / "bench" / "go_peer"
    cache = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
             "GOCACHE": str(binary.with_name("go_cache"))}
    subprocess.run(["go", "build", "-o", binary, PEERS / "go" / "main.go"],
                   check=True, env=os.environ | cache)
    return [binary]


def bare(place):
    return [place.build / "tests" / "bench" / "bare_microhttpd", str(place.port)]


def needs(*files):
    """What of it is missing: programs by name, files by path below the build directory."""
    def missing(build):
        return [str(file) for file in files
                if not (shutil.which(file, path=PATH) or (build / file).exists())]
    return missing


NODE_MODULES = PEERS / "node" / "node_modules"

CONTESTANTS = (
    Contestant("ours", "flexbrevo", ours, needs("flexbrevo"),
               lambda client: client.xlen("fb:{0}:stream")),
    Contestant("express", "Express 5 + twilio + BullMQ", node("express_bullmq.js"),
               needs("node", NODE_MODULES / "express", NODE_MODULES / "bullmq"),
               lambda client: client.llen("bull:flex:wait")),
    Contestant("fastify", "Fastify + twilio + ioredis", node("fastify_ioredis.js"),
               needs("node", NODE_MODULES / "fastify", NODE_MODULES / "ioredis"),
               lambda client: client.xlen("events")),
    Contestant("nginx", "nginx + Lua", nginx, needs("nginx", LUA_MODULE, LUA_REDIS),
               lambda client: client.xlen("events")),
    Contestant("go", "Go net/http + redigo", go, needs("go", GO_LIBRARIES),
               lambda client: client.xlen("events")),
    Contestant("bare", "libmicrohttpd that drops everything", bare,
               needs("tests/bench/bare_microhttpd")),
    Contestant("nothing", "Node http that drops everything", node("nothing.js"), needs("node")),
)


class Running:
    """A contestant that serves."""

    def __init__(self, contestant, build, directory, redis_socket):
        directory.mkdir()
        self.contestant = contestant
        self.port = free_port()
        self.log = directory / "log"
        self.process = None
        self.command = contestant.command(Place(build, directory, redis_socket, self.port))
        self.environment = {
            "PATH": PATH, "NODE_ENV": "production", "PORT": str(self.port),
            "REDIS_SOCKET": str(redis_socket), "TWILIO_AUTH_TOKEN": bodies.TOKEN,
            "PUBLIC_URL": bodies.PUBLIC_URL}

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        return self

    def wait(self):
        wait_until(self.listens, f"{self.contestant.label}, {self.log}")
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise SystemExit(
                f"compare: {self.contestant.label} ended: {self.log}\n"
                + self.log.read_text(errors="replace")[-2000:])
        with socket.socket() as peer:
            return peer.connect_ex(("127.0.0.1", self.port)) == 0

    def post(self, request):
        """The status of one request on a connection of its own; None when nobody listens."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), STOP_S) as peer:
                peer.sendall(request)
                return int(peer.recv(4096).split()[1])
        except ConnectionError:
            return None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
