/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * What all shims share: the ABI version, and the text of the last error.
 *
 * Functions return 0 or a count on success and -errno on failure. 64-bit values
 * travel in buffers that the caller hands in, as two uint32 or as a double, so
 * that no call makes a BigInt. Pointers come as buffers or as numbers kept by
 * the caller. No function calls back into JavaScript.
 */
#ifndef FERRULE_H
#define FERRULE_H

#include <stdint.h>

/** Raised whenever a signature or a shared layout changes. */
#define FERRULE_ABI_VERSION 4

#define FERRULE_EXPORT __attribute__((visibility("default")))

/** The version that the library was built with. */
FERRULE_EXPORT int32_t ferrule_abi_version(void);

/** Copies the calling thread's last error text (with its NUL) into buffer; returns its length. */
FERRULE_EXPORT int32_t ferrule_last_error(char *buffer, int32_t buffer_bytes);

/** Remembers a text for ferrule_last_error() and returns -err, for `return ferrule_fail(errno, ...)`. */
int32_t ferrule_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
