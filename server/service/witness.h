/*
 * witness.h - what Redis held, kept in state_dir, so that a Redis that lost something is found out.
 *
 * See queue/witness.h. One process of a state directory is its witness: who holds the lock. The
 * others look again each time, and the next one takes over when it ends. A directory that cannot
 * be written is said once; then what is known lasts as long as the process.
 */
#pragma once

#include "queue/witness.h"

struct witness;

/* Does nothing yet. Ownership: witness_close(). NULL when memory is out. */
struct witness *witness_open(const char *state_dir) MUST_USE;
void witness_close(struct witness **witness); /* NULL is fine */
/* Looks at Redis; logs and counts what went back. A queue_result or -errno of the queue. */
int witness_run(struct witness *witness, struct queue *queue) MUST_USE;

/*
 * Reads what the witness of a state directory knows, whoever holds it. 0, -ENOENT when there is
 * none, -EBADMSG when the file is no witness's, or -errno.
 */
int witness_read(const char *state_dir, struct queue_witness *ret_witness) MUST_USE;

/* The note in Redis that tells of the last time; see queue_note_last(). */
#define WITNESS_NOTE "went_back"
