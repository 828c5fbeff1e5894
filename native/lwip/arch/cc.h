/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/** @file What lwIP asks of its platform. Found by the name that lwIP gives it. */
#ifndef FERRULE_LWIP_CC_H
#define FERRULE_LWIP_CC_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_ERRNO_STDINCLUDE
#define BYTE_ORDER LITTLE_ENDIAN
#define LWIP_PLATFORM_DIAG(message)
/** A broken invariant of the stack ends the process: the journal has what counts. */
#define LWIP_PLATFORM_ASSERT(message)                                                              \
	do {                                                                                       \
		fprintf(stderr, "lwIP: %s\n", message);                                            \
		abort();                                                                           \
	} while (0)

extern uint32_t ferrule_tcp_random(void);
#define LWIP_RAND() ferrule_tcp_random()

#endif
