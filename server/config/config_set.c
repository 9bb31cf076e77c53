/*
 * config_set.c - one setter per type of value: an item's text into the option's field.
 */
#include "server/config/config_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/config/shape.h"

static const double rate_min = 0.1; /* slower, and no delivery fits into its claim */

enum {
    RATE_MAX = 10000,
    DECIMALS_MAX = 6,
};

static_assert(
    CONFIG_TEXTS_MAX <= (int)RULES_LIST_MAX, "keep_text() bounds both kinds of list");

static bool
has_shape(const struct config_option *option, const char *text)
{
    return option->shape == NULL || option->shape->accepts(text);
}

/* A URL loses the slashes it ends with: the path of a route follows it. */
static char *
keep(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    const bool is_url = option->type == OPTION_URL || option->type == OPTION_URLS;
    struct slice text = slice_of(item->text);

    while (is_url && text.size > 0 && text.data[text.size - 1] == '/') {
        text.size--;
    }
    return config_keep(config, text);
}

/* Copies into the pointer, whichever const it carries. */
int
config_set_text(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    if (!has_shape(option, item->text)) {
        return CONFIG_SET_E_BAD;
    }
    const char *kept = keep(option, item, config);

    memcpy(option_field(option, config), &kept, sizeof(kept));
    return kept != NULL ? 0 : -ENOMEM;
}

/* YAML 1.1's words, the ones its editors still complete. */
int
config_set_bool(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    static const char *const words[][2] = {
        {"false", "true"},
        {"no", "yes"},
        {"off", "on"},
    };
    bool *field = option_field(option, config);

    for (size_t i = 0; i < LENGTH(words); i++) {
        if (strcasecmp(item->text, words[i][0]) == 0 ||
            strcasecmp(item->text, words[i][1]) == 0) {
            *field = strcasecmp(item->text, words[i][1]) == 0;
            return 0;
        }
    }
    return CONFIG_SET_E_BAD;
}

int
config_set_integer(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    int64_t number;

    if (!slice_to_int64(slice_of(item->text), &number)) {
        return CONFIG_SET_E_BAD;
    }
    return config_set_number(option, number, option_field(option, config));
}

/* "8", "0.8", "2.50": whatever the locale. */
static bool
parse_decimal(const char *text, double *ret_number)
{
    const size_t whole = strspn(text, "0123456789");
    const char *fraction = text + whole + (text[whole] == '.' ? 1 : 0);
    const size_t decimals = strspn(fraction, "0123456789");
    int64_t whole_part;
    int64_t parts = 0;
    double scale = 1;

    if (!slice_to_int64((struct slice){text, whole}, &whole_part) ||
        decimals > DECIMALS_MAX || fraction[decimals] != '\0' ||
        (text[whole] == '.' && decimals == 0) ||
        (decimals > 0 && !slice_to_int64((struct slice){fraction, decimals}, &parts))) {
        return false;
    }
    for (size_t i = 0; i < decimals; i++) {
        scale *= 10;
    }
    *ret_number = (double)whole_part + (double)parts / scale;
    return true;
}

int
config_set_rate(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    double *field = option_field(option, config);
    double rate;

    if (strcmp(item->text, "auto") == 0) {
        *field = 0;
        return 0;
    }
    if (!parse_decimal(item->text, &rate) || rate < rate_min || rate > RATE_MAX) {
        return CONFIG_SET_E_BAD;
    }
    *field = rate;
    return 0;
}

int
config_set_share(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    double *field = option_field(option, config);
    double share;

    if (!parse_decimal(item->text, &share) || share <= 0 || share > 1) {
        return CONFIG_SET_E_BAD;
    }
    *field = share;
    return 0;
}

int
config_set_log_level(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    enum log_level *field = option_field(option, config);

    return log_level_parse(slice_of(item->text), field) ? 0 : CONFIG_SET_E_BAD;
}

