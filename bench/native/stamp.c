/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * A library, not a program: stops the time between two calls with the
 * processor's time stamp counter and keeps it in a row of 32-bit words.
 *
 *   stamp_open(row, words)   where to keep them; 0 if the counter can be read
 *   stamp()                  from the last call to this one; opening counts
 *   stamp_count()            how many were kept
 *
 * Each call reads the counter twice, when it comes and before it goes, so that
 * keeping the figure is not counted; what remains is the way out and in again.
 */
#include <stdint.h>
#include <x86intrin.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int32_t stamp_open(uint32_t *to, uint32_t words);
EXPORT void stamp(void);
EXPORT uint32_t stamp_count(void);

static uint32_t *row;
static uint32_t count, count_max;
static uint64_t last;

int32_t stamp_open(uint32_t *to, uint32_t words)
{
	unsigned int processor;

	row = to;
	count = 0;
	count_max = words;
	last = __rdtscp(&processor);
	return last == 0 ? -1 : 0;
}

void stamp(void)
{
	unsigned int processor;
	uint64_t since = __rdtscp(&processor) - last;

	if (count < count_max)
		row[count++] = since > UINT32_MAX ? UINT32_MAX : (uint32_t)since;
	last = __rdtscp(&processor);
}

uint32_t stamp_count(void)
{
	return count;
}
