"""A real Chromium: what a page can send to us, and what of our answers it can read.

The plugin's code is the one in docs/http-api.md, word for word.
"""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import threading
import urllib.parse

import pytest

import harness
from harness import Task, wait_until

pytestmark = pytest.mark.time_limit(180)    # a browser takes its time to start

PATH = "/webhooks/flex/task-complete"
SCRIPT_S = 60
DOCUMENT = harness.ROOT / "docs" / "http-api.md"


# ---- pages

class Pages(http.server.BaseHTTPRequestHandler):
    """The same empty page for every path. By name instead of address it is another origin."""

    def do_GET(self):
        body = b"<!doctype html><title>page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def pages():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def allowed(pages):
    return f"http://127.0.0.1:{pages}"


@pytest.fixture
def stranger(pages):
    return f"http://localhost:{pages}"


# ---- the browser

def chromium(webdriver, binary, driver, directory):
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",   # root has no sandbox
                     "--disable-dev-shm-usage", "--disable-background-networking",
                     "--no-first-run", f"--user-data-dir={directory}"):
        options.add_argument(argument)
    service = webdriver.chrome.service.Service(driver, popen_kw={"start_new_session": True})
    return webdriver.Chrome(service=service, options=options)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no chromium, or no chromedriver")
    browser = chromium(webdriver, binary, driver, tmp_path_factory.mktemp("profile"))
    process = browser.service.process
    try:
        browser.set_script_timeout(SCRIPT_S)
        yield browser
        browser.quit()
    finally:
        with contextlib.suppress(ProcessLookupError):   # the driver and all it has started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(browser, script, *arguments):
    """Runs the body of an async function in the page; returns what it returns, or its error."""
    return browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        f"(async function () {{ {script} }}).apply(null, arguments)"
        ".then(done, (error) => done({failed: String(error)}));", *arguments)


POST = """
    const [url, type, body] = arguments;
    const answer = await fetch(url, {
        method: "POST", keepalive: true, headers: {"Content-Type": type}, body});
    return {status: answer.status, type: answer.type, text: await answer.text(),
            retryAfter: answer.headers.get("Retry-After")};
"""


def post_json(browser, url, body):
    return run(browser, POST, url, "application/json", json.dumps(body))


def post_form(browser, url, body):
    fields = {name: value if isinstance(value, str) else json.dumps(value)
              for name, value in body.items()}
    return run(browser, POST, url, "application/x-www-form-urlencoded",
               urllib.parse.urlencode(fields))


# ---- the server

@pytest.fixture
def flexbrevo(program, redis, allowed):
    return program("serve", changes={
        "redis": {"url": redis.url},
        "connectors": {"twilio_flex": {"cors_origins": [allowed]}}}).start()


@pytest.fixture
def url(flexbrevo):
    return flexbrevo.url + PATH


def plugin_body(token=None):
    token = harness.fake_iam.flex_token(harness.WORKER_SID) if token is None else token
    return Task().plugin_body(Token=token)


def accepted(flexbrevo):
    return flexbrevo.metric('events_accepted_total{source="flex-plugin"}')


# ---- what a page can do

@pytest.mark.parametrize("post", [post_json, post_form])
def test_an_allowed_page_posts_and_reads_the_answer(browser, allowed, flexbrevo, url, post):
    browser.get(allowed)
    answer = post(browser, url, plugin_body())
    assert answer == {"status": 202, "type": "cors", "text": "", "retryAfter": None}
    assert accepted(flexbrevo) == 1


@pytest.mark.parametrize("post", [post_json, post_form])
def test_an_allowed_page_reads_errors(browser, allowed, iam, flexbrevo, url, post):
    browser.get(allowed)
    answer = post(browser, url, plugin_body(token="eyJ.no.token"))
    assert answer["status"] == 403
    assert json.loads(answer["text"])["error"]["code"] == "forbidden"
    iam.fault("server_error")
    answer = post(browser, url, plugin_body())
    assert answer["status"] == 429
    assert int(answer["retryAfter"]) > 0
    assert json.loads(answer["text"])["error"]["code"] == "unavailable"
    assert accepted(flexbrevo) == 0


def test_the_token_may_be_a_bearer(browser, allowed, flexbrevo, url):
    browser.get(allowed)
    body = plugin_body()
    token = body.pop("Token")
    status = run(browser, """
        const [url, token, body] = arguments;
        return (await fetch(url, {method: "POST", body, headers: {
            "Content-Type": "application/json", "Authorization": "Bearer " + token}})).status;
        """, url, token, json.dumps(body))
    assert status == 202
    assert accepted(flexbrevo) == 1


