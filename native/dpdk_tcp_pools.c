/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * Memory of lwIP, in place of its own mem.c and memp.c: pools that are sized
 * when the port opens, so that no client takes a segment from another, and
 * that say what is in use.
 *
 *   connections | listeners | segments | references to bytes | headers
 *
 * What is longer than a header, a segment that is cut in two for a narrow
 * window, comes from the C library, and is counted too.
 */

#include <stdlib.h>
#include <string.h>

#include <lwip/mem.h>
#include <lwip/memp.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>

#include "dpdk_tcp.h"

/* A segment's headers with the description before them. */
#define HEADER_BYTES 192
#define HEADERS MEMP_MAX
#define POOLS (MEMP_MAX + 1)
#define TIMEOUTS 8

struct element {
	struct element *next;
};

static struct pool {
	struct element *free;
	uint32_t used;
} pools[POOLS];
static uint8_t *headers_start, *headers_end;
static uint32_t used_long;
/* lwIP's timers go on from one port to the next. */
static _Alignas(16) uint8_t timeouts[TIMEOUTS * sizeof(struct sys_timeo)];

static const size_t element_bytes[POOLS] = {
#define LWIP_MEMPOOL(name, number, size, text) [MEMP_##name] = LWIP_MEM_ALIGN_SIZE(size),
#include <lwip/priv/memp_std.h>
	[HEADERS] = HEADER_BYTES,
};

/* Two for each segment, and some for short messages. */
uint32_t queue_length(const struct streams_settings *settings)
{
	return FERRULE_TCP_QUEUE_MIN + 2 * (settings->send_bytes / TCP_MSS);
}

static uint32_t elements_of(const struct streams_settings *settings, int kind)
{
	const uint32_t queued = settings->connections * queue_length(settings);

	switch (kind) {
	case MEMP_TCP_PCB:
		/* Most of them only wait after a close, and make room when it is needed. */
		return 4 * (settings->connections + FERRULE_DPDK_BACKLOG);
	case MEMP_TCP_PCB_LISTEN:
		return FERRULE_DPDK_LISTENERS;
	case MEMP_TCP_SEG:
		return queued / 2 + settings->connections * settings->out_of_order_max +
		       FERRULE_DPDK_BACKLOG;
	case MEMP_PBUF:
		return queued;
	case HEADERS:
		return queued / 2 + 4 * FERRULE_DPDK_BACKLOG;
	default:
		return 0;
	}
}

static void fill(struct pool *pool, uint8_t *memory, size_t bytes, uint32_t count)
{
	pool->free = NULL;
	pool->used = 0;
	while (count-- > 0) {
		struct element *element = (struct element *)(void *)(memory + count * bytes);

		element->next = pool->free;
		pool->free = element;
	}
}

size_t pools_bytes(const struct streams_settings *settings)
{
	size_t bytes = 0;
	int kind;

	for (kind = 0; kind < POOLS; kind++)
		bytes += element_bytes[kind] * elements_of(settings, kind);
	return bytes;
}

void pools_open(const struct streams_settings *settings, uint8_t *memory)
{
	int kind;

	for (kind = 0; kind < POOLS; kind++) {
		const uint32_t count = elements_of(settings, kind);

		if (kind == MEMP_SYS_TIMEOUT)
			continue;
		fill(&pools[kind], memory, element_bytes[kind], count);
		if (kind == HEADERS)
			headers_start = memory;
		memory += count * element_bytes[kind];
	}
	headers_end = memory;
}

uint32_t pools_used_pcbs(void)
{
	return pools[MEMP_TCP_PCB].used;
}

uint32_t pools_used_segments(void)
{
	return pools[MEMP_TCP_SEG].used + pools[MEMP_PBUF].used + pools[HEADERS].used + used_long;
}

static void *take(struct pool *pool)
{
	struct element *element = pool->free;

	if (element == NULL)
		return NULL;
	pool->free = element->next;
	pool->used++;
	return element;
}

static void give(struct pool *pool, void *memory)
{
	struct element *element = memory;

	element->next = pool->free;
	pool->free = element;
	pool->used--;
}

/* ------------------------------------------------- what lwIP calls */

void mem_init(void)
{
}

void memp_init(void)
{
	fill(&pools[MEMP_SYS_TIMEOUT], timeouts, sizeof(struct sys_timeo), TIMEOUTS);
}

void *memp_malloc(memp_t type)
{
	return take(&pools[type]);
}

void memp_free(memp_t type, void *memory)
{
	if (memory != NULL)
		give(&pools[type], memory);
}

void *mem_malloc(mem_size_t bytes)
{
	void *memory;

	if (bytes <= HEADER_BYTES)
		return take(&pools[HEADERS]);
	memory = malloc(bytes);
	used_long += memory != NULL;
	return memory;
}

void *mem_trim(void *memory, mem_size_t bytes)
{
	(void)bytes;
	return memory;
}

void mem_free(void *memory)
{
	const uint8_t *byte = memory;

	if (byte >= headers_start && byte < headers_end) {
		give(&pools[HEADERS], memory);
	} else if (memory != NULL) {
		used_long--;
		free(memory);
	}
}
