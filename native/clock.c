/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <time.h>

#include "clock.h"
#include "memory.h"

int32_t ferrule_clock_read(uint32_t clock, double address)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_TAI,
					    CLOCK_BOOTTIME };
	uint32_t *words = ferrule_pointer(address);
	struct timespec time;
	uint64_t ns;

	if (clock > FERRULE_CLOCK_BOOTTIME)
		return ferrule_fail(EINVAL, "clock %u", clock);
	if (clock_gettime(clocks[clock], &time) != 0)
		return ferrule_fail(errno, "clock_gettime(%d)", (int)clocks[clock]);
	ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
	words[0] = (uint32_t)ns;
	words[1] = (uint32_t)(ns >> 32);
	return 0;
}
