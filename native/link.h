/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * One TCP connection between two appliances, without waiting: who uses it asks
 * again. Descriptors belong to the thread that uses them. Sockets do not delay
 * small segments (TCP_NODELAY), and no signal comes from a broken one.
 */
#ifndef FERRULE_LINK_H
#define FERRULE_LINK_H

#include "ferrule.h"

/** Listens on an IPv4 address ("0.0.0.0" = all); port 0 = any free. Writes the port. Returns a descriptor. */
FERRULE_EXPORT int32_t ferrule_link_listen(const char *address, uint32_t port,
					   uint32_t *bound_port);

/** Takes a connection: a descriptor, or -EAGAIN if nobody calls. Writes the caller's address (host order) and port. */
FERRULE_EXPORT int32_t ferrule_link_accept(int32_t listener, uint32_t *peer);

/** Starts to connect; returns a descriptor at once. */
FERRULE_EXPORT int32_t ferrule_link_connect(const char *address, uint32_t port);

/** 0 = the connection stands, -EINPROGRESS = not yet, otherwise why it does not. */
FERRULE_EXPORT int32_t ferrule_link_connected(int32_t fd);

/** Bytes that were taken, fewer than asked and 0 if there is no room now; or -errno. */
FERRULE_EXPORT int32_t ferrule_link_send(int32_t fd, double address, uint32_t bytes);

/** Bytes that came, 0 = none now, -EPIPE = the other side has closed, or -errno. */
FERRULE_EXPORT int32_t ferrule_link_receive(int32_t fd, double address, uint32_t bytes);

FERRULE_EXPORT int32_t ferrule_link_close(int32_t fd);

#endif
