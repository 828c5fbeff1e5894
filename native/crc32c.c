/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include "crc32c.h"
#include "crc32c_inline.h"
#include "memory.h"

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
