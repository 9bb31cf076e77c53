"""What these benchmarks share: the program by its build directory, and all that stands around it."""

import argparse
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("e2e", "faults", "sandbox", "day")]

import harness  # noqa: E402


def parser(text):
    made = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    return made


def read(made):
    """The arguments; from then on the program is that of --build."""
    arguments = made.parse_args()
    harness.BINARY = str(arguments.build.resolve() / "flexbrevo")
    return arguments


class Stand:
    """A Redis and a Brevo, a server that fills the queue, and workers to be started."""

    def __init__(self, sandbox, brevo, workers=1):
        self.sandbox, self.brevo = sandbox, brevo
        self.directory = tempfile.TemporaryDirectory(prefix="flexbrevo-bench-")
        self.home = pathlib.Path(self.directory.name)
        self.redis = harness.Redis(self.home / "redis")
        self.count = workers
        self.server, self.workers = None, []

    def __enter__(self):
        self.redis.start()
        self.sandbox.start()
        self.server = self._program("serve", "server")
        self.workers = [self._program("work", f"worker{number}") for number in range(self.count)]
        return self

    def __exit__(self, *_):
        for one in [*self.workers, self.server]:
            if one is not None:
                one.close()
        self.sandbox.stop()
        self.redis.close()
        self.directory.cleanup()
        self.sandbox.check()

    def _program(self, command, name):
        home = self.home / name
        home.mkdir()
        return harness.Flexbrevo(home, self._config(home), command)

    def _config(self, home):
        return {
            "connectors": {"twilio_flex": {
                "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
                "auth_token": harness.AUTH_TOKEN}},
            "brevo": {"api_key": harness.API_KEY, "base_url": self.sandbox.url, **self.brevo},
            "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
            "admin": {"listen": "127.0.0.1:0"},
            "redis": {"url": self.redis.url},
            "ticket": dict(harness.NO_WAITS),
            "state_dir": str(home / "state"),
        }

    def fill(self, count, contacts):
        """So many completed tasks, of so many customers in turn."""
        caller, twilio = self.server.start().caller(), harness.Twilio()
        customers = [harness.Customer.new() for _ in range(contacts)]
        for number in range(count):
            task = harness.Task(customer=customers[number % contacts])
            assert caller.send(twilio.callback(task)).status == 204
