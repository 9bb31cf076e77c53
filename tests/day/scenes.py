"""What a ticket of a contact center may be like: each scene tells one, by a Script.

The end of a call is told within two minutes of its last task's end, or not at all: then it ends by
that, and which of both comes first is no question of time.

A scene is over within three quarters of an hour, and each of its tasks has ended: a task whose end
nobody tells of holds up others for a day, which is true and takes too long.
"""


# ---- parts of scenes

def enter(script, task):
    """Mostly at once, sometimes after a greeting. Some accounts do not tell of it."""
    if script.is_told_of_queues:
        script.wait(0, 1) if script.lucky(0.7) else script.wait(5, 40)
        script.tell("task-queue.entered", task)


def take(script, task, least_s=2, most_s=240):
    script.wait(least_s, most_s)
    return script.tell("reservation.accepted", task)


def open_one(script, **more):
    task = script.begin(**more)
    enter(script, task)
    return take(script, task)


def complete(script, task):
    script.wait(1, 30)
    if script.lucky(0.3):
        script.tell("task.wrapup", task)
        script.wait(1, 60)
    script.tell("task.completed", task, reason="resolved")


def cancel(script, task, reason):
    script.tell("task.canceled", task, reason=reason)


def close(script, share=0.8):
    """The conversation is closed; on the phone the interaction, where there is one."""
    ticket = script.ticket
    if not script.lucky(share if ticket.conversation else share / 3):
        return
    script.wait(1, 60)
    if ticket.conversation or ticket.interaction:
        script.tell("conversation.ended")


def answer_survey(script, task, share=0.2):
    """Always later than anything that could still be on its way about the task."""
    if not script.lucky(share):
        return
    script.wait(660, 900)
    scale = script.choose.choice((5, 5, 5, 10))
    names_channel = script.lucky(0.5)       # the ticket knows it anyway
    script.tell("survey.completed", task, survey="post-chat", kind="csat",
                score=script.choose.randint(0 if scale == 10 else 1, scale), scale=scale,
                names_channel=names_channel)
    if script.lucky(0.3):
        script.wait(1, 20)
        script.tell("survey.completed", task, survey="recommend", kind="nps",
                    score=script.choose.randint(0, 10), scale=10, names_channel=names_channel)


# ---- scenes

def served(script):
    task = open_one(script)
    script.wait(30, 900)
    if script.lucky(0.5):
        close(script)           # the customer left, the agent still writes
        complete(script, task)
    else:
        complete(script, task)
        close(script)
    answer_survey(script, task)


def transferred(script):
    first = open_one(script)
    script.wait(30, 300)
    second = open_one(script, is_named=script.lucky(0.9))
    complete(script, first)
    script.wait(30, 300)
    complete(script, second)
    close(script)
    answer_survey(script, second)


def consulted(script):
    """The second one is over before the first one is."""
    first = open_one(script)
    script.wait(30, 300)
    second = open_one(script)
    script.wait(30, 300)
    complete(script, second)
    script.wait(30, 300)
    complete(script, first)
    close(script)


def invitation_refused(script):
    first = open_one(script)
    script.wait(30, 300)
    second = script.begin()
    script.wait(5, 60)
    cancel(script, second, script.choose.choice(("Task TTL Exceeded", "declined by the agent")))
    script.wait(30, 300)
    complete(script, first)
    close(script)


def parked_and_back(script):
    first = open_one(script)
    script.wait(30, 300)
    if script.ticket.conversation:
        script.tell("conversation.inactive")
    complete(script, first)
    script.wait(60, 600)
    if script.ticket.conversation and script.lucky(0.8):
        script.tell("conversation.active")
    second = open_one(script)
    script.wait(30, 300)
    complete(script, second)
    close(script)


def parked_and_closed(script):
    first = open_one(script)
    script.wait(30, 300)
    if script.ticket.conversation:
        script.tell("conversation.inactive")
    complete(script, first)
    if script.ticket.conversation:
        script.wait(60, 600)
    close(script, share=3)


def gave_up(script):
    task = script.begin()
    enter(script, task)
    script.wait(5, 300)
    cancel(script, task, script.choose.choice(("hangup", "Caller hung up")))
    close(script)


