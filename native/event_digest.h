/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * A sum over events: each event's bytes, as far as its length goes, give 64
 * bits, and these are added up. So neither order nor ring of the events matter.
 */
#ifndef FERRULE_EVENT_DIGEST_H
#define FERRULE_EVENT_DIGEST_H

#include "ferrule.h"

/** A ring of event slots; 24 bytes. */
struct ferrule_event_ring {
	double address;		/* of the first slot */
	uint32_t mask;		/* number of slots, a power of two, minus 1 */
	uint32_t from;		/* next slot to add, modulo 2^32; moved on */
	uint32_t to;		/* slots before this one are to be added */
	uint32_t reserved;
};

/** The sum so far, and the rings; JavaScript owns it. */
struct ferrule_event_digest {
	uint64_t sum;
	double events;
	struct ferrule_event_ring rings[];
};

/**
 * Adds the slots of a ring from `from` to `to`, each 192 bytes with the length
 * (uint16 at 4; 128 or 192) and kind (uint8 at 6) of an event. Kinds that the
 * appliance tells to every gateway itself (10, 11, 16) are left out: how often
 * they are told depends on the gateways. Returns 0, or -EINVAL at a length that
 * is none.
 */
FERRULE_EXPORT int32_t ferrule_event_digest_add(struct ferrule_event_digest *digest,
						uint32_t ring);

#endif
