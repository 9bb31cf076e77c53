/*
 * config.c - loads the configuration: defaults, then the file, then the environment.
 *
 *   file -> tree -> each key matched to its option -> each option's value found and set
 *        -> what the command needs is there
 */
#include "server/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/config/config_conflict.h"
#include "server/config/config_source.h"
#include "server/config/config_yaml.h"
#include "server/config/network.h"
#include "server/config/shape.h"
#include "server/config/zone_file.h"
#include "server/ops/file.h"

#define DEFAULT_FILE "/etc/flexbrevo/flexbrevo.yaml"
#define FILE_VARIABLE "FLEXBREVO_CONFIG"

struct loader {
    struct config_source source;
    struct config_tree tree;
    struct config_error error;
    struct config *config;
    struct config_mention mentions[CONFIG_OPTIONS_MAX]; /* as config_options */
    /* for the checks at the end: of those not found */
    struct config_finding finding;
    char *unset_variables[CONFIG_OPTIONS_MAX];
    struct config_place unset_places[CONFIG_OPTIONS_MAX];
};

static void
loader_done(struct loader *loader)
{
    config_tree_done(&loader->tree);
}

/* ---- the file -------------------------------------------------------------------------- */

static const char *
choose_file(const char *path)
{
    const char *variable = getenv(FILE_VARIABLE);

    if (path != NULL) {
        return path;
    }
    if (variable != NULL && *variable != '\0') {
        return variable;
    }
    return access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL;
}

static int
read_tree(struct loader *loader)
{
    AUTO(buffer_done) struct buffer text = {0};
    const struct config_place place = {.file = loader->source.file};

    if (loader->source.file == NULL) {
        return 0;
    }
    const int r = file_read(loader->source.file, CONFIG_TREE_BYTES_MAX, &text);

    if (r == -EFBIG) {
        return config_fail(&loader->error, &place, NULL, "is this the right file?",
            "the configuration file has over %d bytes", CONFIG_TREE_BYTES_MAX);
    }
    if (r != 0) {
        return config_fail(&loader->error, &place, NULL,
            "see --config and " FILE_VARIABLE, "cannot read the configuration file, %s",
            strerror(-r));
    }
    return config_yaml_parse(
        buffer_slice(&text), loader->source.file, &loader->tree, &loader->error);
}

static int
refuse_key(struct loader *loader, const struct config_node *node)
{
    const struct config_place place = {
        .file = loader->source.file, .line = node->key_line, .column = node->key_column};
    char suggestion[CONFIG_KEY_MAX];
    char remedy[2 * CONFIG_KEY_MAX] = "remove it; docs/config.md lists every key";

    if (strchr(node->key, '.') != NULL) {
        (void)snprintf(remedy, sizeof(remedy), "write each part on a level of its own");
    } else if (option_suggest(node->path, suggestion)) {
        (void)snprintf(remedy, sizeof(remedy), "did you mean %s?", suggestion);
    }
    return config_fail(&loader->error, &place, node->path, remedy, "unknown key");
}

static int
refuse_section(struct loader *loader, const struct config_node *node)
{
    const struct config_place place = {
        .file = loader->source.file, .line = node->line, .column = node->column};

    return config_fail(&loader->error, &place, *node->path != '\0' ? node->path : NULL,
        "write `name: value` lines; docs/config.md lists every key", "keys are missing");
}

/* Remembers the node as its option's, or accepts it as a section of keys. */
static int
match_node(struct loader *loader, const struct config_node *node)
{
    bool is_file = false;
    const struct config_option *option = option_find(node->path, &is_file);

    if (strchr(node->key, '.') != NULL) {
        return refuse_key(loader, node);
    }
    if (option != NULL) {
        struct config_mention *mention = &loader->mentions[option - config_options];

        *(is_file ? &mention->file : &mention->value) = node;
        return 0;
    }
    if (!option_is_section(node->path)) {
        return refuse_key(loader, node);
    }
    return node->kind == CONFIG_MAP || node->kind == CONFIG_NOTHING
               ? 0
               : refuse_section(loader, node);
}

