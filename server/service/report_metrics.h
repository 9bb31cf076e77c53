/*
 * report_metrics.h - what was counted of queues and agents, as Prometheus has it.
 */
#pragma once

#include "queue/queue.h"

/*
 * Appends the sums of all days: the same in every process. QUEUE_OK, or why Redis could not be asked;
 * then nothing is appended. Memory that is out shows as `text->failed`.
 */
int report_metrics_write(struct queue *queue, struct buffer *text) MUST_USE;
