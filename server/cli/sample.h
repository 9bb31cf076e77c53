/*
 * sample.h - webhooks as Twilio would send them, made up on the spot.
 *
 * SIDs are fresh and random but for what belongs to one task: its conversation, interaction, call
 * and reservation are derived from its SID, so that samples about the same task belong together.
 */
#pragma once

#include "mapping/channel.h"
#include "mapping/key.h"

enum {
    SAMPLE_SID_SIZE = 35, /* two letters, 32 hex digits and the NUL */
    SAMPLE_ID_SIZE = 37,  /* a SID, or a UUID and the NUL */
    SAMPLE_BODY_MAX = 64 * 1024,
};

struct sample_kind; /* one of the events a sample can be made of */

/* "task.created", ...; NULL for another. */
const struct sample_kind *sample_find(const char *event);
/* Whether `source` ever says this of that channel, and which one says it by default. */
bool sample_has_source(
    const struct sample_kind *kind, enum source source, enum channel channel);
enum source sample_default_source(const struct sample_kind *kind, enum channel channel);

struct sample {
    const struct sample_kind *kind;
    enum source source;        /* sample_has_source() holds */
    bool is_form;              /* else JSON; the source's route takes it */
    const char *email;         /* NULL: unknown */
    const char *phone;         /* E.164; NULL: unknown */
    const char *task_sid;      /* NULL: a new task */
    const char *account_sid;   /* NULL: made up */
    const char *workspace_sid; /* NULL: made up */
    enum channel channel;
    bool deliver; /* asks a server with a live Brevo not to filter it */
    int64_t now_ms;
};

/* What a sample turned out to be about. */
struct sample_subject {
    const char *name; /* "task_sid", "message_sid", ... */
    char id[SAMPLE_ID_SIZE];
};

/*
 * Writes the body: a form, a JSON object or, for Event Streams, an array of one CloudEvent.
 * `body` is zeroed; the caller releases it with buffer_done(). 0, or -errno.
 */
int sample_compose(const struct sample *sample, struct buffer *body,
    struct sample_subject *ret_subject) MUST_USE;

/* A random SID. 0 or -errno of the random source. */
int sample_make_sid(const char *prefix, char ret_sid[SAMPLE_SID_SIZE]) MUST_USE;
/* Whether a text has the shape of a SID with this prefix. */
bool sample_is_sid(const char *text, const char *prefix);
