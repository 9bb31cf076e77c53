/*
 * rules.h - what configuration says about meaning, as plain values.
 *
 * Filled in by server/config, read by mapping/ only. Strings are borrowed from the configuration.
 */
#pragma once

#include "mapping/channel.h"
#include "mapping/zone.h"

enum event_type {
    EVENT_TASK_CREATED,
    EVENT_TASK_COMPLETED,
    EVENT_TASK_CANCELED,
    EVENT_CONVERSATION_ENDED,
    EVENT_SURVEY_COMPLETED,
    EVENT_TASK_WAITING, /* from here on: only when `event_mapping` names them */
    EVENT_MESSAGE_DELIVERED,
    EVENT_MESSAGE_UNDELIVERED,
    EVENT_MESSAGE_FAILED,
    EVENT_MESSAGE_READ,
    EVENT_TYPE_COUNT
};

enum {
    EVENT_TYPE_OPTIONAL = EVENT_TASK_WAITING, /* the first of them */
};

/* "task.created", ... as in `event_mapping` and in record keys; NULL for EVENT_TYPE_COUNT. */
const char *event_type_name(enum event_type type);
bool event_type_from_name(struct slice name, enum event_type *ret_type) MUST_USE;

enum rules_agent {
    RULES_AGENT_NONE,
    RULES_AGENT_SID,
    RULES_AGENT_NAME,
};

/* Of tickets the business began: which of a task's events are sent. */
enum rules_outbound {
    RULES_OUTBOUND_RESOLVED, /* only how they end */
    RULES_OUTBOUND_IGNORE,
    RULES_OUTBOUND_ALL,
};

/* Where an answer to a survey is. */
enum rules_answer_in {
    RULES_IN_SURVEY_TASK,  /* of a task that is nothing but a survey */
    RULES_IN_SUPPORT_TASK, /* of a support case's, beside what becomes of that */
    RULES_IN_POST,         /* to the survey endpoint */
    RULES_IN_COUNT
};

enum {
    RULES_FIELDS_MAX = 64,
    RULES_OVERWRITES_MAX = 16,
    RULES_LIST_MAX = 64,
    RULES_REASON_MAX = 64, /* bytes of why a task is canceled, of what it is for */
    RULES_EXTRACTORS_MAX = 16,
};

/*
 * One item of `csat.extractors`: to what it applies, and how an answer is read there. NULL is not
 * asked for, or not given.
 */
struct rules_extractor {
    enum rules_answer_in in;
    const char *attribute;       /* a path; something must be there */
    const char *attribute_value; /* and be this */
    const char *workflow;        /* a name or SID */
    const char *queue;           /* likewise */
    enum channel channel;        /* CHANNEL_UNKNOWN: any */
    const char *score;           /* a path */
    int64_t score_min;
    int64_t score_max;   /* 0: as the kind has it */
    const char *comment; /* a path; without one Brevo is told no comment */
    const char *survey_id;
    const char *kind;
};

/* One line of `field_mapping`: where from, and the Brevo attribute it fills. */
struct rules_field {
    const char *path;      /* "identity", "attributes.email", ... */
    const char *attribute; /* "FIRSTNAME", "SMS", "email", ... */
};

struct rules_texts {
    const char *items[RULES_LIST_MAX];
    size_t count;
};

struct rules {
    const char *account_sid;                   /* NULL: any */
    const char *workspace_sid;                 /* NULL: any */
    const char *event_names[EVENT_TYPE_COUNT]; /* Brevo's; NULL: not mapped, filtered */
    struct rules_field fields[RULES_FIELDS_MAX];
    size_t field_count;
    bool overwrites[RULES_FIELDS_MAX]; /* of `fields`: even where Brevo has something */
    bool channels[CHANNEL_COUNT]; /* which channels are sent; unknown ones always are */
    bool sync_conversations;
    bool sync_tasks;
    bool sync_customers; /* false: events without profile attributes */
    bool sync_csat;
    bool
        contact_properties; /* an event carries the numbers its contact's attributes become */
    int64_t list_support_contacts; /* 0: none */
    int64_t list_csat_respondents; /* 0: none */
    int64_t max_event_age_ms;
    struct rules_texts only_contacts; /* lower-case addresses, E.164; none: everybody */
    struct rules_texts own_numbers;   /* E.164 */
    struct rules_texts
        internal_domains;    /* "example.com": their addresses are not customers */
    const char *ext_id_from; /* attribute path, NULL: never send ext_id */
    enum rules_agent agent;
    enum rules_outbound outbound;
    bool ticket_per_task; /* each task is judged, and named, by itself: event_effect.h */
    int64_t ticket_settle_ms;
    int64_t ticket_abandoned_after_ms;
    int64_t ticket_join_wait_ms; /* an end waits so long for who it is about */
    int64_t ticket_voice_end_ms; /* from a call's last task to its end; 0: not by tasks */
    int64_t identity_wait_ms;   /* who names no customer waits so long for one who does */
    struct zone zone;           /* days are counted in */
    int64_t ticket_min_wait_ms; /* who waited less has not given up */
    /* Lower case. Why a task was canceled is one of these when all words of one are in it. */
    struct rules_texts abandoned_reasons; /* who waited gave up */
    struct rules_texts unserved_reasons;  /* nobody came in time */
    struct rules_texts callback_kinds; /* what is said of a task that nobody waits for */
    struct rules_texts voicemail_kinds;
    int64_t wait_notify_ms;     /* who waited so long is told of */
    int64_t wait_max_ms;        /* a longer wait is not averaged */
    int64_t csat_scale;         /* of the attribute, whatever a survey's own was */
    int64_t csat_settle_ms;     /* answers of one ticket and survey within it are one */
    int64_t csat_queue_wait_ms; /* a request waits so long for whether it is a survey's */
    struct rules_extractor extractors[RULES_EXTRACTORS_MAX];
    size_t extractor_count;
    bool
        filter_tests; /* a live Brevo: drop what `trigger` made unless it asked otherwise */
};
