"""mapping-diff where an event's fate depends on others of its ticket, on its age, or on what it rides."""
import pytest

import harness
from harness import sid
from test_mapping_diff import changed, diff_json
from test_tickets import Ticket, closings, told_creation

KEPT = {"queue": {"keep_bodies": "1h"}}
DELIVERED = 'verdict: "filtered" -> "deliver"'
NOT_DELIVERED = 'verdict: "deliver" -> "filtered"'


@pytest.fixture
def ticket(program, twilio):
    return Ticket(program(changes=KEPT).start(), twilio)


@pytest.fixture
def diff(ticket, tmp_path):
    """By two configurations that differ in one section, from the program's own."""
    def run(section, old, new):
        files = []
        for name, values in (("old.yaml", old), ("new.yaml", new)):
            whole = {section: {**ticket.flexbrevo.config.get(section, {}), **values}}
            files.append(changed(ticket.flexbrevo, tmp_path, {}, whole).rename(tmp_path / name))
        assert diff_json(files[0], files[0])[0] == 0
        return diff_json(*files)
    return run


@pytest.fixture
def renamed(ticket, tmp_path):
    def run(**events):
        mapping = {name.replace("_", "."): told for name, told in events.items()}
        new = changed(ticket.flexbrevo, tmp_path, {"event_mapping": mapping})
        return diff_json(ticket.flexbrevo.config_file, new)
    return run


def post(ticket, *webhooks):
    """One after another: waits are over at once, and each is judged by what is known by then."""
    for webhook in webhooks:
        assert ticket.flexbrevo.caller().send(webhook).status in (200, 204)
        ticket.told = ticket.flexbrevo.metric("queue_accepted")
        ticket.settled()


ROUTES = ("conversations", "event-streams", "interactions")


@pytest.mark.parametrize("is_task_first", [True, False], ids=["task first", "task last"])
@pytest.mark.parametrize("routes", [(route,) for route in ROUTES] + [ROUTES], ids="+".join)
def test_the_end_of_a_conversation_is_that_of_its_tickets_tasks(
        ticket, twilio, renamed, routes, is_task_first):
    ends = closings(ticket)
    posts = [ends[route] for route in routes]
    posts.insert(0 if is_task_first else len(posts), twilio.form(told_creation(ticket)))
    post(ticket, *posts)
    status, (_, different), told = renamed(conversation_ended="CHAT_OVER")
    assert (status, different) == (1, 1)
    assert told["changes"] == {'event.event_name: "CONVERSATION_ENDED" -> "CHAT_OVER"': 1}
    assert told["unjudged"] == {}


def test_the_end_of_a_conversation_without_a_task_is_not_called_alike_for_certain(
        ticket, renamed, tmp_path):
    ticket.state("closed", 30)
    ticket.settled()
    status, counts, told = renamed(conversation_ended="CHAT_OVER")
    assert (status, counts, told["unjudged"]) == (0, (1, 0), {"not_flex": 1})
    code, out, _ = harness.run_command(
        "mapping-diff", ticket.flexbrevo.config_file, tmp_path / "new.yaml")
    assert (code, out.splitlines()[1:]) == (
        0, ["     1  alike as far as is recorded, not for certain: not_flex"])


@pytest.mark.parametrize("asks, unjudged", [(True, {"anonymous_caller": 1}), (False, {})])
def test_whom_twilio_might_have_known_is_not_called_alike_for_certain(
        ticket, diff, asks, unjudged):
    task = ticket.task()
    task.customer = harness.Customer(email="", phone="anonymous")
    ticket.tell(task, "task.created")
    ticket.settled()
    status, counts, told = diff("identity", {"ask_twilio": False}, {"ask_twilio": asks})
    assert (status, counts, told["unjudged"]) == (0, (1, 0), unjudged)


def hand_on(ticket):
    """A task, and the one it was handed on as."""
    first, second = ticket.task(), ticket.task(began_s=20)
    for task, at_s in ((first, 0), (second, 20)):
        ticket.tell(task, "task.created", at_s)
        ticket.tell(task, "reservation.accepted", at_s + 5, ReservationSid=sid("WR"))
    ticket.tell(first, "task.completed", 30)
    ticket.tell(second, "task.completed", 50)
    ticket.settled()
    return first, second


def test_what_is_told_once_for_a_ticket_and_once_for_each_task_differs(ticket, diff):
    first, second = hand_on(ticket)
    status, (compared, _), told = diff("ticket", {"per_task": False}, {"per_task": True})
    assert (status, compared) == (1, 4)
    assert told["changes"][DELIVERED] == 2
    assert told["changes"]['reason: "same_ticket" -> null'] == 1
    assert told["changes"]['reason: "already_delivered" -> null'] == 1
    gained = {record["record"] for record in told["records"]
              if record["changes"][0]["path"] == "verdict"}
    # The last completion is the ticket's: by task, the first one is told beside it.
    assert gained == {f"task.created/{second.sid}", f"task.completed/{first.sid}"}


