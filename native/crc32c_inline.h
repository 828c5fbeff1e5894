/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/* What the files that use CRC32C share; not for who calls the library. */
#ifndef FERRULE_CRC32C_INLINE_H
#define FERRULE_CRC32C_INLINE_H

#include <nmmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

#endif
