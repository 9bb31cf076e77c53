"""Twilio's own library signs, the server verifies: a thousand random callbacks, and one flip."""

import os
import random
import urllib.parse

import pytest


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


@pytest.mark.parametrize("body", [
    "a=1&a=1", "a=1&a=2&a=1", "a=2&a=1&A=0&aa=", "a=1&a=", "a=&a=", "a", "a&a=", "a=", "=v", "=",
    "&a=1&", "a=1&&b=2", "a==b", "a=b=c", "a=%zz", "a=%", "a=%4", "a=%%41", "a=%41%4a%4A",
    "a+b=c+d", "a=%2B+%20", "a=%26%3D&b%3D=1", "a=%00b", "a=\u00e9\u6f22", "a=%C3%A9", "a;b=1;c=2",
    "a=1;b=2&c", "a=%0D%0A", "Reason=Participant&ReasonConferenceEnded=test", "a=b%27'\"<>"])
def test_empty_and_repeated_parameters_and_odd_escapes_verify(caller, twilio, body):
    """Every byte as a sender may write it; the library signs what the form says."""
    pairs = [("EventType", "nothing.we.know")]
    pairs += urllib.parse.parse_qsl(body, keep_blank_values=True, encoding="utf-8")
    request = twilio.form(pairs)
    request.body = ("EventType=nothing.we.know&" + body).encode()
    assert caller.send(request).status == 204
    request.body += b"&a=another"
    assert caller.send(request).status == 403


def parsed(body):
    """What the form says, exact copies of a pair counted once: the signature's own view."""
    text = body.decode("latin-1")           # byte for byte
    return set(urllib.parse.parse_qsl(text, keep_blank_values=True, encoding="latin-1"))
