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
 *
 *   stamp_ticks()            the counter now
 *   stamp_cpu_ns()           time that this thread has had a processor
 *   mark_open(row, pairs)    where to keep marks, as pairs of doubles
 *   mark(value)              keeps the counter and the value
 *   mark_count()             how many were kept
 */
#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int32_t stamp_open(uint32_t *to, uint32_t words);
EXPORT void stamp(void);
EXPORT uint32_t stamp_count(void);
EXPORT double stamp_ticks(void);
EXPORT double stamp_cpu_ns(void);
EXPORT void mark_open(double *to, uint32_t pairs);
EXPORT void mark(uint32_t value);
EXPORT uint32_t mark_count(void);

static uint32_t *row;
static uint32_t count, count_max;
static uint64_t last;
static double *marks;
static uint32_t marked, marked_max;

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

double stamp_ticks(void)
{
	unsigned int processor;

	return (double)__rdtscp(&processor);
}

double stamp_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

void mark_open(double *to, uint32_t pairs)
{
	marks = to;
	marked = 0;
	marked_max = pairs;
}

void mark(uint32_t value)
{
	unsigned int processor;

	if (marked == marked_max)
		return;
	marks[2 * marked] = (double)__rdtscp(&processor);
	marks[2 * marked++ + 1] = (double)value;
}

uint32_t mark_count(void)
{
	return marked;
}
