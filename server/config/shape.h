/*
 * shape.h - what texts of the configuration must look like.
 */
#pragma once

#include "server/config/options.h"

extern const struct option_shape shape_account_sid;   /* AC... */
extern const struct option_shape shape_flow_sid;      /* FO... */
extern const struct option_shape shape_workspace_sid; /* WS... */
extern const struct option_shape shape_key_sid;       /* SK... */
extern const struct option_shape shape_secret;        /* printable, no blanks */
extern const struct option_shape shape_client_id;
extern const struct option_shape shape_scope;         /* of a token */
extern const struct option_shape shape_user_password; /* of Basic auth */
extern const struct option_shape shape_url; /* http(s), neither query nor userinfo */
extern const struct option_shape shape_public_url; /* the same, up to /webhooks */
extern const struct option_shape shape_brevo_url;  /* the same, of the API */
extern const struct option_shape shape_origin;     /* scheme, host, port */
extern const struct option_shape shape_redis_url;
extern const struct option_shape shape_redis_require;
extern const struct option_shape shape_brevo_mode;
extern const struct option_shape shape_create;
extern const struct option_shape shape_timezone;
extern const struct option_shape shape_contact;
extern const struct option_shape shape_listen;
extern const struct option_shape shape_proxy;      /* an address or a network */
extern const struct option_shape shape_phone;      /* E.164 */
extern const struct option_shape shape_domain;     /* "example.com" */
extern const struct option_shape shape_path;       /* of a file, an attribute */
extern const struct option_shape shape_identifier; /* a field of Flex's */
extern const struct option_shape shape_reason;    /* words that Twilio, or a flow, says */
extern const struct option_shape shape_attribute; /* a Brevo contact attribute */
extern const struct option_shape shape_event_name; /* a Brevo event */

/* What is wrong with a URL: see struct config_option. */
bool shape_explain_redis_url(const char *text, char ret_remedy[CONFIG_KEY_MAX]);
bool shape_explain_public_url(const char *text, char ret_remedy[CONFIG_KEY_MAX]);
bool shape_explain_brevo_url(const char *text, char ret_remedy[CONFIG_KEY_MAX]);
/* The same of a field. */
bool shape_explain_identifier(const char *text, char ret_remedy[CONFIG_KEY_MAX]);

/* No blanks, no control characters, nothing outside ASCII; and not nothing. */
bool shape_is_printable(const char *text);

/* The host of a URL that shape_url accepts, without port and brackets. */
struct slice shape_url_host(const char *url);
