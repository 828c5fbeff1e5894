/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "crc32c_inline.h"
#include "journal.h"
#include "memory.h"

#define RECORD_BASE_BYTES 64u
#define RECORD_TEXT_BYTES 128u
#define RECORD_FULL_BYTES 192u
#define RECORD_LENGTH 4
#define RECORD_KIND 6
#define RECORD_SEQUENCE 8
#define RECORD_PLACE 38
#define SEAL_KIND 255
#define SEAL_BYTES 64u

/* A seal as it lies on disk; little-endian, as the machines are that we run on. */
struct seal {
	uint32_t crc;
	uint16_t length;
	uint8_t kind;
	uint8_t flags;
	double first_sequence;
	uint64_t chain;
	uint32_t commands;
	uint32_t bytes;
	uint32_t epoch;
	uint32_t reserved;
	uint64_t proof;
	uint64_t reserved2[2];
};

_Static_assert(sizeof(struct seal) == SEAL_BYTES, "a seal is a cache line");
_Static_assert(sizeof(struct ferrule_journal_group) == 64, "as in ffi/journal.ts");
_Static_assert(sizeof(struct ferrule_journal_walk) == 64, "as in ffi/journal.ts");

/* Bytes of the record at data, or 0 if it is none. */
static inline uint32_t record_bytes(const uint8_t *data, uint32_t left)
{
	uint16_t length;

	if (left < RECORD_BASE_BYTES)
		return 0;
	memcpy(&length, data + 4, 2);
	if (length != RECORD_BASE_BYTES && length != RECORD_TEXT_BYTES &&
	    length != RECORD_FULL_BYTES)
		return 0;
	if (length > left)
		return 0;
	return length;
}

