/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Time in nanoseconds as two uint32 words.
 */
#ifndef FERRULE_CLOCK_H
#define FERRULE_CLOCK_H

#include "ferrule.h"

enum {
	FERRULE_CLOCK_REALTIME = 0,
	FERRULE_CLOCK_MONOTONIC = 1,
	FERRULE_CLOCK_TAI = 2,
	FERRULE_CLOCK_BOOTTIME = 3,
};

/** Writes low and high word to the address. -EINVAL for a clock that is none of the above. */
FERRULE_EXPORT int32_t ferrule_clock_read(uint32_t clock, double address);

#endif
