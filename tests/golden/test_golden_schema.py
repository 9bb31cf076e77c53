"""Every request in the golden files satisfies a strict contract of Brevo's API, where one is at hand.

The contract is an OpenAPI document beside the checkout or named by BREVO_CONTRACT; without it
these tests skip. Independent of the contract: each delivered case says both requests.
"""
import json
import os
import pathlib

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CONTRACT = pathlib.Path(
    os.environ.get("BREVO_CONTRACT")
    or HERE.parents[2] / "shared" / "contracts" / "brevo" / "brevo-v3-strict.json")
REQUESTS = sorted(HERE.glob("*/*.brevo.json"))
NEVER = {"emailBlacklisted", "smsBlacklisted", "forceMerge"}


def schema_of(path):
    body = json.loads(CONTRACT.read_text())
    operation = body["paths"][path]["post"]["requestBody"]
    schema = dict(operation["content"]["application/json"]["schema"])
    schema["components"] = body.get("components", {})
    return schema


@pytest.fixture(scope="module")
def validators():
    jsonschema = pytest.importorskip("jsonschema")
    if not CONTRACT.exists():
        pytest.skip("no contract of Brevo's API beside the checkout")
    return {kind: jsonschema.Draft202012Validator(
                schema_of(path), format_checker=jsonschema.FormatChecker())
            for kind, path in (("contact", "/contacts"), ("event", "/events"))}


def test_there_are_golden_requests():
    assert len(REQUESTS) >= 20


@pytest.mark.parametrize("file", REQUESTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_requests_satisfy_the_contract(file, validators):
    requests = json.loads(file.read_text())
    for kind, validator in validators.items():
        errors = [f"{kind} {list(e.absolute_path)}: {e.message}"
                  for e in validator.iter_errors(requests[kind])]
        assert not errors, errors


@pytest.mark.parametrize("file", REQUESTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_requests_hold_to_our_own_limits(file):
    requests = json.loads(file.read_text())
    event = requests["event"]
    assert not NEVER & requests["contact"].keys()
    assert len(event["identifiers"]) == 1
    assert len(json.dumps(event["event_properties"])) <= 50 * 1024
    assert "null" not in json.dumps(requests).replace('"null"', "")