/* Spreads every bit over all others. */
static inline uint64_t spread(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

static inline uint64_t chain_start(uint64_t chain, uint64_t secret)
{
	return spread(chain ^ secret);
}

/* A few cycles a record, beside its CRC; order matters. */
static inline uint64_t chain_add(uint64_t running, uint32_t crc)
{
	running = (running ^ crc) * 0x9e3779b97f4a7c15ULL;
	return running ^ (running >> 32);
}

static inline uint64_t chain_end(uint64_t running, uint64_t secret, uint32_t commands,
				 uint32_t bytes)
{
	return spread(running ^ spread(secret ^ ((uint64_t)commands << 32 | bytes)));
}

static uint64_t proof_of(const struct seal *seal, uint64_t secret)
{
	uint64_t first, proof;

	memcpy(&first, &seal->first_sequence, 8);
	proof = spread(seal->chain ^ secret);
	proof = spread(proof ^ first);
	proof = spread(proof ^ ((uint64_t)seal->commands << 32 | seal->bytes));
	return spread(proof ^ seal->epoch ^ (secret << 32 | secret >> 32));
}

/* 1 if the record at data, with a valid CRC, is a seal of this secret. */
static int read_seal(const uint8_t *data, uint64_t secret, struct seal *seal)
{
	memcpy(seal, data, SEAL_BYTES);
	return seal->length == SEAL_BYTES && seal->kind == SEAL_KIND &&
	       seal->proof == proof_of(seal, secret);
}

uint32_t ferrule_journal_verify(double address, uint32_t bytes)
{
	const uint8_t *data = ferrule_pointer(address);
	uint32_t offset = 0;
	uint32_t length;

	while (offset < bytes) {
		length = record_bytes(data + offset, bytes - offset);
		if (length == 0 || crc32c(data + offset + 4, length - 4) != load_u32(data + offset))
			break;
		offset += length;
	}
	return offset;
}

int32_t ferrule_journal_is_seal(const uint64_t *secret, double address)
{
	const uint8_t *data = ferrule_pointer(address);
	struct seal seal;

	if (data[RECORD_KIND] != SEAL_KIND || !read_seal(data, *secret, &seal))
		return 0;
	return crc32c(data + 4, SEAL_BYTES - 4) == seal.crc;
}

int32_t ferrule_journal_gather(struct ferrule_journal_group *state, uint32_t first, uint32_t mask,
			       uint32_t count, uint32_t bytes, uint32_t index)
{
	const uint8_t *ring = ferrule_pointer(state->ring);
	uint8_t *start = (uint8_t *)ferrule_pointer(state->group) + bytes;
	uint64_t running = index == 0 ? chain_start(state->chain, state->secret) : state->running;
	uint8_t *data = start;
	const uint8_t *slot;
	uint32_t i, length, crc;
	uint16_t place;

	for (i = 0; i < count; i++) {
		slot = ring + (size_t)((first + i) & mask) * RECORD_FULL_BYTES;
		length = record_bytes(slot, RECORD_FULL_BYTES);
		if (length == 0)
			return ferrule_fail(EINVAL, "command %u of %u has no valid length", i,
					    count);
		memcpy(data, slot, RECORD_BASE_BYTES);
		if (length > RECORD_BASE_BYTES)
			memcpy(data + RECORD_BASE_BYTES, slot + RECORD_BASE_BYTES,
			       length - RECORD_BASE_BYTES);
		place = (uint16_t)(index + i);
		memcpy(data + RECORD_PLACE, &place, 2);
		crc = crc32c(data + 4, length - 4);
		store_u32(data, crc);
		running = chain_add(running, crc);
		data += length;
	}
	state->running = running;
	return (int32_t)(data - start);
}

void ferrule_journal_seal(struct ferrule_journal_group *state, uint32_t commands, uint32_t bytes)
{
	uint8_t *group = ferrule_pointer(state->group);
	struct seal seal;

	memset(&seal, 0, sizeof(seal));
	state->sealed = chain_end(state->running, state->secret, commands, bytes);
	seal.length = SEAL_BYTES;
	seal.kind = SEAL_KIND;
	memcpy(&seal.first_sequence, group + RECORD_SEQUENCE, 8);
	seal.chain = state->sealed;
	seal.commands = commands;
	seal.bytes = bytes;
	seal.epoch = state->epoch;
	seal.proof = proof_of(&seal, state->secret);
	seal.crc = crc32c((const uint8_t *)&seal + 4, SEAL_BYTES - 4);
	memcpy(group + bytes, &seal, SEAL_BYTES);
}

/* The group at hand ends with what stands at data; 0 if that is no seal at all. */
static int32_t end_group(struct ferrule_journal_walk *walk, const uint8_t *data)
{
	struct seal seal;
	uint64_t chain;

	if (!read_seal(data, walk->secret, &seal) || seal.commands != walk->commands ||
	    seal.bytes != walk->bytes || seal.epoch != walk->epoch ||
	    seal.first_sequence != walk->sequence - walk->commands || walk->commands == 0) {
		walk->found = seal.first_sequence;
		return FERRULE_JOURNAL_SEAL;
	}
	chain = chain_end(walk->running, walk->secret, walk->commands, walk->bytes);
	if (seal.chain != chain)
		return FERRULE_JOURNAL_CHAIN;
	walk->chain = chain;
	walk->commands = 0;
	walk->bytes = 0;
	walk->end += SEAL_BYTES;
	return FERRULE_JOURNAL_SEALED;
}

/* What is at data that is no whole and valid record? */
static int32_t judge(const uint8_t *data, uint32_t left)
{
	uint16_t length;

	if (left < RECORD_BASE_BYTES)
		return FERRULE_JOURNAL_MORE;
	memcpy(&length, data + RECORD_LENGTH, 2);
	if ((length == RECORD_TEXT_BYTES || length == RECORD_FULL_BYTES) && length > left)
		return FERRULE_JOURNAL_MORE;
	return FERRULE_JOURNAL_RECORD;
}

int32_t ferrule_journal_walk(struct ferrule_journal_walk *walk, double address, uint32_t bytes)
{
	const uint8_t *data = ferrule_pointer(address);
	uint32_t length, crc;
	double sequence;

	walk->end = 0;
	if (walk->commands == 0)
		walk->running = chain_start(walk->chain, walk->secret);
	for (;;) {
		const uint8_t *at = data + walk->end;

		length = record_bytes(at, bytes - walk->end);
		if (length == 0)
			return judge(at, bytes - walk->end);
		crc = crc32c(at + 4, length - 4);
		if (crc != load_u32(at))
			return FERRULE_JOURNAL_RECORD;
		if (at[RECORD_KIND] == SEAL_KIND)
			return end_group(walk, at);
		memcpy(&sequence, at + RECORD_SEQUENCE, 8);
		if (sequence != walk->sequence) {
			walk->found = sequence;
			return FERRULE_JOURNAL_SEQUENCE;
		}
		walk->running = chain_add(walk->running, crc);
		walk->sequence += 1;
		walk->commands += 1;
		walk->bytes += length;
		walk->end += length;
	}
}
