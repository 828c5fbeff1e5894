/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Which NUMA node memory comes from, and where it lies. The kernel's calls are
 * made directly: no libnuma.
 *
 * A kernel without NUMA has one node and no such calls: -ENOSYS.
 */
#ifndef FERRULE_NUMA_H
#define FERRULE_NUMA_H

#include "ferrule.h"

/** Nodes that a machine can have, as far as this program goes. */
#define FERRULE_NUMA_NODES_MAX 64

/** Elements of ferrule_numa_count()'s result. */
enum {
	FERRULE_NUMA_PAGES_THERE = 0,
	FERRULE_NUMA_PAGES_ELSEWHERE = 1,
	FERRULE_NUMA_PAGES_UNKNOWN = 2, /* not there, or not known to the kernel */
	FERRULE_NUMA_WORDS = 3,
};

/**
 * From now on the calling thread's memory comes from this node while it has
 * any; -1 = from the node that the thread runs on, as usual.
 */
FERRULE_EXPORT int32_t ferrule_numa_prefer(int32_t node);

/** Binds mapped memory to a node, and moves there what lies elsewhere and can be moved. */
FERRULE_EXPORT int32_t ferrule_numa_bind(double address, double bytes, int32_t node);

/** Counts the pages of mapped memory, one looked at every step bytes, by where they lie. */
FERRULE_EXPORT int32_t ferrule_numa_count(double address, double bytes, double step, int32_t node,
					  double *result);

#endif
