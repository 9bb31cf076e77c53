"""What in a request does not fit the published description of Brevo's API, where that lies at hand.

The description is an OpenAPI document beside the checkout, not a part of it; described() is None
where it is missing, or the package that reads schemas is.
"""

import functools
import json
import pathlib
import re
import urllib.parse

from brevo_account import EMAIL, is_date_time

NOTHING_AT_HAND = "no API description beside the checkout, or no jsonschema"


def description():
    beside = pathlib.Path(__file__).resolve().parents[3]
    return next(iter(sorted(beside.glob("*/contracts/brevo/brevo-v3-strict.json"))), None)


@functools.cache
def described():
    """A Description or None; read once."""
    try:
        import jsonschema
    except ImportError:
        return None
    found = description()
    return Description(json.loads(found.read_text())["paths"], jsonschema) if found else None


def formats(jsonschema):
    """jsonschema itself knows date-time only where one package more is installed."""
    checker = jsonschema.FormatChecker(())
    checker.checks("date-time")(lambda value: not isinstance(value, str) or is_date_time(value))
    checker.checks("email")(lambda value: not isinstance(value, str) or EMAIL.fullmatch(value))
    return checker


class Description:
    def __init__(self, paths, jsonschema):
        checker = formats(jsonschema)

        def compiled(schema):
            return jsonschema.Draft202012Validator(schema, format_checker=checker)

        self.operations = [Operation(method.upper(), path, operation, compiled)
                           for path, methods in sorted(paths.items(), key=lambda one: "{" in one[0])
                           for method, operation in methods.items()]

    def problem(self, method, target, raw):
        """What is wrong with it, as a text, or None. `target` begins after /v3."""
        path, _, query = target.partition("?")
        for operation in self.operations:
            match = operation.path.fullmatch(path) if operation.method == method else None
            if match:
                found = operation.problem(match.groupdict(), query, raw)
                return found and f"{operation.name}: {found}"
        return f"{method} {path} is not described"


class Operation:
    def __init__(self, method, path, operation, compiled):
        self.method = method
        self.name = f"{method} {path}"
        self.path = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        self.parameters = {(one["in"], one["name"]): compiled(one["schema"])
                           for one in operation.get("parameters", ())}
        self.required = {key for key in self.parameters if any(
            one.get("required") and (one["in"], one["name"]) == key
            for one in operation["parameters"])}
        content = operation.get("requestBody", {}).get("content", {})
        self.body = compiled(content["application/json"]["schema"]) if content else None

    def problem(self, in_path, query, raw):
        given = {("path", name): [urllib.parse.unquote(text)] for name, text in in_path.items()}
        for name, texts in urllib.parse.parse_qs(query, keep_blank_values=True).items():
            given["query", name] = texts
        missing = sorted(name for _, name in self.required - set(given))
        return (missing and f"{missing[0]} is missing"
                or next(filter(None, (self._parameter(*one) for one in given.items())), None)
                or self._body(raw))

    def _parameter(self, key, texts):
        """A number in a query is text; its schema is for what it says."""
        if key not in self.parameters:
            return f"{key[1]} is not described"
        schema = self.parameters[key].schema
        kind = schema.get("items", schema).get("type")
        values = [int(text) if kind == "integer" and text.isdigit() else text for text in texts]
        return first(self.parameters[key], values if schema.get("type") == "array" else values[-1],
                     key[1])

    def _body(self, raw):
        if self.body is None:
            return "it has no body" if raw else None
        try:
            value = json.loads(raw, parse_constant=no_constant)
        except ValueError as problem:
            return f"its body is no JSON: {problem}"
        return first(self.body, value, "body")


def no_constant(name):
    raise ValueError(name)


def first(validator, value, where):
    """The first thing that does not fit, shortened: it may quote all of a body."""
    for error in validator.iter_errors(value):
        at = "".join(f"[{part!r}]" for part in error.absolute_path)
        said = error.message
        short = said if len(said) < 300 else f"{said[:100]} … {said[-190:]}"
        return f"{where}{at}: {short}"
    return None
