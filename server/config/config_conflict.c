/*
 * config_conflict.c - sockets that two would share, credentials that exclude each other, events that
 * would always be too old.
 */
#include "server/config/config_conflict.h"

#include <stdio.h>

#include "server/config/config_value.h"
#include "server/net/listen_address.h"

/* One socket for both would answer a webhook now as a webhook, now as an unknown page. */
static int
check_listeners(const struct config *config, const struct config_place *place,
    struct config_error *error)
{
    struct listen_address server = {0};
    struct listen_address admin = {0};

    if (!listen_address_parse(slice_of(config->listen), &server) ||
        !listen_address_parse(slice_of(config->admin_listen), &admin) ||
        server.kind != LISTEN_SYSTEMD || admin.kind != LISTEN_SYSTEMD) {
        return 0;
    }
    if (server.name.size > 0 && admin.name.size > 0 &&
        !slice_equal(server.name, admin.name)) {
        return 0;
    }
    return config_fail(error, place, "admin.listen",
        "give each the name of a socket of its own: systemd:NAME",
        "server.listen and admin.listen may be one inherited socket");
}

/* Any part of it says that it is meant. */
static enum option_proof
chosen_proof(const struct config *config)
{
    return config->brevo_client_id != NULL || config->brevo_client_secret != NULL ||
                   config->brevo_oauth_scope != NULL
               ? PROOF_BY_TOKEN
               : PROOF_BY_KEY;
}

/* Nobody could tell which of the two was meant, or is in use. */
static int
check_proofs(const struct config *config, const struct config_place *place,
    struct config_error *error)
{
    if (chosen_proof(config) != PROOF_BY_TOKEN || config->brevo_api_key == NULL) {
        return 0;
    }
    return config_fail(error, place, "brevo.oauth",
        "keep one of the two; an environment variable may set the other",
        "brevo.api_key is given, too");
}

/* Of events of one type, to the end of which each of them waits. */
struct wait {
    enum event_type type;
    bool is_synced;
    int64_t wait_ms;
    const char *key;
    const char *whose;
};

static int
fail_wait(const struct rules *rules, const struct wait *wait,
    const struct config_place *place, struct config_error *error)
{
    char waited[CONFIG_DURATION_TEXT_SIZE];
    char most[CONFIG_DURATION_TEXT_SIZE];
    char remedy[CONFIG_KEY_MAX];

    config_duration_text(wait->wait_ms, waited);
    config_duration_text(rules->max_event_age_ms, most);
    (void)snprintf(remedy, sizeof(remedy), "raise it above %s, or lower that", wait->key);
    return config_fail(error, place, "brevo.max_event_age", remedy,
        "%s%s is always too old: it waits %s (%s), and %s is the most",
        event_type_name(wait->type), wait->whose, waited, wait->key, most);
}

/* Not those that end as soon as somebody tells, or by the end of which the event is dated. */
static int
check_waits(const struct config *config, const struct config_place *place,
    struct config_error *error)
{
    const struct rules *rules = &config->rules;
    const bool tells_calls = rules->sync_conversations && rules->channels[CHANNEL_VOICE];
    const struct wait waits[] = {
        {EVENT_TASK_COMPLETED, rules->sync_tasks, rules->ticket_settle_ms,
            "ticket.settle", ""},
        {EVENT_TASK_CANCELED, rules->sync_tasks, rules->ticket_abandoned_after_ms,
            "ticket.abandoned_after", ""},
        {EVENT_CONVERSATION_ENDED, tells_calls, rules->ticket_voice_end_ms,
            "ticket.voice_end", " of a call"},
        {EVENT_SURVEY_COMPLETED, rules->sync_csat, rules->csat_settle_ms, "csat.settle",
            ""},
    };

    for (size_t i = 0; i < LENGTH(waits); i++) {
        if (waits[i].is_synced && rules->event_names[waits[i].type] != NULL &&
            waits[i].wait_ms >= rules->max_event_age_ms) {
            return fail_wait(rules, &waits[i], place, error);
        }
    }
    return 0;
}

int
config_conflict_check(const struct config *config, enum config_command command,
    const char *file, struct config_error *error)
{
    const struct config_place place = {.file = file};
    int r = check_listeners(config, &place, error);

    if (r != 0 || (1U << command & BY_BREVO_SIDE) == 0) {
        return r;
    }
    r = check_proofs(config, &place, error);
    return r == 0 ? check_waits(config, &place, error) : r;
}

bool
config_conflict_concerns(const struct config *config, const struct config_option *option)
{
    switch (option->proof) {
    case PROOF_BY_KEY:
    case PROOF_BY_TOKEN:
        return option->proof == chosen_proof(config);
    case PROOF_BY_TWILIO_KEY:
        return config->api_key_sid != NULL || config->api_key_secret != NULL;
    case PROOF_NONE:
        break;
    }
    return true;
}