def test_a_header_nobody_allowed_is_not_sent(browser, allowed, flexbrevo, url):
    browser.get(allowed)
    answer = run(browser, """
        return (await fetch(arguments[0], {method: "POST", headers: {"X-Other": "1"}})).status;
        """, url)
    assert "Failed to fetch" in answer["failed"]
    assert accepted(flexbrevo) == 0


def test_a_page_of_another_origin_reads_nothing(browser, stranger, flexbrevo, url):
    browser.get(stranger)
    assert "Failed to fetch" in post_json(browser, url, plugin_body())["failed"]
    assert accepted(flexbrevo) == 0             # the browser asked first, and was not allowed
    assert "Failed to fetch" in post_form(browser, url, plugin_body())["failed"]
    assert accepted(flexbrevo) == 1             # a form needs no leave: a real token let it in
    assert "Failed to fetch" in post_form(browser, url, plugin_body(token="x"))["failed"]


# ---- the plugin's code in the documentation

def documented_code():
    blocks = re.findall(r"^```js\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    assert len(blocks) == 1
    return blocks[0]


PLUGIN = """
    const flex = {Actions: {addListener: (name, listener) => { page[name] = listener; }}};
    const manager = {user: {get token() { page.tokens += 1; return page.token; }}};
    const page = window.page = {token: arguments[1], tokens: 0, warnings: [], pauses: []};
    const later = window.setTimeout.bind(window);
    console.warn = (...words) => page.warnings.push(words.join(" "));
    window.setTimeout = (call, ms) => { page.pauses.push(ms); return later(call, 1); };
    reportCompletedTasks(flex, manager, arguments[0]);
"""

COMPLETE = """
    page.returned = String(page.afterCompleteTask({task: arguments[0], reason: "done"}));
"""


def itask():
    """What Flex UI calls a task: its sid is the reservation's."""
    task = Task()
    return {"sid": task.reservation_sid, "taskSid": task.sid, "workerSid": harness.WORKER_SID,
            "attributes": task.customer.attributes(), "taskChannelUniqueName": "chat",
            "queueSid": harness.sid("WQ"), "queueName": task.queue, "age": task.age}


@pytest.fixture
def plugin(browser, allowed, url):
    browser.get(allowed)
    token = harness.fake_iam.flex_token(harness.WORKER_SID)
    assert run(browser, documented_code() + PLUGIN, url, token) is None
    return browser


def page_of(browser):
    return browser.execute_script("return window.page;")


def test_the_documented_code_reports_a_completed_task(plugin, flexbrevo):
    run(plugin, COMPLETE, itask())
    wait_until(lambda: accepted(flexbrevo) == 1, "the event")
    page = page_of(plugin)
    assert page["returned"] == "undefined"      # nothing for the action chain to wait for
    assert page["warnings"] == [] and page["pauses"] == []


def test_the_documented_code_tries_again_as_it_is_asked_to(plugin, flexbrevo, iam):
    iam.fault("server_error", count=2)
    run(plugin, COMPLETE, itask())
    wait_until(lambda: accepted(flexbrevo) == 1, "the event")
    page = page_of(plugin)
    assert len(page["pauses"]) == 2
    assert all(5000 <= ms <= 6000 for ms in page["pauses"])     # Retry-After, and some jitter
    assert page["tokens"] == 3                                  # read anew each time
    assert page["warnings"] == []


def test_the_documented_code_does_not_insist_on_what_is_refused(plugin, flexbrevo, iam):
    plugin.execute_script("page.token = 'eyJ.no.token';")
    run(plugin, COMPLETE, itask())
    wait_until(lambda: page_of(plugin)["warnings"], "the warning")
    page = page_of(plugin)
    assert re.match(r"flexbrevo refused: The proof .* not valid", page["warnings"][0])
    assert page["pauses"] == []
    assert iam.calls() == 1
    assert accepted(flexbrevo) == 0


def test_the_documented_code_gives_up_on_a_server_that_is_gone(plugin, flexbrevo):
    flexbrevo.terminate()
    run(plugin, COMPLETE, itask())
    wait_until(lambda: page_of(plugin)["warnings"], "the warning", SCRIPT_S)
    page = page_of(plugin)
    assert page["warnings"][0].startswith("flexbrevo: given up on WT")
    assert len(page["pauses"]) == 10
    assert all(0 <= ms <= 30000 for ms in page["pauses"])


def test_a_post_outlives_its_page(plugin, flexbrevo, iam):
    iam.fault("delay", seconds=1)
    run(plugin, COMPLETE + "location = 'about:blank';", itask())
    wait_until(lambda: plugin.current_url == "about:blank", "the page to be gone")
    wait_until(lambda: accepted(flexbrevo) == 1, "the event")
