/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * CRC32C (Castagnoli; RFC 3720, appendix B.4) with the crc32 instruction of
 * SSE4.2, one range or a batch of records in one call. No alignment is needed.
 */
#ifndef FERRULE_CRC32C_H
#define FERRULE_CRC32C_H

#include "ferrule.h"

FERRULE_EXPORT uint32_t ferrule_crc32c(double address, uint32_t bytes);

/** The same over memory that JavaScript owns. */
FERRULE_EXPORT uint32_t ferrule_crc32c_buffer(const uint8_t *buffer, uint32_t bytes);

/**
 * Records of equal stride: each record's CRC covers covered_bytes from
 * covered_offset and lies at crc_offset. Returns the index of the first record
 * whose CRC is wrong, or -1.
 */
FERRULE_EXPORT int32_t ferrule_crc32c_verify_batch(double address, uint32_t stride,
						   uint32_t count, uint32_t covered_offset,
						   uint32_t covered_bytes, uint32_t crc_offset);

/** Writes the CRC of each record, as above. */
FERRULE_EXPORT void ferrule_crc32c_seal_batch(double address, uint32_t stride, uint32_t count,
					      uint32_t covered_offset, uint32_t covered_bytes,
					      uint32_t crc_offset);

#endif
