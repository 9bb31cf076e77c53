/*
 * process.h - what a long-running process asks of the system first: files and signals.
 */
#pragma once

#include "mapping/base.h"

/*
 * Before anything else: as many descriptors as we are allowed, none of them handed down, and a
 * SIGHUP that comes while we start ends nobody. 0 or -errno.
 */
int process_prepare(void) MUST_USE;

/*
 * Blocks the signals we wait for (SIGTERM, SIGINT, SIGHUP, SIGCHLD), in this thread and so in all
 * it starts; *ret_fd, a signalfd the caller owns, is where they are read. 0 or -errno.
 */
int process_open_signals(int *ret_fd) MUST_USE;
