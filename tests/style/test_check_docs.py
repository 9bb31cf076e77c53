"""The check of the documentation finds what is missing and what is made up."""

import pathlib
import re
import shutil

import check_docs
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def findings(root):
    return [*check_docs.missing(root), *check_docs.wrong_reasons(root)]


def test_the_documentation_mirrors_the_code():
    assert findings(ROOT) == []


def test_where_a_customer_and_a_profile_are_looked_for_is_documented_in_its_order(tmp_path):
    assert list(check_docs.wrong_places(ROOT)) == []
    for name in ("docs/mapping.md", "mapping/customer.c", "mapping/profile.c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"))
    for name, old, new in (
            ("mapping/customer.c", '        "customerEmail",\n', ""),
            ("mapping/customer.c", '{"from", "caller"}', '{"caller", "from"}'),
            ("mapping/profile.c", '"customer_tier", "customerTier"', '"customer_tier", "tier"')):
        changed = (ROOT / name).read_text(encoding="utf-8").replace(old, new)
        (tmp_path / name).write_text(changed)
        assert len(list(check_docs.wrong_places(tmp_path))) == 1, new
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"))


def test_the_filter_of_parked_knows_the_reasons_there_are(tmp_path):
    assert list(check_docs.unlisted_reasons(ROOT)) == []
    (tmp_path / "docs").mkdir()
    (tmp_path / "server" / "cli").mkdir(parents=True)
    (tmp_path / "docs" / "operations.md").write_text(
        "## Why a record was parked\n\n| `poison` | x |\n| `rejected` | y |\n")
    (tmp_path / "server" / "cli" / "parked_filter.c").write_text(
        'reasons[] = {\n    "poison",\n    "toxic",\n};\n')
    assert [line.split()[1] for line in check_docs.unlisted_reasons(tmp_path)] == [
        "rejected", "toxic"]


def test_every_link_leads_somewhere():
    assert list(check_docs.dead_links(ROOT)) == []


def test_dead_links_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# What's `this`?\n")
    (tmp_path / "README.md").write_text(
        "[1](docs/a.md#whats-this) [2](docs/a.md#that) [3](docs/b.md) [4](https://example.com/#x)")
    assert list(check_docs.dead_links(tmp_path)) == [
        "README.md: docs/a.md#that: there is no such heading",
        "README.md: docs/b.md: there is no such file"]


def test_the_tests_that_are_named_exist(tmp_path):
    assert list(check_docs.unknown_tests(ROOT)) == []
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    (tmp_path / "tests" / "e2e" / "test_a.py").write_text("def test_one(caller):\n    pass\n")
    for document in check_docs.TESTS_NAMED_IN:
        (tmp_path / document).write_text("`test_a.py::test_one` `e2e/test_a.py` "
                                         "`test_a.py::test_on` `faults/test_a.py::test_one`")
    assert list(check_docs.unknown_tests(tmp_path)) == [
        f"{document}: {name}: there is no such test"
        for document in check_docs.TESTS_NAMED_IN
        for name in ("test_a.py::test_on", "faults/test_a.py::test_one")]


def test_a_test_that_is_only_called_does_not_exist(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests" / "unit" / "test_a.c").write_text(
        "static void\nis_there(void **state)\n{\n    calls(is_not());\n}\n")
    for document in check_docs.TESTS_NAMED_IN:
        (tmp_path / document).write_text("`test_a.c::is_there` `test_a.c::is_not`")
    assert list(check_docs.unknown_tests(tmp_path)) == [
        f"{document}: test_a.c::is_not: there is no such test"
        for document in check_docs.TESTS_NAMED_IN]


@pytest.mark.parametrize("was, instead, finding", [
    (r"^\| 21 \|.*\n", "", "Twilio: not the rows 1 to 27"),
    ("cannot apply: there is no backfill", "never mind",
     "Twilio 21: neither a test nor why there is none"),
    (r"^(\| 3 \|.*\|)[^|]*\|$", r"\1 by luck |", "Brevo 3: neither a test nor why there is none"),
])
def test_a_pitfall_nothing_would_find_is_found(tmp_path, was, instead, finding):
    assert list(check_docs.open_pitfalls(ROOT)) == []
    (tmp_path / "docs").mkdir()
    text = (ROOT / "docs/pitfalls.md").read_text(encoding="utf-8")
    (tmp_path / "docs/pitfalls.md").write_text(re.sub(was, instead, text, count=1, flags=re.M))
    assert list(check_docs.open_pitfalls(tmp_path)) == ["docs/pitfalls.md: " + finding]


@pytest.mark.parametrize("document, word, instead, finding", [
    ("operations.md", "| `bad_answer`", "| `bad_answers`",
     "Why a record was parked: bad_answer of server/deliver/job_contact.c is missing"),
    ("operations.md", "| `bad_answer`", "| `bad_answer`, `bad_luck`",
     "Why a record was parked: bad_luck is in no code, or here twice"),
    ("operations.md", "`own_number`, ", "",
     "Why a record was filtered: own_number of mapping/customer.c is missing"),
    ("operations.md", "`ip_blocked`", "`ip_unknown`",
     "Why deliveries are paused: ip_blocked of server/deliver/brevo_causes.c is missing"),
    ("operations.md", "`no_token`, ", "",
     "Why a request was refused: no_token of server/ingest/call_proof.c is missing"),
    ("http-api.md", "`too_large`", "", "too_large of server/ingest/routes.c is missing"),
])
def test_a_missing_and_an_invented_word_are_found(tmp_path, document, word, instead, finding):
    for folder in ("server", "mapping", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "README.md", tmp_path)
    path = tmp_path / "docs" / document
    text = path.read_text()
    assert word in text
    path.write_text(text.replace(word, instead, 1))

    assert any(line.endswith(finding) for line in findings(tmp_path)), findings(tmp_path)
