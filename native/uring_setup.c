/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The ring in the shape that was asked for. What a kernel does not know is left
 * out where nothing but speed depends on it, and the header says what is had;
 * what an operator names (kernel polling, busy polling) is had or is an error.
 */
#include <errno.h>

#include "uring_internal.h"

/* Each listener can wait for an arming and a cancelling. */
#define ENTRIES_SPARE (2 * URING_LISTENERS_MAX + 64)
#define ENTRIES_MIN 512
/* The kernel's thread sleeps after so long without anything to submit. */
#define KERNEL_POLL_IDLE_MS 1000
/* Newer than the headers of Debian 12; Linux 6.9. */
#define REGISTER_BUSY_POLL 27

struct busy_poll_request {
	uint32_t microseconds;
	uint8_t prefer;
	uint8_t operation;
	uint8_t padding[2];
	uint32_t parameter;
	uint32_t reserved;
};

static unsigned int entries_of(const struct uring_transport *t)
{
	/* Each connection can wait for receiving, sending, and the cancelling of both. */
	int32_t entries = 3 * t->options[URING_OPTION_CONNECTIONS_MAX] + ENTRIES_SPARE;

	if (t->options[URING_OPTION_RING_ENTRIES] > 0)
		return (unsigned int)t->options[URING_OPTION_RING_ENTRIES];
	return (unsigned int)(entries < ENTRIES_MIN ? ENTRIES_MIN : entries);
}

static int start_with(struct io_uring *ring, unsigned int entries, struct io_uring_params params)
{
	params.flags |= IORING_SETUP_CQSIZE;
	params.cq_entries = 2 * entries;
	return io_uring_queue_init_params(entries, ring, &params);
}

/* The best set-up that the kernel takes, from the newest kind to the plainest. */
static int climb(struct io_uring *ring, unsigned int entries, bool defer, unsigned int *granted)
{
	static const unsigned int ladder[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0};
	int result = -EINVAL;
	size_t i;

	for (i = defer ? 0 : 2; i < sizeof(ladder) / sizeof(*ladder) && result == -EINVAL; i++) {
		result = start_with(ring, entries, (struct io_uring_params){.flags = ladder[i]});
		*granted = ladder[i];
	}
	return result;
}

static int start_polled(struct uring_transport *t, int32_t core, unsigned int *granted)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_SINGLE_ISSUER,
		.sq_thread_cpu = (uint32_t)core,
		.sq_thread_idle = KERNEL_POLL_IDLE_MS};

	t->kernel_polls = true;
	*granted = params.flags;
	return start_with(&t->ring, entries_of(t), params);
}

/* Leaves out of the switches what the kernel does not have. */
static void add_extras(struct uring_transport *t, unsigned int granted)
{
	int connections = t->options[URING_OPTION_CONNECTIONS_MAX];

	if ((granted & IORING_SETUP_DEFER_TASKRUN) == 0)
		t->switches &= ~(uint32_t)(URING_SWITCH_DEFER | URING_SWITCH_MULTISHOT);
	if (uring_has(t, URING_SWITCH_MULTISHOT) && multishot_start(t) < 0)
		t->switches &= ~(uint32_t)URING_SWITCH_MULTISHOT;
	if (uring_has(t, URING_SWITCH_FILES) &&
	    io_uring_register_files_sparse(&t->ring, (unsigned int)connections) < 0)
		t->switches &= ~(uint32_t)URING_SWITCH_FILES;
	/* Saves a look-up on each call; works without. */
	io_uring_register_ring_fd(&t->ring);
}

int uring_start_ring(struct uring_transport *t)
{
	int32_t core = t->options[URING_OPTION_KERNEL_POLL_CORE];
	struct busy_poll_request busy = {.microseconds =
						 (uint32_t)t->options[URING_OPTION_BUSY_POLL_US]};
	unsigned int granted = 0;
	int result;

	if (core >= 0)
		result = start_polled(t, core, &granted);
	else
		result = climb(&t->ring, entries_of(t), uring_has(t, URING_SWITCH_DEFER), &granted);
	if (result < 0)
		return ferrule_fail(-result, core >= 0 ? "io_uring_setup(IORING_SETUP_SQPOLL)"
						       : "io_uring_setup");
	if (busy.microseconds > 0) {
		result = io_uring_register((unsigned int)t->ring.ring_fd, REGISTER_BUSY_POLL, &busy, 1);
		if (result < 0) {
			io_uring_queue_exit(&t->ring);
			return ferrule_fail(-result, "io_uring_register(IORING_REGISTER_NAPI)");
		}
	}
	t->header[URING_SETUP_FLAGS] = (int32_t)granted;
	add_extras(t, granted);
	return 0;
}

void uring_busy_poll(const struct uring_transport *t, int fd)
{
	const int microseconds = t->options[URING_OPTION_BUSY_POLL_US];

	/* Allowed with CAP_NET_ADMIN; the ring's own polling does not need it. */
	if (microseconds > 0)
		setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof(microseconds));
}

int uring_register_file(struct uring_transport *t, int32_t slot)
{
	if (!uring_has(t, URING_SWITCH_FILES))
		return 0;
	return io_uring_register_files_update(&t->ring, (unsigned int)slot, &t->connections[slot].fd, 1) == 1
		       ? 0
		       : -ENOMEM;
}

void uring_forget_file(struct uring_transport *t, int32_t slot)
{
	const int none = -1;

	if (uring_has(t, URING_SWITCH_FILES))
		io_uring_register_files_update(&t->ring, (unsigned int)slot, &none, 1);
}

void uring_use_file(const struct uring_transport *t, struct io_uring_sqe *entry, int32_t slot)
{
	if (!uring_has(t, URING_SWITCH_FILES))
		return;
	entry->fd = slot;
	entry->flags |= IOSQE_FIXED_FILE;
}

int32_t ferrule_uring_probe(void)
{
	struct io_uring ring;
	unsigned int granted = 0;
	int result = climb(&ring, 8, true, &granted);

	if (result < 0)
		return ferrule_fail(-result, "io_uring_setup");
	io_uring_queue_exit(&ring);
	return 0;
}
