/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * What the doctor asks of the host besides files: folders and links of /proc
 * and /sys, owners of files, network cards, how far a peer is. Nothing here
 * changes the host.
 */
#ifndef FERRULE_HOST_H
#define FERRULE_HOST_H

#include "ferrule.h"

/** Elements of ferrule_host_stat()'s result. */
enum {
	FERRULE_STAT_MODE = 0, /* type and permissions */
	FERRULE_STAT_UID = 1,
	FERRULE_STAT_GID = 2,
	FERRULE_STAT_INODE = 3,
	FERRULE_STAT_WRITABLE = 4, /* 1 = by this process */
	FERRULE_STAT_WORDS = 5,
};

/** Elements of ferrule_host_coalescing()'s result. */
enum {
	FERRULE_COALESCE_RX_US = 0,
	FERRULE_COALESCE_RX_FRAMES = 1,
	FERRULE_COALESCE_RX_ADAPTIVE = 2,
	FERRULE_COALESCE_TX_US = 3,
	FERRULE_COALESCE_TX_FRAMES = 4,
	FERRULE_COALESCE_TX_ADAPTIVE = 5,
	FERRULE_COALESCE_WORDS = 6,
};

/** Writes names of a folder, each with a newline; returns their bytes. -EOVERFLOW if they do not fit. */
FERRULE_EXPORT int32_t ferrule_host_list(const char *path, char *names, int32_t names_bytes);

/** Writes where a link leads; returns its bytes. */
FERRULE_EXPORT int32_t ferrule_host_link(const char *path, char *target, int32_t target_bytes);

/** Type, permissions, owner and inode of a file, and whether this process may write it. */
FERRULE_EXPORT int32_t ferrule_host_stat(const char *path, double *result);

/** Writes the name of the interface that has an IPv4 address; returns its bytes, 0 = none has it. */
FERRULE_EXPORT int32_t ferrule_host_interface(const char *address, char *name, int32_t name_bytes);

/** How long a network card waits before it interrupts. -EOPNOTSUPP where its driver does not say. */
FERRULE_EXPORT int32_t ferrule_host_coalescing(const char *interface, double *result);

/** Connects over TCP and closes; result is the microseconds that it took. -ETIMEDOUT after timeout_ms. */
FERRULE_EXPORT int32_t ferrule_host_connect(const char *address, uint32_t port, uint32_t timeout_ms,
					    double *result);

#endif