static const char *const agent_names[] = {
    [RULES_AGENT_NONE] = "none",
    [RULES_AGENT_SID] = "sid",
    [RULES_AGENT_NAME] = "name",
};
static const char *const outbound_names[] = {
    [RULES_OUTBOUND_RESOLVED] = "resolved",
    [RULES_OUTBOUND_IGNORE] = "ignore",
    [RULES_OUTBOUND_ALL] = "all",
};

const char *
config_agent_name(enum rules_agent agent)
{
    return agent_names[agent];
}

const char *
config_outbound_name(enum rules_outbound outbound)
{
    return outbound_names[outbound];
}

/* The number of the name that is `text`; `count` when none is. */
static size_t
find_name(const char *const *names, size_t count, const char *text)
{
    size_t i = 0;

    while (i < count && strcmp(text, names[i]) != 0) {
        i++;
    }
    return i;
}

int
config_set_agent(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    const size_t found = find_name(agent_names, LENGTH(agent_names), item->text);

    if (found == LENGTH(agent_names)) {
        return CONFIG_SET_E_BAD;
    }
    *(enum rules_agent *)option_field(option, config) = (enum rules_agent)found;
    return 0;
}

int
config_set_outbound(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    const size_t found = find_name(outbound_names, LENGTH(outbound_names), item->text);

    if (found == LENGTH(outbound_names)) {
        return CONFIG_SET_E_BAD;
    }
    *(enum rules_outbound *)option_field(option, config) = (enum rules_outbound)found;
    return 0;
}

/* Checks and keeps one text more of a list that has `count`. */
static int
keep_text(const struct config_option *option, const struct config_item *item,
    size_t count, struct config *config, char **ret_text)
{
    const size_t most = option->max > 0 ? (size_t)option->max : CONFIG_TEXTS_MAX;

    if (!has_shape(option, item->text)) {
        return CONFIG_SET_E_BAD;
    }
    if (count >= most) {
        return CONFIG_SET_E_FULL;
    }
    char *kept = keep(option, item, config);

    if (kept == NULL) {
        return -ENOMEM;
    }
    *ret_text = kept;
    return 0;
}

int
config_add_text(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    struct config_texts *texts = option_field(option, config);
    const int r =
        keep_text(option, item, texts->count, config, &texts->items[texts->count]);

    texts->count += r == 0 ? 1 : 0;
    return r;
}

/* What mapping compares is lower case: addresses are, and phone numbers have none. */
int
config_add_rules_text(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    struct rules_texts *texts = option_field(option, config);
    char *text;
    const int r = keep_text(option, item, texts->count, config, &text);

    if (r != 0) {
        return r;
    }
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    texts->items[texts->count++] = text;
    return 0;
}

int
config_add_channel(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    bool *channels = option_field(option, config);
    enum channel channel;

    if (!channel_from_name(slice_of(item->text), &channel)) {
        return CONFIG_SET_E_BAD;
    }
    channels[channel] = true;
    return 0;
}

int
config_add_event(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    const char **names = option_field(option, config);
    enum event_type type;

    if (!event_type_from_name(slice_of(item->name), &type)) {
        return CONFIG_SET_E_NAME;
    }
    if (*item->text == '\0') { /* switched off */
        names[type] = NULL;
        return 0;
    }
    if (!has_shape(option, item->text)) {
        return CONFIG_SET_E_BAD;
    }
    names[type] = config_keep(config, slice_of(item->text));
    return names[type] != NULL ? 0 : -ENOMEM;
}

void
config_clear_texts(void *field)
{
    ((struct config_texts *)field)->count = 0;
}

void
config_clear_rules_texts(void *field)
{
    ((struct rules_texts *)field)->count = 0;
}

/* An event is left out for the channel it came by, never for one we could not tell. */
void
config_clear_channels(void *field)
{
    bool *channels = field;

    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        channels[i] = i == CHANNEL_UNKNOWN || i == CHANNEL_OTHER;
    }
}
