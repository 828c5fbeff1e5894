/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <nmmintrin.h>
#include <string.h>

#include "crc32c.h"
#include "memory.h"

#define RECORD_BASE_BYTES 64u
#define RECORD_TEXT_BYTES 128u
#define RECORD_FULL_BYTES 192u
#define RECORD_PLACE 38

/*
 * One chain of dependent crc32 instructions. Records are short, and the
 * processor runs the chains of neighbouring records side by side.
 */
static inline uint32_t crc32c(const uint8_t *data, size_t bytes)
{
	uint64_t crc = 0xffffffffu;
	uint64_t eight;
	uint32_t four, rest;

	for (; bytes >= 8; bytes -= 8, data += 8) {
		memcpy(&eight, data, 8);
		crc = _mm_crc32_u64(crc, eight);
	}
	rest = (uint32_t)crc;
	if (bytes >= 4) {
		memcpy(&four, data, 4);
		rest = _mm_crc32_u32(rest, four);
		bytes -= 4;
		data += 4;
	}
	for (; bytes > 0; bytes--, data++)
		rest = _mm_crc32_u8(rest, *data);
	return ~rest;
}

static inline uint32_t load_u32(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, 4);
	return value;
}

static inline void store_u32(uint8_t *data, uint32_t value)
{
	memcpy(data, &value, 4);
}

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

uint32_t ferrule_crc32c(double address, uint32_t bytes)
{
	return crc32c(ferrule_pointer(address), bytes);
}

uint32_t ferrule_crc32c_buffer(const uint8_t *buffer, uint32_t bytes)
{
	return crc32c(buffer, bytes);
}

int32_t ferrule_crc32c_verify_batch(double address, uint32_t stride, uint32_t count,
				    uint32_t covered_offset, uint32_t covered_bytes,
				    uint32_t crc_offset)
{
	const uint8_t *record = ferrule_pointer(address);
	uint32_t i;

	for (i = 0; i < count; i++, record += stride) {
		if (crc32c(record + covered_offset, covered_bytes) != load_u32(record + crc_offset))
			return (int32_t)i;
	}
	return -1;
}

void ferrule_crc32c_seal_batch(double address, uint32_t stride, uint32_t count,
			       uint32_t covered_offset, uint32_t covered_bytes,
			       uint32_t crc_offset)
{
	uint8_t *record = ferrule_pointer(address);
	uint32_t i;

	for (i = 0; i < count; i++, record += stride)
		store_u32(record + crc_offset, crc32c(record + covered_offset, covered_bytes));
}

int32_t ferrule_crc32c_journal_seal(double address, uint32_t bytes)
{
	uint8_t *data = ferrule_pointer(address);
	uint32_t offset = 0;
	uint32_t length;
	int32_t count = 0;

	while (offset < bytes) {
		length = record_bytes(data + offset, bytes - offset);
		if (length == 0)
			return ferrule_fail(EINVAL, "record at %u of %u bytes", offset, bytes);
		store_u32(data + offset, crc32c(data + offset + 4, length - 4));
		offset += length;
		count++;
	}
	return count;
}

uint32_t ferrule_crc32c_journal_verify(double address, uint32_t bytes)
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

int32_t ferrule_crc32c_journal_gather(const double *addresses, uint32_t first, uint32_t mask,
				      uint32_t count, uint32_t group_bytes, uint32_t group_index)
{
	const uint8_t *ring = ferrule_pointer(addresses[0]);
	uint8_t *start = (uint8_t *)ferrule_pointer(addresses[1]) + group_bytes;
	uint8_t *data = start;
	const uint8_t *slot;
	uint32_t i, length;
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
		place = (uint16_t)(group_index + i);
		memcpy(data + RECORD_PLACE, &place, 2);
		store_u32(data, crc32c(data + 4, length - 4));
		data += length;
	}
	return (int32_t)(data - start);
}
