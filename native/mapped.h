/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Files in memory: a write that needs no system call. What is copied there is
 * the kernel's as with write(): it outlives the process, and readers see it.
 */
#ifndef FERRULE_MAPPED_H
#define FERRULE_MAPPED_H

#include "ferrule.h"

/**
 * Maps the first bytes of a file whose blocks exist. -ENOTSUP on a file system
 * that gives blocks anew when they are written (or that we do not know): there
 * a write could find no room, and that would be a signal instead of an answer.
 */
FERRULE_EXPORT int32_t ferrule_mapped_open(int32_t fd, double bytes, double *address);

FERRULE_EXPORT int32_t ferrule_mapped_close(double address, double bytes);

/**
 * Copies to a mapped address, from front to back: what is interrupted leaves a
 * beginning. 0, or -EIO if the file could not take it (SIGBUS: it was cut, or
 * its disk can't be read).
 */
FERRULE_EXPORT int32_t ferrule_mapped_write(double address, double source, uint32_t bytes);

/**
 * Makes pages writable ahead of the writer; any thread. 0 or -errno. Nothing
 * is changed in them.
 */
int32_t ferrule_mapped_populate(double address, double bytes);

#endif
