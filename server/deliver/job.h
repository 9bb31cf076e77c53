/*
 * job.h - the life of one record in hand.
 *
 *   CLAIMED ─► PARSED ─┬─► MAPPED ─► READY ─► CALLING ─► ANSWERED ─► FINISHED
 *                      │               ▲                     │
 *                      │               └───── next call ─────┘
 *                      ├─► LISTENING (whether its task goes on) ─► as if it were PARSED
 *                      ├─► SPLITTING (what it tells beside) ─► as if it were PARSED
 *                      ├─► TELLING (of its ticket) ─► as if it were PARSED
 *                      ├─► SEEKING ─► ASKING (Twilio, whose it is) ─► ASKED ─► TELLING
 *                      └─► FOLDING (reservation, sink's test) ─► FINISHED
 *
 *   READY, ANSWERED ─► MEETING (what is known of its contact) ─► READY
 *
 * The calls of a delivery: look the contact up, unless it was met lately, say what Brevo does not
 * have yet (often nothing, or numbers that the event carries), then the event; one that may be there
 * already is looked for before (doubt.h). Every stage may finish a job: with an outcome for the queue
 * and a reason.
 *
 * The functions here move one job and touch neither Redis nor the network: worker.c does.
 */
#pragma once

#include "mapping/analytics.h"
#include "mapping/request.h"
#include "mapping/ticket.h"
#include "queue/queue.h"
#include "server/config/config.h"
#include "server/deliver/brevo.h"
#include "server/deliver/contact_cache.h"

enum job_stage {
    JOB_CLAIMED, /* the record's bytes are in hand */
    JOB_PARSED,  /* its routes are one payload */
    JOB_FOLDING, /* it tells of a reservation, or must be told which task one belongs to; or it
                    is a sink's test: what it says is kept elsewhere */
    JOB_LISTENING, /* only a browser told it: its ticket may know better, and is not told yet */
    JOB_SPLITTING, /* it tells more than its own event, which is to be records of its own */
    JOB_TELLING,   /* what it says of its ticket must be known before it can be judged */
    JOB_SEEKING,   /* nobody of its ticket says whose it is: Twilio may be asked */
    JOB_MAPPED,    /* its canonical event and Brevo bodies are known */
    JOB_READY,     /* its effect is ours; `next` may be called */
    JOB_CALLING,   /* `next` is under way */
    JOB_ANSWERED, /* `exchange` has the answer */
    JOB_ASKING,   /* Twilio is */
    JOB_ASKED,    /* `exchange` has Twilio's answer */
    JOB_MEETING,  /* Brevo knows the contact, or does not: what do we know of it? */
    JOB_TURNING, /* and has the event: now for the contact that has its contact's facts */
    JOB_FINISHED, /* `settlement` says how it ends */
    JOB_SETTLED,  /* the queue knows */
};

enum {
    JOB_LOST_SUSPECT = 2, /* claims lost in a row */
    JOB_LOST_POISON = 5,
    JOB_ID_SIZE = 24, /* an int64 and the NUL */
};

/* Of a contact Brevo does not have: whether it once had. */
enum job_erasure {
    JOB_MAY_BE_ERASED,
    JOB_ASKS_WHETHER_ERASED, /* for the number it had */
    JOB_IS_ERASED,
    JOB_IS_NEW,
};

#define JOB_REASON_SHADOW "shadow" /* filtered: written down by shadow.c */

struct job {
    enum job_stage stage;
    bool is_probe; /* delivered to see whether a pause is over */
    struct queue_record *record;
    int64_t claimed_us; /* monotonic, before the claim was asked for */

    json_t *payload;
    struct event_reading reading;
    struct ticket_says says;        /* JOB_TELLING */
    char ticket[EVENT_TICKET_SIZE]; /* its best name, once others were heard */
    char called[TICKET_CALLED_MAX][EVENT_TICKET_SIZE]; /* its other ones */
    size_t called_count;
    char ticket_link[EVENT_TICKET_SIZE]; /* what it was said to be called then */
    const char *reservation_sid;         /* JOB_FOLDING */
    const char *task_sid;                /* JOB_FOLDING: where known */
    struct analytics
        analytics;   /* what it adds to counters; 0 of them: nothing is left to add */
    bool is_counted; /* it was added, by us or before */
    bool has_sought; /* Twilio said who it is, or that nobody is known */

