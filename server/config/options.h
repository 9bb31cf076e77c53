/*
 * options.h - the table of every configuration key.
 *
 * Reading, checking, printing, `check-config --keys` and the documentation test walk it.
 */
#pragma once

#include "server/config/config.h"

enum option_type {
    OPTION_TEXT,
    OPTION_URL, /* http or https; kept without trailing slashes */
    OPTION_BOOL,
    OPTION_INTEGER,
    OPTION_DURATION, /* kept in ms */
    OPTION_SIZE,     /* kept in bytes */
    OPTION_RATE,     /* per second; 0 is `auto` */
    OPTION_SHARE,    /* over 0, up to 1 */
    OPTION_LOG_LEVEL,
    OPTION_AGENT,
    OPTION_OUTBOUND,
    OPTION_TEXTS,       /* struct config_texts */
    OPTION_URLS,        /* the same, of what OPTION_URL is */
    OPTION_RULES_TEXTS, /* struct rules_texts */
    OPTION_CHANNELS,
    OPTION_FIELD_MAP,
    OPTION_EVENT_MAP,
    OPTION_EXTRACTORS, /* a list of maps */
    OPTION_TYPE_COUNT
};

/* Ways to say who we are: only the keys of those that are chosen are needed. */
enum option_proof {
    PROOF_NONE,   /* the option is of none */
    PROOF_BY_KEY, /* to Brevo: by either of two */
    PROOF_BY_TOKEN,
    PROOF_BY_TWILIO_KEY, /* to Twilio: the auth token may do */
};

/* Which text a value may be. */
struct option_shape {
    const char *noun;     /* "an account SID" */
    const char *expected; /* "AC and 32 hexadecimal digits" */
    bool (*accepts)(const char *text);
};

enum {
    /* bits of used_by and needed_by */
    BY_CHECK = 1 << CONFIG_FOR_CHECK,
    BY_RUN = 1 << CONFIG_FOR_RUN,
    BY_SERVE = 1 << CONFIG_FOR_SERVE,
    BY_WORK = 1 << CONFIG_FOR_WORK,
    BY_TOOL = 1 << CONFIG_FOR_TOOL,
    BY_ASK = 1 << CONFIG_FOR_ASK,
    BY_TWILIO_SIDE = BY_CHECK | BY_RUN | BY_SERVE,
    BY_BREVO_SIDE = BY_CHECK | BY_RUN | BY_WORK | BY_ASK,
    BY_SERVICES = BY_TWILIO_SIDE | BY_BREVO_SIDE,
};

enum {
    CONFIG_OPTIONS_MAX = 112,
    CONFIG_KEY_MAX = 256, /* a dotted key, with the NUL */
};

#define OPTION_FLEX(name) "connectors.twilio_flex." name
#define OPTION_ENABLED OPTION_FLEX("enabled")
#define OPTION_AUTH_TOKEN OPTION_FLEX("auth_token")
#define OPTION_FILE_SUFFIX "_file"
#define OPTION_FILE_VARIABLE_SUFFIX "_FILE"

struct config_option {
    const char *key;      /* dotted: "brevo.api_key" */
    const char *variable; /* environment; NULL: none */
    enum option_type type;
    unsigned used_by;   /* 0: all; others accept the key and do without its value */
    unsigned needed_by; /* these refuse to start without */
    enum option_proof proof;
    bool is_secret;   /* printed as ****; also has a `_file` form */
    bool is_reloaded; /* taken anew on SIGHUP; all others need a restart */
    bool
        must_resolve; /* a secret whose unset ${NAME} is an error: it would open a door */
    bool has_file;    /* not secret as a whole, but may hold a password */
    size_t offset;    /* in struct config */
    const char *initial; /* as it would stand in the environment; NULL: not set */
    const struct option_shape *shape; /* of texts and items; NULL: any text */
    /* NULL, or says what is wrong with a text of another shape and what to do, without repeating
       any of it. False: the shape's `expected` says it all. */
    bool (*explain)(const char *text, char ret_remedy[CONFIG_KEY_MAX]);
    int64_t min;        /* integers, durations, sizes */
    int64_t max;        /* the same; of lists the most items, 0 for the type's limit */
    const char *remedy; /* what to do when a needed one is missing */
};

extern const struct config_option config_options[];
extern const size_t config_option_count;

/* Where the option's value is kept. */
void *option_field(const struct config_option *option, struct config *config);
bool option_has_file_form(const struct config_option *option);
/* The option of a dotted key, else NULL. *ret_is_file: the key is its `_file` form. */
const struct config_option *option_find(const char *key, bool *ret_is_file);
/* Other keys live below this one: "connectors", "brevo", "" (the whole file). */
bool option_is_section(const char *key);
/*
 * The key somebody meant who wrote the unknown `key`: a sibling spelled alike, else the same name
 * in another section. Writes all of it, dotted; false when nothing is near.
 */
bool option_suggest(const char *key, char ret_key[CONFIG_KEY_MAX]) MUST_USE;
/* The one of `count` names that is spelled like `word`; NULL: none is. */
const char *option_nearest(const char *word, const char *const *names, size_t count);
/* How far two words are apart, in inserted, removed and replaced characters. */
size_t option_distance(const char *a, const char *b);
