/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * How good this machine's clock is: what the kernel says of its own, the
 * distance of a card's clock (/dev/ptp*) from it, and a socket to linuxptp's
 * management interface. Nothing here sets a clock.
 */
#ifndef FERRULE_PTP_H
#define FERRULE_PTP_H

#include "ferrule.h"

/** Elements of ferrule_ptp_kernel()'s result, doubles. */
enum {
	/** 1 = a daemon keeps the clock, as far as the kernel knows. */
	FERRULE_PTP_SYNCHRONIZED,
	/** What is still to be slewed. */
	FERRULE_PTP_OFFSET_NS,
	FERRULE_PTP_ESTIMATED_ERROR_NS,
	FERRULE_PTP_MAXIMUM_ERROR_NS,
	/** Correction of the clock's rate, parts in 10^9. */
	FERRULE_PTP_FREQUENCY_PPB,
	/** TAI less UTC, seconds; 0 = not set. */
	FERRULE_PTP_TAI_OFFSET_S,
	FERRULE_PTP_KERNEL_WORDS = 8
};

/** Elements of ferrule_ptp_device()'s result, doubles. */
enum {
	/** The card's time less ours. */
	FERRULE_PTP_DEVICE_OFFSET_NS,
	/** Between our two looks, in the middle of which its time was read. */
	FERRULE_PTP_DEVICE_WINDOW_NS,
	FERRULE_PTP_DEVICE_WORDS = 2
};

/** What the kernel says of its clock (adjtimex). 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_ptp_kernel(double *result);

/** Compares a card's clock with ours, the tightest of some tries. 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_ptp_device(const char *path, double *result);

/**
 * A socket to a datagram server in the file system. Answers come to own_path,
 * which is made anew and is the caller's to remove; "" = an address outside the
 * file system, that only those of the same network namespace know. A
 * descriptor, or -errno.
 */
FERRULE_EXPORT int32_t ferrule_ptp_open(const char *path, const char *own_path);

/** Sends a message; never waits. 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_ptp_send(int32_t fd, const uint8_t *message, uint32_t bytes);

/** Takes the next answer; never waits. Its bytes, 0 = there is none, or -errno. */
FERRULE_EXPORT int32_t ferrule_ptp_receive(int32_t fd, uint8_t *message, uint32_t bytes_max);

#endif
