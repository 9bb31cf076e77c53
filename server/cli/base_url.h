/*
 * base_url.h - the part of a webhook's URL before the route's path.
 */
#pragma once

#include "mapping/base.h"

/* Appends `base` without the slashes it ends with. */
void base_url_add(struct buffer *url, const char *base);

/*
 * Appends the URL of a listener of this host ("127.0.0.1:8080", ":8080", "[::]:8080"); wildcard
 * addresses are reached through loopback. False, with nothing written, for one that no URL
 * reaches: a unix socket, port 0.
 */
bool base_url_add_listener(struct buffer *url, const char *listen) MUST_USE;

/* Takes `path` off the end of `url`, where it stands there. */
void base_url_cut(struct buffer *url, const char *path);
