"""verify-signature: agrees with Twilio's own SDKs and never shows a secret."""
import json
import os
import pathlib
import random
import subprocess
import urllib.parse

import pytest

import harness

STREAM = os.environ.get("FLEXBREVO_VERIFY_STREAM", str(
    pathlib.Path(harness.BINARY).parent / "tests" / "unit" / "verify_stream"))

URL = "https://hooks.example.com/webhooks/taskrouter"
TOKEN = "3f1d5b7c9e8a4602b1d3f5a7c9e80246"


def vectors():
    """Published request and signature pairs, where they lie beside the checkout."""
    found = sorted(harness.ROOT.parent.glob("*/vectors/twilio_signatures.json"))
    return json.loads(found[0].read_text()) if found else []


def run(*arguments, stdin=b""):
    return subprocess.run([harness.BINARY, "verify-signature", *arguments], input=stdin,
                          capture_output=True, timeout=30, check=False)


def sign(token, url, params):
    validator = pytest.importorskip("twilio.request_validator").RequestValidator(token)
    return validator.compute_signature(url, params)


@pytest.mark.parametrize("vector", vectors(), ids=[vector["id"] for vector in vectors()])
def test_agrees_with_the_sdk_vectors(vector, tmp_path):
    arguments = ["--url", vector["url"], "--signature", vector["signature"], "--token",
                 vector["token"], "--json"]
    if vector["body"] is not None:
        body = tmp_path / "body.json"
        body.write_bytes(vector["body"].encode())
        arguments += ["--body-file", str(body)]
    elif vector["params"]:
        form = tmp_path / "body.form"
        form.write_text(urllib.parse.urlencode([(n, v or "") for n, v in vector["params"]]))
        arguments += ["--form-file", str(form)]
    done = run(*arguments)

    assert done.returncode == (0 if vector["expect"] else 1), done.stderr
    answer = json.loads(done.stdout)
    assert answer["valid"] is vector["expect"]
    if vector["expect"]:
        assert answer["candidates"][answer["matched"]] == vector["signed_url"]


class MultiDict(dict):
    """
    Repeated names, the way a web framework's form gives them to the SDK: old releases ask for
    items(), newer ones for getall().
    """

    def getall(self, name):
        return self[name]

    def items(self):
        return {(name, value) for name, values in super().items() for value in values}


ALPHABET = "abcXYZ019 +%&=;'\"\n\r\t._-~/\\ñé€😀漢字<>{}[]"


def random_text(rng, longest):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, longest)))


def random_callback(rng):
    """A URL, its form's pairs in any order, and the fields as the signer wants them."""
    fields = MultiDict()
    for _ in range(rng.randint(0, 12)):
        name = rng.choice(["", "Sid", "sid", "Messaging.Address"]) + random_text(rng, 6)
        fields.setdefault(name, []).extend(
            random_text(rng, 30) for _ in range(rng.choice([1, 1, 1, 2, 3])))
    pairs = [(name, value) for name in fields for value in fields.getall(name)]
    pairs += [pair for pair in pairs if rng.random() < 0.1]
    rng.shuffle(pairs)
    query = urllib.parse.urlencode([("site", random_text(rng, 8))]) if rng.random() < 0.5 else ""
    return URL + ("?" + query if query else ""), pairs, fields


def encode(rng, pairs):
    """Percent-encoding is not unique: any of them has to do."""
    quote = rng.choice([urllib.parse.quote_plus, urllib.parse.quote])
    return "&".join(quote(n, safe="") + "=" + quote(v, safe="") for n, v in pairs).encode()