    struct request_identifier identifier; /* the event is sent by */
    struct request_identifier lookup;     /* the contact is looked up by */
    int64_t contact_id;                   /* Brevo's; 0: not known */
    char contact_id_text[JOB_ID_SIZE];
    int64_t lookup_after_ms; /* of what may have come through; 0: it is just sent again */
    int64_t doubted_ms;      /* Redis time of a send that may have; 0: none did */
    char doubted_word[QUEUE_WORD_SIZE]; /* Brevo would have it by this source_event_id */
    char doubted_contact[JOB_ID_SIZE];  /* whom it was sent to; "" unknown */
    json_t *existing; /* what Brevo has of the contact, NULL before that is known */
    int64_t seen_us;  /* when `existing` was true */
    json_t *contact;
    json_t *event;
    const char *mute;   /* update the contact, fire nothing, for this reason; else NULL */
    bool is_shadow;     /* written down, not sent */
    bool only_numbers;  /* no event and no profile: what follows from facts */
    bool has_effect;    /* claimed, to be completed or freed with the settlement */
    bool has_dropped;   /* the identifiers Brevo refused by name */
    bool has_best_only; /* all beside the best one */
    bool has_begun;     /* Brevo was asked something */
    bool has_looked_again; /* somebody else was faster than we */
    bool
        was_updated; /* and Brevo said so of one we had not found: it was looked for then */
    bool asks_by_creating; /* whether its phone is somebody's: Brevo would refuse it */
    bool is_joining;       /* known by its phone: is to gain the e-mail */
    bool asks_owner;       /* the lookup is of whoever has its phone */
    bool is_recalled;      /* `existing` was not asked for: it was met lately */
    bool is_new;           /* it was created just now, and may not be shown yet */
    bool has_numbers;      /* `event` carries the contact's attributes */
    bool goes_alone;       /* in a batch Brevo refused it, and was not asked why */
    bool is_sent;          /* Brevo has its event, and it is never sent again */
    bool is_unsure;        /* whether Brevo has it: the answer was nobody's */
    enum job_erasure erasure;
    unsigned dropped;               /* REQUEST_* bits: not said again */
    struct contact_refused refused; /* of its contact, that is remembered with it */
    unsigned unsaid;    /* REQUEST_* bits: phones of another contact's, or of nobody */
    unsigned unasked;   /* of these: whose was not asked */
    unsigned suspected; /* REQUEST_* bits: not the contact's, and once another one's */
    unsigned meetings;
    int64_t refused_list; /* Brevo did not take it with that; 0: none */
    int64_t other_id;     /* of a contact that is the same customer's; 0: there is none */
    int64_t heir_id;      /* of the one that has its facts; 0: none, -1: it was told */
    unsigned auth_number; /* of the token its call was made with */

    enum brevo_endpoint next;
    struct http_exchange exchange;
    struct buffer url;
    char *body;
    struct brevo_verdict verdict;   /* on the last answer; `reason` is NULL before */
    char detail[QUEUE_DETAIL_SIZE]; /* the last answer in words, "" before; no body */

    struct queue_settlement settlement;
};

/* Takes over the record. The job is zeroed or was job_done(). */
void job_start(struct job *job, struct queue_record *record, int64_t claimed_us);
void job_done(struct job *job);

/* Between the stages of the picture. */
void job_parse(struct job *job);
void job_map(struct job *job, const struct config *config, int64_t now_us);
/* JOB_LISTENING: all that is known of its ticket. */
void job_listen(struct job *job, const struct facts *facts, const struct config *config,
    int64_t now_us);
/* JOB_SPLITTING: goes on as if it told nothing else. */
void job_split(struct job *job, const struct config *config, int64_t now_us);
/* JOB_TELLING: all that is known of its ticket; NULL: it has none. Counters are yet to hear of it. */
void job_judge(struct job *job, const struct facts *facts, const struct config *config,
    int64_t now_us);
void job_effect(struct job *job, const struct queue_effect *effect, int64_t now_us);
/* Starts `next`; `auth` is the credential's header. The job must stay where it is. */
void job_call(struct job *job, const struct config *config, const char *auth,
    struct http_client *client);
/* It goes in a batch, which is under way; and that came to nothing. */
void job_batch(struct job *job);
void job_unbatch(struct job *job);
/*
 * Who its event is about, for a contact Brevo has never met. Joining a list starts automations: an
 * event that shall fire nothing joins none. NULL when memory is out; the caller owns it.
 */
json_t *job_compose_contact(const struct job *job, const struct rules *rules) MUST_USE;
/* After an answer: the next call, a meeting, or the end. */
void job_advance(struct job *job, const struct brevo_verdict *verdict);
/* The next call; the end, of an event nobody shall hear of, or that Brevo has. */
void job_next(struct job *job, enum brevo_endpoint next);
/* Of a fact that was kept: the end, or whoever waited as long as it says is told. */
void job_end_fact(struct job *job);
/* JOB_TURNING: that contact's numbers are told, if Brevo takes them at once. */
void job_turn(struct job *job);

/* The ends. `reason` is static text. */
void job_deliver(struct job *job);
void job_filter(struct job *job, const char *reason);
void job_park(struct job *job, const char *reason);
void job_retry(struct job *job, const char *reason, int64_t delay_ms);
/* When the shelf is open, through no fault of its own: the attempt does not count. */
void job_shelve(struct job *job, const char *reason, unsigned shelf);
/* Later, through no fault of its own: the attempt does not count. */
void job_delay(struct job *job, const char *reason, int64_t delay_ms);
/* For what others have to say: see job_read_ms(). */
void job_wait(struct job *job, const char *reason, int64_t delay_ms);
void job_lack_memory(struct job *job);
void job_release(struct job *job);

/* Unix time as Redis has it: when the record was claimed, and what passed since. */
int64_t job_now_ms(const struct job *job, int64_t now_us);
/*
 * When it was read first, and told to wait; now, until it is. What it waits for may have been stored
 * with it, in a backlog, and be read after it: so no such wait counts from its receipt.
 */
int64_t job_read_ms(const struct job *job, int64_t now_us);
/* What the record is about: in its key the part behind the first '/', mostly a SID. */
struct slice job_subject(const struct job *job);
/* Nobody but a browser has told it. */
bool job_is_unsigned(const struct job *job);
/* Claims of it ended with their worker, so often that this one shall not read it. */
bool job_is_poison(const struct job *job);
/* It has happened more than once: until it is clear whose fault it is, it is handled alone. */
bool job_is_suspect(const struct job *job);
/* Its delivery is not complete without /events. Of a mapped one. */
bool job_needs_events(const struct job *job);
/* Brevo's name of the event, "" before it is mapped. */
const char *job_event_name(const struct job *job, const struct config *config);
/* True when both are about one contact or one subject: then they keep their order. */
bool job_is_related(const struct job *job, const struct job *other);
