/*
 * crash_point.h - where a test may end the process, as kill -9 or a power cut would.
 *
 * CRASH_POINT("name") stands before and after each step that makes, keeps or ends a promise. In an
 * ordinary build it is nothing. With the build option crash_points, the environment's
 * FLEXBREVO_CRASH_AT=name or name:n kills the process when it passes that point for the first or
 * n-th time, and FLEXBREVO_CRASH_AT=list prints all names and ends. See docs/reliability.md.
 */
#pragma once

void crash_point_pass(const char *name);

#ifdef FLEXBREVO_CRASH_POINTS

/* The linker gathers the names of all points into one table. Each name is used once. */
#define CRASH_POINT(point)                                            \
    do {                                                              \
        static const char *const crash_point_name                     \
            __attribute__((section("crash_points"), used)) = (point); \
        crash_point_pass(crash_point_name);                           \
    } while (0)

#else

#define CRASH_POINT(point) ((void)0)

#endif
