/*
 * participants.h - whom a conversation was with, as Twilio's REST API lists its participants.
 */
#pragma once

#include "mapping/customer.h"

/*
 * `list` is the answer to GET /v1/Conversations/{sid}/Participants, `payload` the event that lacks a
 * customer: its worker is none. By the address a participant is bound to, else by an identity that is
 * one, and by the same rules as any other address (customer_read()). Who is not the only one is
 * nobody: of two customers in one conversation nobody knows which one the event is about.
 * > 0: found, 0: nobody, -ENOMEM.
 */
int participants_customer(const json_t *list, const json_t *payload,
    const struct rules *rules, struct customer *ret_customer) MUST_USE;