def flip(rng, data):
    """`data` with one bit of one byte changed."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def stream(cases):
    """What verify_stream says to each (token, url, signature, body)."""
    if not os.path.exists(STREAM):
        pytest.skip("verify_stream is not built: " + STREAM)
    fields = [field for token, url, signature, body in cases
              for field in (b"form", token.encode(), url, signature, body)]
    done = subprocess.run([STREAM], input=b"".join(b"%d\n%s" % (len(f), f) for f in fields),
                          capture_output=True, timeout=60, check=True)
    return done.stdout.decode().split()


def test_accepts_a_thousand_random_callbacks_signed_by_the_sdk():
    rng = random.Random(20260101)
    cases = []
    for _ in range(1000):
        url, pairs, fields = random_callback(rng)
        cases.append((TOKEN, url.encode(), sign(TOKEN, url, fields).encode(), encode(rng, pairs)))

    assert stream(cases) == ["ok"] * 1000


def test_refuses_the_same_callbacks_with_one_byte_changed():
    rng = random.Random(20260102)
    cases = []
    for number in range(1500):
        url, pairs, fields = random_callback(rng)
        signature = sign(TOKEN, url, fields).encode()
        url = url.encode()
        body = encode(rng, pairs)
        if number % 3 == 0:
            cases.append((TOKEN, flip(rng, url), signature, body))
        elif number % 3 == 1:
            cases.append((TOKEN, url, flip(rng, signature), body))
        elif pairs:
            at = rng.randrange(len(pairs))
            name, value = pairs[at]
            changed = [p for p in pairs if p != pairs[at]]
            changed.insert(at, (name, value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"))
            if set(changed) != set(pairs):
                cases.append((TOKEN, url, signature, encode(rng, changed)))

    answers = stream(cases)

    assert len(answers) > 1200
    assert [c for c, a in zip(cases, answers) if a == "ok"] == []


def test_says_which_url_and_which_token_matched():
    signature = sign(TOKEN, "https://hooks.example.com:443/p", {})
    done = run("--url", "https://hooks.example.com/p", "--signature", signature,
               "--token", "0" * 32, "--token", TOKEN)

    assert done.returncode == 0
    assert b"valid" in done.stdout
    assert b"https://hooks.example.com:443/p" in done.stdout
    assert b"number 2 of 2" in done.stdout


def test_names_each_candidate_but_no_secret_when_nothing_matches():
    signature = sign(TOKEN, URL, {})
    for extra in ([], ["--json"]):
        done = run("--url", URL + "?x='", "--signature", "A" * 27 + "=", "--token", TOKEN, *extra)
        text = (done.stdout + done.stderr).decode()

        assert done.returncode == 1
        for candidate in ("?x='", "?x=%27"):
            assert URL + candidate in text
            assert URL.replace(".com", ".com:443") + candidate in text
        assert TOKEN not in text and signature not in text


@pytest.mark.parametrize("signature, reason", [
    ("", "no_signature"), ("abc", "malformed_signature"), ("A" * 28, "malformed_signature")])
def test_an_unusable_signature_is_invalid_and_says_why(signature, reason):
    done = run("--url", URL, "--signature", signature, "--token", TOKEN, "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"] == reason


def test_a_json_body_needs_its_hash_in_the_url():
    signature = sign(TOKEN, URL, {})
    done = run("--url", URL, "--signature", signature, "--token", TOKEN, "--body-file", "-",
               stdin=b"{}")

    assert done.returncode == 1
    assert b"bodySHA256" in done.stdout


def test_reads_a_form_from_standard_input_byte_by_byte():
    signature = sign(TOKEN, URL, {"a": "1"})
    arguments = ["--url", URL, "--signature", signature, "--token", TOKEN, "--form-file", "-"]

    assert run(*arguments, stdin=b"a=1").returncode == 0
    done = run(*arguments, stdin=b"a=1\n")
    assert done.returncode == 1
    assert b"line end" in done.stdout


def test_takes_a_url_that_is_not_utf8_as_it_is():
    url = b"https://hooks.example.com/caf\xe9"
    done = run("--url", url, "--signature", "A" * 27 + "=", "--token", TOKEN)
    assert done.returncode == 1
    assert url in done.stdout
    assert run("--url", url, "--signature", "A" * 27 + "=", "--token", TOKEN,
               "--json").returncode == 1


@pytest.mark.parametrize("arguments, complaint", [
    ([], "--url is missing"),
    (["--url", "/p"], "--url has no scheme: /p"),
    (["--url", URL], "--signature is missing"),
    (["--url", URL, "--signature", "x"], "--token is missing"),
    (["--url", URL, "--signature", "A" * 27 + "=", "--token", ""], "--token is empty"),
    (["--url", URL, "--url", URL], "option given too often: --url"),
    (["--url"], "option needs a value: --url"),
    (["--frobnicate"], "unknown option: --frobnicate"),
    (["-xh"], "unknown option: -x"),
    (["extra"], "unexpected argument: extra"),
    (["--url", URL, "--signature", "x", "--token", "t", "--form-file", "-", "--body-file", "-"],
     "--form-file and --body-file exclude each other"),
])
def test_usage_errors_exit_64_with_one_line(arguments, complaint):
    done = run(*arguments)

    assert done.returncode == 64
    assert done.stdout == b""
    assert done.stderr.decode() == (
        "flexbrevo: " + complaint + " (see flexbrevo verify-signature --help)\n")


def test_names_a_file_it_cannot_read(tmp_path):
    missing = str(tmp_path / "none")
    done = run("--url", URL, "--signature", "A" * 27 + "=", "--token", TOKEN, "--form-file",
               missing)

    assert done.returncode == 66
    assert missing in done.stderr.decode()