def test_a_newer_task_is_one_for_as_long_as_each_says(ticket, diff):
    ticket.tell(ticket.task(), "task.canceled", 10)
    ticket.tell(ticket.task(began_s=40), "task.created", 40)
    ticket.settled()
    status, counts, told = diff(
        "ticket", {"abandoned_after": "2m"}, {"abandoned_after": "10s"})
    assert (status, counts) == (1, (2, 1))
    assert told["changes"] == {DELIVERED: 1, 'reason: "newer_task" -> null': 1}


def test_who_gave_up_is_not_judged_by_what_came_when_nobody_waited_for_it_any_more(ticket, diff):
    ticket.tell(ticket.task(), "task.canceled", 10)
    again = ticket.task(began_s=40)
    ticket.tell(again, "task.created", 40)
    ticket.tell(again, "reservation.accepted", 45)
    ticket.settled()
    status, counts, told = diff(
        "ticket", {"abandoned_after": "10s"}, {"abandoned_after": "2m"})
    assert (status, counts) == (1, (2, 1))
    assert told["changes"] == {NOT_DELIVERED: 1, 'reason: null -> "was_served"': 1}


@pytest.mark.parametrize("taken_after_s, told_of", [(20, 1), (5, 0)])
def test_who_waits_is_told_of_unless_taken_by_then(
        ticket, tmp_path, taken_after_s, told_of):
    task = ticket.task()
    ticket.tell(task, "task.created")
    ticket.tell(task, "reservation.accepted", taken_after_s)
    ticket.tell(task, "task.completed", 30)
    ticket.settled()
    new = changed(ticket.flexbrevo, tmp_path, {"event_mapping": {"task.waiting": "WAITING"}},
                  {"wait": {"notify_after": "10s"}})
    status, counts, told = diff_json(ticket.flexbrevo.config_file, new)
    assert (status, counts) == (told_of, (3, told_of))
    assert told["changes"] == ({'verdict: null -> "deliver"': 1} if told_of else {})


def test_whose_it_is_comes_from_the_tickets_other_records(ticket, renamed):
    first, second = ticket.task(), ticket.task(began_s=20)
    second.customer = harness.Customer(email="", phone="anonymous")
    ticket.tell(second, "task.completed", 50)       # nobody's, for all it says
    ticket.tell(first, "task.created")
    ticket.tell(first, "task.completed", 30)
    ticket.settled()
    status, counts, told = renamed(task_completed="CASE_CLOSED")
    assert (status, counts) == (1, (3, 1))
    assert told["changes"] == {'event.event_name: "SUPPORT_RESOLVED" -> "CASE_CLOSED"': 1}
    assert [one["record"] for one in told["records"]] == [f"task.completed/{second.sid}"]


def test_numbers_that_an_event_no_longer_carries_are_told_and_masked(ticket, diff):
    ticket.tell(ticket.task(), "task.completed", 10)
    ticket.settled()
    status, counts, told = diff(
        "brevo", {"contact_properties": True}, {"contact_properties": False})
    assert (status, counts) == (1, (1, 1))
    numbers = {"LAST_SUPPORT_DATE": '"a text of 10 bytes"', "SUPPORT_TICKET_COUNT": '"a number"',
               "PREFERRED_CHANNEL": '"a text of 8 bytes"'}
    assert told["changes"] == {
        **{f"event.contact_properties.{name}: {what} -> null": 1
           for name, what in numbers.items()},
        **{f"contact.attributes.{name}: null -> {what}": 1 for name, what in numbers.items()}}


def test_an_event_is_as_old_as_it_was_when_it_came(ticket, diff):
    ticket.time_ms -= 2 * 3600 * 1000
    ticket.tell(ticket.task(), "task.completed")
    ticket.settled()
    status, counts, told = diff("brevo", {"max_event_age": "3h"}, {"max_event_age": "1h"})
    assert (status, counts) == (1, (1, 1))
    assert told["changes"] == {NOT_DELIVERED: 1, 'reason: null -> "too_old_for_automation"': 1}
    assert diff("brevo", {"max_event_age": "3h"}, {"max_event_age": "4h"})[1:] == (
        (1, 0), {"compared": 1, "different": 0, "without_bytes": 0, "older": 0, "unjudged": {},
                 "changes": {}, "records": []})


def test_what_may_be_an_agents_words_is_not_printed(ticket, diff):
    ticket.tell(ticket.task(), "task.canceled", 10)
    ticket.settled()
    status, counts, told = diff(
        "ticket", {}, {"abandoned_reasons": ["left"], "unserved_reasons": ["hangup"]})
    assert (status, counts) == (1, (1, 1))
    assert told["changes"] == {
        'event.event_properties.outcome: "a text of 9 bytes" -> "a text of 8 bytes"': 1}
