/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Tells systemd how the service is (sd_notify(3)), without its library.
 */
#ifndef FERRULE_NOTIFY_H
#define FERRULE_NOTIFY_H

#include "ferrule.h"

/**
 * Sends one datagram to the socket: a path, or an abstract name after '@'.
 * Both texts end in NUL.
 */
FERRULE_EXPORT int32_t ferrule_notify_send(const char *socket_path, const char *state);

#endif
