/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Receives that go on, into the window of their connection.
 *
 *   window  |read|unread|held|········ offered to the kernel ········|
 *                 head   tail ▲
 *                             entry of the slot's own ring of buffers
 *
 * Each slot has a ring of buffers of its own with one entry, and that entry is
 * the free rest of the slot's window: the kernel consumes it from the front
 * (IOU_PBUF_RING_INC, Linux 6.12). So bytes lie in a row in the window as with
 * a plain receive, nothing is copied, no connection can take another's
 * buffers, and a window that nobody reads fills and then receives no more.
 *
 * The kernel looks at an entry only while it runs task work, and with deferred
 * task work that is only within our own calls. So between two calls the entry
 * may be moved, as long as the kernel has not used it without our having seen
 * the completion: multishot_is_settled().
 */
#include <errno.h>
#include <sys/mman.h>

#include "uring_internal.h"

/* Newer than the headers of Debian 12. */
#define RING_INCREMENTAL 2
#define BUFFER_GOES_ON (1u << 4)
/* The kernel wants each ring on a page of its own. */
#define RING_BYTES 4096
#define RING_ENTRIES 2

struct buffer_ring_request {
	uint64_t address;
	uint32_t entries;
	uint16_t group;
	uint16_t flags;
	uint64_t reserved[3];
};

static struct io_uring_buf_ring *ring_of(struct uring_transport *t, int32_t slot)
{
	return (struct io_uring_buf_ring *)(void *)(t->buffer_rings + (size_t)slot * RING_BYTES);
}

/* The entry that was offered last. */
static struct io_uring_buf *entry_of(struct uring_transport *t, int32_t slot)
{
	struct io_uring_buf_ring *ring = ring_of(t, slot);

	return &ring->bufs[(ring->tail - 1) & (RING_ENTRIES - 1)];
}

int multishot_start(struct uring_transport *t)
{
	int32_t connections = t->options[URING_OPTION_CONNECTIONS_MAX];
	size_t bytes = (size_t)connections * RING_BYTES;
	void *rings = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int32_t slot;
	int result = 0;

	if (rings == MAP_FAILED)
		return -errno;
	t->buffer_rings = rings;
	for (slot = 0; slot < connections && result >= 0; slot++) {
		struct buffer_ring_request request = {.address = (uintptr_t)ring_of(t, slot),
						      .entries = RING_ENTRIES,
						      .group = (uint16_t)slot,
						      .flags = RING_INCREMENTAL};

		result = io_uring_register((unsigned int)t->ring.ring_fd, IORING_REGISTER_PBUF_RING,
					   &request, 1);
	}
	if (result >= 0)
		return 0;
	for (slot -= 2; slot >= 0; slot--)
		io_uring_unregister_buf_ring(&t->ring, slot);
	multishot_end(t);
	return result;
}

void multishot_end(struct uring_transport *t)
{
	if (t->buffer_rings != NULL)
		munmap(t->buffer_rings, (size_t)t->options[URING_OPTION_CONNECTIONS_MAX] * RING_BYTES);
	t->buffer_rings = NULL;
}

bool multishot_is_settled(struct uring_transport *t, int32_t slot)
{
	const struct io_uring_buf *entry = entry_of(t, slot);
	size_t room;

	if (!t->connections[slot].offered)
		return true;
	return entry->len != 0 && entry->addr == (uintptr_t)uring_receive_room(t, slot, &room);
}

void multishot_offer(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	struct io_uring_buf_ring *ring = ring_of(t, slot);
	struct io_uring_buf *entry;
	size_t room;
	uint8_t *start = uring_receive_room(t, slot, &room);

	if (room == 0)
		return;
	entry = c->offered ? entry_of(t, slot) : &ring->bufs[ring->tail & (RING_ENTRIES - 1)];
	entry->addr = (uintptr_t)start;
	entry->len = (uint32_t)room;
	entry->bid = 0;
	if (!c->offered)
		__atomic_store_n(&ring->tail, (uint16_t)(ring->tail + 1), __ATOMIC_RELEASE);
	c->offered = true;
}

void multishot_prepare(struct io_uring_sqe *entry, int32_t slot)
{
	entry->addr = 0;
	entry->len = 0;
	entry->ioprio |= IORING_RECV_MULTISHOT;
	entry->flags |= IOSQE_BUFFER_SELECT;
	entry->buf_group = (uint16_t)slot;
}

void multishot_take(struct uring_transport *t, int32_t slot, uint32_t flags)
{
	if ((flags & IORING_CQE_F_BUFFER) != 0 && (flags & BUFFER_GOES_ON) == 0)
		t->connections[slot].offered = false;
}
