/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Where the calling thread runs, and how it waits.
 */
#ifndef FERRULE_CPU_H
#define FERRULE_CPU_H

#include "ferrule.h"

/** Words of a set of cores: bit c % 32 of word c / 32 is core c. */
#define FERRULE_CPU_WORDS 32

/** Cores that the machine has online. */
FERRULE_EXPORT int32_t ferrule_cpu_count(void);

/** The core that the calling thread runs on now. */
FERRULE_EXPORT int32_t ferrule_cpu_current(void);

/** NUMA node of a core; 0 on a machine without nodes; -ENOENT without such a core. */
FERRULE_EXPORT int32_t ferrule_cpu_node(int32_t core);

/** Lets the calling thread run on these cores only. */
FERRULE_EXPORT int32_t ferrule_cpu_set_affinity(const uint32_t *words);

/** The cores that the calling thread may run on. */
FERRULE_EXPORT int32_t ferrule_cpu_get_affinity(uint32_t *words);

/** Names the calling thread (at most 15 bytes, the rest is cut). */
FERRULE_EXPORT int32_t ferrule_cpu_set_name(const char *name);

/**
 * Gives the calling thread SCHED_FIFO with a priority of 1 to 99; 0 = the usual
 * class. Threads that it makes later have the usual class.
 */
FERRULE_EXPORT int32_t ferrule_cpu_set_realtime(int32_t priority);
/** Writes the kernel's numbers of this process's threads; returns how many, at most ids_max. */
FERRULE_EXPORT int32_t ferrule_cpu_threads(int32_t *ids, uint32_t ids_max);

/** sched_yield(). */
FERRULE_EXPORT void ferrule_cpu_yield(void);

/** The pause instruction, count times. */
FERRULE_EXPORT void ferrule_cpu_pause(uint32_t count);

/** Sleeps for about this many microseconds; a signal may end it early. */
FERRULE_EXPORT void ferrule_cpu_sleep(uint32_t microseconds);

#endif
