/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The journal's groups: commands one after the other, each with its CRC32C,
 * and behind them a seal, which says what the group is and chains it to the
 * one before.
 *
 * A command: CRC (uint32 at 0, over bytes 4 to length), length (uint16 at 4;
 * 64, 128 or 192), kind (uint8 at 6), sequence (float64 at 8), place in its
 * group (uint16 at 38).
 *
 * A seal: 64 bytes, CRC, length and kind (255) as in a command; first sequence
 * (float64 at 8), chain (uint64 at 16), commands (uint32 at 24), their bytes
 * (uint32 at 28), epoch (uint32 at 32), proof (uint64 at 40), zeros.
 *
 * The chain mixes the chain before, the journal's secret and each command's
 * CRC. The proof mixes the secret with what the seal says: who does not know
 * the secret cannot make one.
 */
#ifndef FERRULE_JOURNAL_H
#define FERRULE_JOURNAL_H

#include "ferrule.h"

/** What a writer keeps for its group at hand; 64 bytes that JavaScript owns. */
struct ferrule_journal_group {
	double ring;		/* address of the ring's first slot */
	double group;		/* address of the group's first byte */
	uint64_t secret;
	uint64_t chain;		/* of all groups before; the caller moves it on */
	uint64_t running;	/* of the commands so far */
	uint64_t sealed;	/* chain with this group, by ..._seal() */
	uint32_t epoch;
	uint32_t reserved;
	uint64_t reserved2;
};

/**
 * Moves commands out of a ring into a group: count slots of 192 bytes from slot
 * number first (modulo mask + 1) go behind the bytes that are there, one after
 * the other, each as long as it says, with its place in the group (from index
 * on; 0 starts a group) and its CRC. Returns the bytes written, or -EINVAL if a
 * length is not 64, 128 or 192; the group has room for count * 192 more.
 */
FERRULE_EXPORT int32_t ferrule_journal_gather(struct ferrule_journal_group *state,
					      uint32_t first, uint32_t mask, uint32_t count,
					      uint32_t bytes, uint32_t index);

/**
 * Writes the seal behind a group of so many commands and bytes. It may be called
 * again, as long as the chain is the same.
 */
FERRULE_EXPORT void ferrule_journal_seal(struct ferrule_journal_group *state, uint32_t commands,
					 uint32_t bytes);

/** Where a reader is in a segment; 64 bytes that JavaScript owns. */
struct ferrule_journal_walk {
	uint64_t secret;
	uint64_t chain;		/* of all groups that were passed */
	uint64_t running;	/* of the commands of the group at hand */
	double sequence;	/* expected next */
	double found;		/* what was there instead */
	uint32_t commands;	/* of the group at hand, so far */
	uint32_t bytes;
	uint32_t epoch;		/* of the segment */
	uint32_t end;		/* out: offset of the first byte that was not taken */
	uint64_t reserved;
};

enum {
	FERRULE_JOURNAL_MORE = 0,	/* the bytes end before the group does */
	FERRULE_JOURNAL_SEALED = 1,	/* a whole group; end is behind its seal */
	FERRULE_JOURNAL_RECORD = 2,	/* a length or CRC is wrong at end */
	FERRULE_JOURNAL_SEQUENCE = 3,	/* not the sequence that comes next, at end */
	FERRULE_JOURNAL_SEAL = 4,	/* the seal at end says something else */
	FERRULE_JOURNAL_CHAIN = 5,	/* the seal at end is of another chain */
};

/**
 * Checks records from an address on, up to the first seal. With no commands so
 * far it starts a group. A walk that found MORE may go on with later bytes.
 */
FERRULE_EXPORT int32_t ferrule_journal_walk(struct ferrule_journal_walk *walk, double address,
					    uint32_t bytes);

/**
 * Checks lengths and CRCs only. Returns the bytes of whole and valid records
 * before the first that is not.
 */
FERRULE_EXPORT uint32_t ferrule_journal_verify(double address, uint32_t bytes);

/** 1 if there is a seal that someone with this secret made, 0 if not. */
FERRULE_EXPORT int32_t ferrule_journal_is_seal(const uint64_t *secret, double address);

#endif
