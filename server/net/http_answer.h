/*
 * http_answer.h - what the headers of an answer say, for http_client.
 */
#pragma once

#include "server/net/http_client.h"

/* Sets everything headers may tell to "absent". */
void http_answer_forget(struct http_exchange *exchange);

/*
 * Takes one line of an answer's head: the status line (which forgets what an interim answer
 * said) or a header. Values that make no sense count as absent.
 */
void http_answer_line(struct http_exchange *exchange, struct slice line);
