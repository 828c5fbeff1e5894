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

/**
 * Records one after the other, each telling its length (uint16 at 4; 64,
 * 128 or 192): writes each CRC (uint32 at 0, over bytes 4 to length). Returns the
 * number of records, or -EINVAL if a length is none or passes the end.
 */
FERRULE_EXPORT int32_t ferrule_crc32c_journal_seal(double address, uint32_t bytes);

/**
 * The same walk, verifying. Returns the bytes of whole and valid records before
 * the first that is not.
 */
FERRULE_EXPORT uint32_t ferrule_crc32c_journal_verify(double address, uint32_t bytes);

/**
 * Moves commands out of a ring into a group: count slots of 192 bytes from slot
 * number first (modulo mask + 1) go behind the group_bytes that are there, one
 * after the other, each as long as it says, with its place in the group (uint16
 * at 38, from group_index on) and its CRC. addresses holds those of the ring's
 * first slot and of the group. Returns the bytes written, or -EINVAL if a length
 * is not 64, 128 or 192; the group has room for count * 192 more.
 */
FERRULE_EXPORT int32_t ferrule_crc32c_journal_gather(const double *addresses, uint32_t first,
						     uint32_t mask, uint32_t count,
						     uint32_t group_bytes,
						     uint32_t group_index);

#endif
