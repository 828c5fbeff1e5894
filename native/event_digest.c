/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "event_digest.h"
#include "memory.h"

#define SLOT_BYTES 192u
#define BASE_BYTES 128u
#define EVENT_LENGTH 4
#define EVENT_KIND 6
/* INSTRUMENT_DEFINED, SESSION_DEFINED, ACCOUNT_DEFINED. */
#define TOLD_TO_ALL (1ULL << 10 | 1ULL << 11 | 1ULL << 16)

__extension__ typedef unsigned __int128 uint128;

static inline uint64_t load_u64(const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, 8);
	return value;
}

/* Two words and where they stand, folded into one. */
static inline uint64_t fold(uint64_t a, uint64_t b, uint64_t place)
{
	uint128 product;

	a ^= 0x9e3779b97f4a7c15ULL + place * 0xd6e8feb86659fd93ULL;
	b ^= 0xa0761d6478bd642fULL - place * 0xe7037ed1a0b428dbULL;
	product = (uint128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The products do not wait for one another. */
static inline uint64_t hash(const uint8_t *event, uint32_t bytes)
{
	uint64_t sum = bytes;
	uint32_t at;

	for (at = 0; at < bytes; at += 16)
		sum += fold(load_u64(event + at), load_u64(event + at + 8), at);
	sum ^= sum >> 32;
	sum *= 0xff51afd7ed558ccdULL;
	return sum ^ sum >> 29;
}

int32_t ferrule_event_digest_add(struct ferrule_event_digest *digest, uint32_t ring)
{
	struct ferrule_event_ring *events = &digest->rings[ring];
	const uint8_t *slots = ferrule_pointer(events->address);
	uint64_t sum = digest->sum;
	uint32_t count = 0;
	uint32_t next;
	uint16_t length;

	for (next = events->from; next != events->to; next++) {
		const uint8_t *event = slots + (size_t)(next & events->mask) * SLOT_BYTES;
		uint8_t kind = event[EVENT_KIND];

		memcpy(&length, event + EVENT_LENGTH, 2);
		if (length != BASE_BYTES && length != SLOT_BYTES)
			return ferrule_fail(EINVAL, "event of %u bytes", length);
		if (kind < 64 && (TOLD_TO_ALL >> kind & 1))
			continue;
		/* Both lengths apart, so that the compiler sees how far each goes. */
		sum += length == BASE_BYTES ? hash(event, BASE_BYTES) : hash(event, SLOT_BYTES);
		count++;
	}
	events->from = next;
	digest->sum = sum;
	digest->events += count;
	return 0;
}
