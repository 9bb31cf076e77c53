"""The checks find what they are there to find, and find nothing in this tree."""

import pathlib

import check_functions
import check_layers
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tree(tmp_path, **files):
    for name, text in files.items():
        folder, _, rest = name.partition("__")
        path = tmp_path / folder / rest.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_this_tree_keeps_its_layers():
    assert list(check_layers.breaches(ROOT)) == []


def test_this_tree_keeps_its_sizes_and_habits():
    assert list(check_functions.breaches(ROOT)) == []


@pytest.mark.parametrize("name,include,reason", [
    ("mapping__a_dot_c", '"queue/queue.h"', "never back"),
    ("mapping__a_dot_c", '"server/ops/log.h"', "never back"),
    ("mapping__a_dot_h", '"server/ops/log.h"', "never back"),
    ("queue__a_dot_c", '"server/ops/log.h"', "never back"),
    ("queue__a_dot_c", '"mapping/event.h"', "never back"),
    ("mapping__a_dot_c", "<sys/socket.h>", "no use"),
    ("queue__a_dot_c", "<jansson.h>", "no use"),
    ("queue__queue_dot_c", "<hiredis/hiredis.h>", "home is queue/redis.c"),
    ("server__ops__a_dot_c", "<hiredis/hiredis.h>", "home is queue/redis.c"),
    ("server__ops__a_dot_c", "<curl/curl.h>", "home is server/net/http_client.c"),
    ("server__net__a_dot_c", "<microhttpd.h>", "home is server/net/http.c"),
    ("server__config__a_dot_c", "<yaml.h>", "home is server/config/config_yaml.c"),
    ("mapping__a_dot_c", "<openssl/evp.h>", "home is server/ingest"),
    ("server__config__a_dot_c", '"server/proof/verify.h"', "rooms below it"),
    ("server__ingest__a_dot_c", '"server/deliver/pace.h"', "rooms below it"),
    ("server__ops__a_dot_c", '"server/net/http.h"', "rooms below it"),
])
def test_a_backward_include_is_found(tmp_path, name, include, reason):
    root = tree(tmp_path, **{name: f"/*\n * x\n */\n#include {include}\n"})
    found = list(check_layers.breaches(root))
    assert len(found) == 1 and reason in found[0] and ":4: includes" in found[0]


def test_a_backward_include_in_this_very_tree_is_found(tmp_path):
    for folder in check_layers.MAY_INCLUDE:
        for path in (ROOT / folder).rglob("*.[ch]"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    with open(tmp_path / "mapping" / "base.c", "a", encoding="utf-8") as file:
        file.write('#include "queue/queue.h"\n')
    assert ["mapping/base.c" in line for line in check_layers.breaches(tmp_path)] == [True]


def test_the_allowed_includes_are_allowed(tmp_path):
    root = tree(
        tmp_path, mapping__a_dot_c='#include <jansson.h>\n#include "mapping/base.h"\n',
        queue__redis_dot_c='#include <hiredis/hiredis.h>\n#include "mapping/base.h"\n',
        server__a_dot_c='#include "queue/queue.h"\n#include "mapping/event.h"\n')
    assert list(check_layers.breaches(root)) == []


def source(body):
    return f"/*\n * a.c - an example.\n */\n{body}\n"


@pytest.mark.parametrize("text,reason", [
    (source("int\na(void)\n{\n" + "    b();\n" * 59 + "}"), "a function of 61 lines"),
    (source("int\na(void)\n{\n    return atoi(x);\n}"), "atoi() is banned"),
    (source("int\na(void)\n{\n    return x + strcpy (a, b);\n}"), "strcpy() is banned"),
    (source("x;\n" * 400), "404 lines"),
    ("int a;\n", "does not open with"),
])
def test_a_breach_of_size_or_habit_is_found(tmp_path, text, reason):
    root = tree(tmp_path, server__a_dot_c=text)
    found = list(check_functions.breaches(root))
    assert len(found) == 1 and reason in found[0]


@pytest.mark.parametrize("text", [
    source("int\na(void)\n{\n" + "    b();\n" * 58 + "}"),
    source("/* strcpy() would cut it */\nint\na(void)\n{\n    return log(\"gets (x) {\");\n}"),
    source("int\na(void)\n{\n    return item.rand(1) + item->system(2) + my_sleep(3);\n}"),
    source("static const int table[] = {\n" + "    1,\n" * 70 + "};"),
])
def test_what_only_looks_like_a_breach_is_none(tmp_path, text):
    assert list(check_functions.breaches(tree(tmp_path, server__a_dot_c=text))) == []


def test_a_header_without_its_guard_is_found(tmp_path):
    root = tree(tmp_path, queue__a_dot_h="/*\n * a.h - an example.\n */\nint a;\n")
    assert "pragma once" in list(check_functions.breaches(root))[0]
