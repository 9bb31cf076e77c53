/*
 * config_conflict.c - sockets that two would share, credentials that exclude each other.
 */
#include "server/config/config_conflict.h"

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

int
config_conflict_check(const struct config *config, enum config_command command,
    const char *file, struct config_error *error)
{
    const struct config_place place = {.file = file};
    const int r = check_listeners(config, &place, error);

    return r == 0 && (1U << command & BY_BREVO_SIDE) != 0
               ? check_proofs(config, &place, error)
               : r;
}

bool
config_conflict_concerns(const struct config *config, const struct config_option *option)
{
    return option->proof == PROOF_EITHER || option->proof == chosen_proof(config);
}
