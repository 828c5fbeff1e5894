/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Locked memory on huge pages, and what the machine has of both.
 *
 * An address travels as a double (exact below 2^53, user space ends at 2^47),
 * because a double costs a call from TypeScript nothing.
 */
#ifndef FERRULE_MEMORY_H
#define FERRULE_MEMORY_H

#include "ferrule.h"

/** Memory behind an address that TypeScript keeps as a number. */
static inline void *ferrule_pointer(double address)
{
	return (void *)(uintptr_t)address;
}

/** Elements of ferrule_memory_map()'s result. */
enum {
	FERRULE_MAP_ADDRESS = 0,
	FERRULE_MAP_BYTES = 1,
	FERRULE_MAP_HUGE = 2,
	FERRULE_MAP_LOCKED = 3,
	FERRULE_MAP_HUGE_ERRNO = 4,
	FERRULE_MAP_LOCK_ERRNO = 5,
	FERRULE_MAP_WORDS = 6,
};

/** Elements of ferrule_memory_info()'s result. */
enum {
	FERRULE_INFO_HUGE_TOTAL = 0,
	FERRULE_INFO_HUGE_FREE = 1,
	FERRULE_INFO_HUGE_RESERVED = 2,
	FERRULE_INFO_HUGE_BYTES = 3,
	FERRULE_INFO_MEMLOCK_SOFT = 4, /* -1 = unlimited */
	FERRULE_INFO_MEMLOCK_HARD = 5, /* -1 = unlimited */
	FERRULE_INFO_CAN_LOCK = 6,     /* 1 = CAP_IPC_LOCK, limits do not apply */
	FERRULE_INFO_PAGE_BYTES = 7,
	FERRULE_INFO_WORDS = 8,
};

/**
 * Maps zeroed, populated, locked memory. With huge != 0 it comes from pages of
 * 2 MB; where there are none, from ordinary pages, and the result says so.
 * Ordinary pages that can not be locked are not an error either: the result
 * says why. -ENOMEM if there is no memory at all.
 */
FERRULE_EXPORT int32_t ferrule_memory_map(double bytes, uint32_t huge, double *result);

/** Gives back what ferrule_memory_map() mapped; bytes as in its result. */
FERRULE_EXPORT int32_t ferrule_memory_unmap(double address, double bytes);

/** Huge pages of 2 MB and limits of locked memory. */
FERRULE_EXPORT int32_t ferrule_memory_info(double *result);

/** For the self test: what C sees at an address. */
FERRULE_EXPORT uint32_t ferrule_memory_peek(double address);

#endif
