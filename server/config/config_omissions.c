/*
 * config_omissions.c - what the configuration leaves out, so that nobody looks for it in vain.
 */
#include <string.h>

#include "server/config/config_print.h"

static void
omit_channels(const struct config *config, json_t *lines)
{
    AUTO(buffer_done) struct buffer names = {.max = CONFIG_ERROR_SIZE};
    size_t count = 0;

    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        if (config_channel_is_choice((enum channel)i) && !config->rules.channels[i]) {
            buffer_addf(
                &names, "%s%s", count > 0 ? ", " : "", channel_name((enum channel)i));
            count++;
        }
    }
    if (count > 0 && !names.failed) {
        (void)json_array_append_new(lines, json_sprintf("channels: %s %s left out",
                                               names.data, count > 1 ? "are" : "is"));
    }
}

static void
omit_switches(const struct config *config, json_t *lines)
{
    const struct {
        bool left_out;
        const char *line;
    } switches[] = {
        {config_is_shadow(config),
            "brevo.mode: shadow, so nothing is sent: requests are written to shadow.jsonl"},
        {config->contacts_create != NULL &&
                strcmp(config->contacts_create, "always") != 0,
            "contacts.create: events of whom Brevo does not have are left out"},
        {config->rules.only_contacts.count > 0,
            "brevo.only_contacts: events of everybody else are left out"},
        {!config->rules.sync_conversations,
            "sync.conversations: false, so conversation events are left out"},
        {!config->rules.sync_tasks, "sync.tasks: false, so task events are left out"},
        {!config->rules.sync_customers,
            "sync.customers: false, so events carry no contact attributes"},
        {!config->rules.sync_csat, "sync.csat: false, so survey events are left out"},
        {!config->sync_agent_activity,
            "sync.agent_activity: false, so what agents do is left out"},
        {config->analytics_retention_ms == 0,
            "analytics.retention: 0, so neither queues nor agents are counted"},
    };

    for (size_t i = 0; i < LENGTH(switches); i++) {
        if (switches[i].left_out) {
            (void)json_array_append_new(lines, json_string(switches[i].line));
        }
    }
}

static void
omit_events(const struct config *config, json_t *lines)
{
    for (size_t i = 0; i < EVENT_TYPE_OPTIONAL; i++) {
        if (config->rules.event_names[i] == NULL) {
            (void)json_array_append_new(lines,
                json_sprintf("event_mapping: %s has no Brevo event and is left out",
                    event_type_name((enum event_type)i)));
        }
    }
}

/* Said by a complete configuration; what reads them is not built yet. */
static void
omit_unused(const struct config *config, json_t *lines)
{
    const struct {
        bool given;
        const char *key;
    } keys[] = {
        {config->flex_flow_sid != NULL, "flex_flow_sid"},
    };

    for (size_t i = 0; i < LENGTH(keys); i++) {
        if (keys[i].given) {
            (void)json_array_append_new(
                lines, json_sprintf("%s: this version has no use for it", keys[i].key));
        }
    }
}

json_t *
config_omissions(const struct config *config)
{
    json_t *lines = json_array();

    omit_switches(config, lines);
    omit_channels(config, lines);
    omit_events(config, lines);
    omit_unused(config, lines);
    return lines;
}