def unserved(script):
    task = script.begin()
    enter(script, task)
    script.wait(60, 600)
    cancel(script, task, script.choose.choice(("Task TTL Exceeded", "Workflow timeout")))
    close(script)


def gone_at_once(script):
    task = script.begin()
    script.wait(0, 4)
    cancel(script, task, "hangup")
    close(script)


def canceled_otherwise(script):
    task = script.begin()
    script.wait(10, 100)
    cancel(script, task, script.choose.choice(("Closed by an administrator", "cleaned up", "")))
    close(script)


def called_again(script):
    first = script.begin()
    script.wait(10, 100)
    cancel(script, first, "hangup")
    script.wait(5, 100)
    second = open_one(script)
    script.wait(30, 300)
    complete(script, second)
    close(script)


def requeued_and_gave_up(script):
    first = script.begin()
    script.wait(30, 120)
    cancel(script, first, "Workflow timeout")
    script.wait(1, 3)
    second = script.begin()
    script.wait(1, 100)
    cancel(script, second, "hangup")
    close(script)


def gave_up_twice(script):
    for pause_s in ((150, 600), (0, 0)):
        task = script.begin()
        script.wait(10, 100)
        cancel(script, task, "hangup")
        script.wait(*pause_s)
    close(script)


def called_back(script):
    task = script.begin(purpose="callback")
    enter(script, task)
    if script.lucky(0.7):
        take(script, task)
        complete(script, task)
        close(script)
        answer_survey(script, task)
    else:
        script.wait(10, 300)
        cancel(script, task, "hangup")
        close(script)


def left_a_voicemail(script):
    task = script.begin(purpose="voicemail")
    enter(script, task)
    if script.lucky(0.5):
        take(script, task)
        complete(script, task)
    else:
        script.wait(10, 300)
        cancel(script, task, "hangup")


def deleted(script):
    task = open_one(script)
    script.wait(30, 300)
    script.tell(script.choose.choice(("task.deleted", "task.system-deleted")), task)
    close(script)


def surveyed_by_task(script):
    """Flex's own way: a task of its own, canceled once it is answered."""
    task = open_one(script)
    script.wait(30, 300)
    survey = script.begin(purpose="survey")
    complete(script, task)
    script.wait(5, 60)
    survey.score = script.choose.randint(1, 5) if script.lucky(0.8) else None
    cancel(script, survey, "CSAT saved")
    close(script)


def called_out(script):
    task = script.begin(direction="outbound")
    if script.lucky(0.8):
        take(script, task, 1, 5)
        script.wait(30, 300)
        complete(script, task)
    else:
        script.wait(10, 60)
        cancel(script, task, "hangup")
    close(script)


def called_out_and_transferred(script):
    first = take(script, script.begin(direction="outbound"), 1, 5)
    script.wait(30, 300)
    second = take(script, script.begin(direction="outbound"))
    complete(script, first)
    script.wait(30, 300)
    complete(script, second)
    close(script)


def called_out_for_an_answer(script):
    """In the ticket of who asked, which stays the customer's whichever task ends last."""
    first = open_one(script)
    script.wait(30, 300)
    second = take(script, script.begin(direction="outbound"), 1, 20)
    script.wait(30, 300)
    for task in (first, second) if script.lucky(0.7) else (second, first):
        complete(script, task)
        script.wait(30, 300)
    close(script)
    answer_survey(script, first)


SCENES = {
    "served": (520, served), "transferred": (90, transferred), "consulted": (20, consulted),
    "invitation refused": (30, invitation_refused), "parked, back": (30, parked_and_back),
    "parked, closed": (20, parked_and_closed), "gave up": (70, gave_up),
    "unserved": (25, unserved), "gone at once": (25, gone_at_once),
    "canceled otherwise": (25, canceled_otherwise), "called again": (25, called_again),
    "requeued, gave up": (15, requeued_and_gave_up), "gave up twice": (10, gave_up_twice),
    "called back": (20, called_back), "voicemail": (15, left_a_voicemail),
    "deleted": (10, deleted), "survey task": (20, surveyed_by_task),
    "called out": (45, called_out), "called out, transferred": (10, called_out_and_transferred),
    "called out for an answer": (15, called_out_for_an_answer),
}
