"""Twilio's own library signs, the server verifies: a thousand random callbacks, and one flip."""

import os
import random
import urllib.parse

import harness

SEED = int(os.environ.get("FLEXBREVO_SEED", "20260101"))
ALPHABET = "abzABZ019 .-_~+&=%?#/'\"\\;:,@!$()*[]{}|^`<>\t\n\r" "ñéüßøЖ漢字🙂\u0301\u00a0"


def random_text(choose, longest):
    return "".join(choose.choice(ALPHABET) for _ in range(choose.randrange(longest + 1)))


def random_pairs(choose):
    """Random names and values; some names twice, some values empty, some pairs the same."""
    pairs = [("EventType", "nothing.we.know")]
    for _ in range(choose.randrange(1, 20)):
        name, value = random_text(choose, 12) or "Name", random_text(choose, 40)
        if name == "EventType":
            continue
        pairs.append((name, value))
        if choose.random() < 0.2:
            pairs.append((name, choose.choice([value, "", "another"])))
    choose.shuffle(pairs)
    return pairs


def test_a_thousand_random_callbacks_verify_and_one_flipped_byte_does_not(caller, twilio):
    choose = random.Random(SEED)
    for number in range(1000):
        request = twilio.form(random_pairs(choose))
        assert caller.send(request).status == 204, (SEED, number)
        flipped = bytearray(request.body)
        at = choose.randrange(len(flipped))
        flipped[at] ^= 1 << choose.randrange(7)
        if parsed(flipped) != parsed(request.body):
            request.body = bytes(flipped)
            assert caller.send(request).status == 403, (SEED, number, at)


def parsed(body):
    """What the form says, exact copies of a pair counted once: the signature's own view."""
    text = body.decode("latin-1")           # byte for byte
    return set(urllib.parse.parse_qsl(text, keep_blank_values=True, encoding="latin-1"))
