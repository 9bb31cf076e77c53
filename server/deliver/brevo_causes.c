/*
 * brevo_causes.c - why deliveries to Brevo wait, and what is to be done about it.
 */
#include "server/deliver/brevo.h"

/* A person mends what is refused; what is away comes back by itself, and a backlog waits for it. */
enum {
    REFUSED_MS = 60 * 1000,
    AWAY_MS = 10 * 1000,
};

const struct brevo_cause brevo_causes[BREVO_CAUSES] = {
    {
        .name = "unauthorized",
        .remedy = "Brevo refuses the API key, or the app its token: check brevo.api_key "
                  "(BREVO_API_KEY) or brevo.oauth, it may be revoked or expired; "
                  "https://app.brevo.com/settings/keys/api",
        .is_general = true,
        .probe_max_ms = REFUSED_MS,
    },
    {
        .name = "ip_blocked",
        .remedy =
            "Brevo does not know this server's IP address: add it at "
            "https://app.brevo.com/security/authorised_ips or switch the blocking off there; if "
            "it is an IPv6 address that changes, brevo.ipv4_only",
        .is_general = true,
        .probe_max_ms = REFUSED_MS,
    },
    {
        .name = "forbidden_contacts",
        .remedy =
            "Brevo refuses /contacts to this API key or token: give it read and write access to "
            "contacts; https://app.brevo.com/settings/keys/api, or brevo.oauth.scope",
        .class = BREVO_CLASS_CONTACTS,
        .probe_max_ms = REFUSED_MS,
    },
    {
        .name = "forbidden_events",
        .remedy =
            "Brevo refuses /events to this API key or token: give it read and write access to "
            "events; https://app.brevo.com/settings/keys/api, or brevo.oauth.scope",
        .class = BREVO_CLASS_EVENTS,
        .probe_max_ms = REFUSED_MS,
    },
    {
        .name = BREVO_AWAY,
        .remedy =
            "Brevo does not answer, or fails whatever it is asked: deliveries go on by "
            "themselves within seconds of its being back; https://status.brevo.com/, or this "
            "server's way to brevo.base_url",
        .class = BREVO_CLASS_CONTACTS, /* like them, it concerns every delivery */
        .is_of_class = true,
        .probe_max_ms = AWAY_MS,
    },
};
