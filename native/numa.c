/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "numa.h"

/* Pages asked about with one call. */
#define BATCH 256
/* The kernel reads one bit less than it is told. */
#define MASK_BITS (FERRULE_NUMA_NODES_MAX + 1)

static int32_t check_node(int32_t node)
{
	if (node >= 0 && node < FERRULE_NUMA_NODES_MAX)
		return 0;
	return ferrule_fail(EINVAL, "node %d is not between 0 and %d", node,
			    FERRULE_NUMA_NODES_MAX - 1);
}

int32_t ferrule_numa_prefer(int32_t node)
{
	unsigned long mask[2] = { 0, 0 };
	int32_t result;

	if (node == -1) {
		if (syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0) != 0)
			return ferrule_fail(errno, "set_mempolicy(MPOL_DEFAULT)");
		return 0;
	}
	result = check_node(node);
	if (result < 0)
		return result;
	mask[0] = 1ul << node;
	if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, mask, MASK_BITS) != 0)
		return ferrule_fail(errno, "set_mempolicy(MPOL_PREFERRED, node %d)", node);
	return 0;
}

int32_t ferrule_numa_bind(double address, double bytes, int32_t node)
{
	unsigned long mask[2] = { 0, 0 };
	int32_t result = check_node(node);

	if (result < 0)
		return result;
	mask[0] = 1ul << node;
	if (syscall(SYS_mbind, ferrule_pointer(address), (unsigned long)bytes, MPOL_BIND, mask,
		    MASK_BITS, MPOL_MF_MOVE) != 0)
		return ferrule_fail(errno, "mbind of %.0f bytes to node %d", bytes, node);
	return 0;
}

int32_t ferrule_numa_count(double address, double bytes, double step, int32_t node, double *result)
{
	const uintptr_t start = (uintptr_t)address;
	const uintptr_t end = start + (uintptr_t)bytes;
	const uintptr_t stride = (uintptr_t)step;
	void *pages[BATCH];
	int status[BATCH];
	uintptr_t at = start;

	memset(result, 0, FERRULE_NUMA_WORDS * sizeof(*result));
	if (stride == 0)
		return ferrule_fail(EINVAL, "a step of 0 bytes");
	while (at < end) {
		unsigned long count = 0, i;

		for (; count < BATCH && at < end; at += stride)
			pages[count++] = ferrule_pointer((double)at);
		/* Without target nodes the call moves nothing: it tells where pages are. */
		if (syscall(SYS_move_pages, 0, count, pages, NULL, status, 0) != 0)
			return ferrule_fail(errno, "move_pages");
		for (i = 0; i < count; i++) {
			if (status[i] < 0)
				result[FERRULE_NUMA_PAGES_UNKNOWN] += 1;
			else if (status[i] == node)
				result[FERRULE_NUMA_PAGES_THERE] += 1;
			else
				result[FERRULE_NUMA_PAGES_ELSEWHERE] += 1;
		}
	}
	return 0;
}