static int
match_tree(struct loader *loader)
{
    const struct config_node *nodes = loader->tree.nodes;

    for (size_t i = 0; i < loader->tree.count; i++) {
        /* what lies below an option is its value, and read with it */
        const bool is_key = option_is_section(nodes[nodes[i].parent].path);
        const int r = is_key ? match_node(loader, &nodes[i]) : 0;

        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* ---- the values ------------------------------------------------------------------------ */

static int
set_default(struct loader *loader, const struct config_option *option)
{
    const struct config_place place = {.file = "built-in"};
    struct config_items *items = &loader->finding.items;

    if (config_value_split(option, option->initial, &place, loader->config, items) != 0) {
        return config_fail_memory(&loader->error);
    }
    return config_value_set(option, items, loader->config, &loader->error);
}

static int
set_option(struct loader *loader, size_t index)
{
    const struct config_option *option = &config_options[index];
    struct config_finding *finding = &loader->finding;
    int r =
        config_source_find(&loader->source, option, &loader->mentions[index], finding);

    if (r == 0 && finding->found) {
        r = config_value_set(option, &finding->items, loader->config, &loader->error);
    }
    if (r == 0) {
        loader->unset_variables[index] = finding->unset_variable;
        loader->unset_places[index] = finding->place;
    }
    return r;
}

static int
set_options(struct loader *loader)
{
    for (size_t i = 0; i < config_option_count; i++) {
        int r = config_options[i].initial != NULL
                    ? set_default(loader, &config_options[i])
                    : 0;

        r = r == 0 ? set_option(loader, i) : r;
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* ---- what the command needs ------------------------------------------------------------ */

static const char *const command_names[] = {
    [CONFIG_FOR_CHECK] = "run",
    [CONFIG_FOR_RUN] = "run",
    [CONFIG_FOR_SERVE] = "serve",
    [CONFIG_FOR_WORK] = "work",
    [CONFIG_FOR_TOOL] = "this command",
    [CONFIG_FOR_ASK] = "check",
};

static int
refuse_missing(struct loader *loader, size_t index, const char *remedy)
{
    const struct config_option *option = &config_options[index];
    const struct config_place place = {.file = loader->source.file};

    if (loader->unset_variables[index] != NULL) {
        loader->finding.unset_variable = loader->unset_variables[index];
        loader->finding.place = loader->unset_places[index];
        return config_source_fail_unset(&loader->source, option, &loader->finding);
    }
    return config_fail(&loader->error, &place, NULL, remedy, "%s needs %s",
        command_names[loader->source.command], option->key);
}

/* Every option that can be needed is a text or a list of them. */
static bool
is_missing(const struct config *config, const struct config_option *option)
{
    const void *field = (const char *)config + option->offset;
    const char *text;

    if (config_value_is_list(option->type)) {
        return ((const struct config_texts *)field)->count == 0;
    }
    memcpy(&text, field, sizeof(text));
    return text == NULL;
}

static int
check_token(struct loader *loader)
{
    const unsigned command = 1U << loader->source.command;
    const struct config *config = loader->config;
    bool is_file;
    const struct config_option *option = option_find(OPTION_AUTH_TOKEN, &is_file);

    if ((command & BY_TWILIO_SIDE) == 0 || config->auth_token != NULL ||
        config->auth_tokens.count > 0) {
        return 0;
    }
    return refuse_missing(loader, (size_t)(option - config_options),
        "set TWILIO_AUTH_TOKEN, TWILIO_AUTH_TOKENS, or the _FILE form of either");
}

static int
check_enabled(struct loader *loader)
{
    const unsigned starts = BY_CHECK | BY_RUN | BY_SERVE | BY_WORK;
    const struct config_place place = {.file = loader->source.file};

    if (loader->config->enabled || (1U << loader->source.command & starts) == 0) {
        return 0;
    }
    return config_fail(&loader->error, &place, OPTION_ENABLED,
        "set it to true, or do not start the service", "the connector is switched off");
}

static int
check_needs(struct loader *loader)
{
    const unsigned command = 1U << loader->source.command;
    const int r = check_enabled(loader);

    if (r != 0) {
        return r;
    }
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];

        if ((option->needed_by & command) != 0 &&
            config_conflict_concerns(loader->config, option) &&
            is_missing(loader->config, option)) {
            return refuse_missing(loader, i, option->remedy);
        }
    }
    return check_token(loader);
}

/* ---- the whole ------------------------------------------------------------------------- */

enum {
    SANDBOX_LOOKUP_AFTER_MS = 2000,
};

static void
complete(struct config *config)
{
    config->rules.account_sid = config->account_sid;
    config->rules.workspace_sid = config->workspace_sid;
    (void)!zone_file_read(config->timezone, &config->rules.zone); /* its shape is right */
    config->rules.filter_tests = config_brevo_is_live(config);
    if (!config_brevo_is_live(config)) { /* a sandbox shows at once what it has */
        config->brevo_lookup_after_ms =
            MIN(config->brevo_lookup_after_ms, SANDBOX_LOOKUP_AFTER_MS);
    }
    if (config->debug) {
        config->log_level = LOG_DEBUG;
    }
}

static int
load(struct loader *loader)
{
    int r = read_tree(loader);

    r = r == 0 ? match_tree(loader) : r;
    r = r == 0 ? set_options(loader) : r;
    r = r == 0 ? config_conflict_check(loader->config, loader->source.command,
                     loader->source.file, &loader->error)
               : r;
    return r == 0 ? check_needs(loader) : r;
}

int
config_load(const char *path, enum config_command command, struct config *ret_config,
    char ret_error[CONFIG_ERROR_SIZE])
{
    struct config config = {0};
    AUTO(loader_done) struct loader loader = {.config = &config};

    loader.source = (struct config_source){
        .command = command,
        .file = choose_file(path),
        .tree = &loader.tree,
        .config = &config,
        .error = &loader.error,
    };
    if (load(&loader) != 0) {
        memcpy(ret_error, loader.error.text, CONFIG_ERROR_SIZE);
        config_done(&config);
        return EX_CONFIG;
    }
    complete(&config);
    *ret_config = config;
    return 0;
}

const struct config_texts *
config_public_urls(const struct config *config, enum source source)
{
    const struct config_texts *own = &config->routes[source].public_urls;

    return own->count > 0 ? own : &config->public_urls;
}

const char *
config_public_url(const struct config *config, enum source source)
{
    const struct config_texts *urls = config_public_urls(config, source);

    return urls->count > 0 ? urls->items[0] : NULL;
}

bool
config_is_shadow(const struct config *config)
{
    return config->brevo_mode != NULL && strcmp(config->brevo_mode, "shadow") == 0;
}

bool
config_brevo_is_live(const struct config *config)
{
    return !network_is_this_machine(shape_url_host(config->brevo_base_url));
}
