"""Which tier Brevo should have after a day in which tiers change: what was told last overwrites."""


def latest_tiers(contact):
    """[] where none is told; several where each is as good. What was told of their other contact,
    by the phone, counts when a tier is told after the two were found to be one."""
    found = possible_tiers(contact.tickets)
    if contact.same:
        found += possible_tiers(contact.tickets + contact.same.tickets)
    return found


def possible_tiers(tickets):
    """Of the tickets whose tasks may have told one last."""
    spans = [span for span in map(tier_span, tickets) if span]
    latest = max((first for first, _, _ in spans), default=0)
    return [tier for _, last, tier in spans if last >= latest]


def tier_span(judged):
    """(earliest, latest, tier): when the last event that tells it was, by whichever record. Only
    what tasks told tells one, and they have a workflow."""
    told = [[choice["event_date"] if "workflow" in choice else 0 for choice in event.choices]
            for event in judged.events()]
    last = max(map(max, told), default=0)
    tier = judged.ticket.tier
    return (max(map(min, told)), last, tier) if tier and last else None
