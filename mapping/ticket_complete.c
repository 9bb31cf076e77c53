/*
 * ticket_complete.c - what an event does not know of its ticket, and the ticket's tasks do.
 */
#include "mapping/event_filter.h"
#include "mapping/event_subject.h"
#include "mapping/ticket_known.h"

/*
 * What the event lacks of its customer, from whoever of the ticket knew it: by the phone alone, say, it
 * would be of another contact than by the e-mail that was told before. An address that is not the
 * ticket's is somebody else's, and then nothing is added. True: something was.
 */
static bool
complete_customer(struct customer *customer, const struct facts *facts)
{
    struct customer whole = *customer;
    const struct {
        const char *name;
        char *text;
        size_t size;
    } known[] = {
        {"-email", whole.email, sizeof whole.email},
        {"-phone", whole.phone, sizeof whole.phone},
        {"-whatsapp", whole.whatsapp, sizeof whole.whatsapp},
        {"-ext_id", whole.ext_id, sizeof whole.ext_id},
    };
    bool is_more = false;

    for (size_t i = 0; i < LENGTH(known); i++) {
        const struct fact *fact = facts_find(facts, slice_of(known[i].name));

        if (fact == NULL || fact->text.size == 0) {
            continue;
        }
        if (known[i].text[0] == '\0') {
            is_more |= slice_to_text(fact->text, known[i].text, known[i].size);
        } else if (!slice_is(fact->text, known[i].text)) {
            return false;
        }
    }
    if (is_more) {
        *customer = whole;
    }
    return is_more;
}

static void
learn_customer(struct ticket *ticket, const struct facts *facts)
{
    struct event_reading *reading = ticket->reading;
    const bool lacks_all = reading->lacks_customer;

    if (lacks_all) {
        reading->event.customer = (struct customer){0};
    } else if (reading->verdict != EVENT_DELIVER) {
        return;
    }
    if (!complete_customer(&reading->event.customer, facts)) {
        return;
    }
    reading->lacks_customer = false;
    event_trace(reading, lacks_all ? "customer: as the ticket's tasks say"
                                   : "customer: with what the ticket's tasks say");
    if (lacks_all) {
        event_accept(reading, ticket->rules);
    }
}

/*
 * An answer's own goes first, but for one without a name: many call the task channel of surveys
 * as they like.
 */
static void
learn_channel(struct ticket *ticket, const struct facts *facts)
{
    struct event *event = &ticket->reading->event;
    const struct fact *fact = facts_find(facts, slice_of("-channel"));
    const bool is_nameless =
        event->channel == CHANNEL_UNKNOWN ||
        (event->type == EVENT_SURVEY_COMPLETED && event->channel == CHANNEL_OTHER);

    if (fact != NULL && channel_from_name(fact->text, &ticket->channel) && is_nameless &&
        event->channel != ticket->channel) {
        event->channel = ticket->channel;
        event_trace(ticket->reading, "channel: as the ticket's tasks say");
    }
}

static bool
learn_sid(const struct facts *facts, const char *name, char ret_sid[SID_SIZE])
{
    const struct fact *fact = facts_find(facts, slice_of(name));

    return fact != NULL && slice_to_text(fact->text, ret_sid, SID_SIZE);
}

/* Which conversation ended its end knows best: another one of the ticket's has not. */
static void
learn_names(struct ticket *ticket, const struct facts *facts)
{
    struct event *event = &ticket->reading->event;
    bool is_more = event->interaction_sid == NULL &&
                   learn_sid(facts, "-interaction_sid", event->told_interaction);

    if (event->type == EVENT_SURVEY_COMPLETED && event->conversation_sid == NULL) {
        is_more |= learn_sid(facts, "-conversation_sid", event->told_conversation);
    }
    if (is_more) {
        event_trace(ticket->reading, "names: as the ticket's tasks say");
    }
}

void
ticket_complete(struct ticket *ticket, const struct facts *facts)
{
    const enum event_type type = ticket->reading->event.type;

    learn_customer(ticket, facts);
    if (type == EVENT_CONVERSATION_ENDED || type == EVENT_SURVEY_COMPLETED) {
        learn_channel(ticket, facts);
        learn_names(ticket, facts);
    }
}
