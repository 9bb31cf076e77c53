/*
 * authorization.h - an Authorization header against a secret, compared in constant time.
 */
#pragma once

#include "mapping/base.h"

enum {
    AUTHORIZATION_BASIC_MAX = 1024, /* user and password, decoded */
};

/* What stands behind "Bearer "; absent when it is another scheme. */
struct slice authorization_bearer(struct slice header);
/* Basic with exactly this "user:password". */
bool authorization_is_basic(struct slice header, const char *user_password);
/* Bearer with this token, or Basic with it as password or as whole "user:password". */
bool authorization_has_token(struct slice header, const char *token);
