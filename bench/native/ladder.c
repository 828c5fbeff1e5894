/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The limit that the book is measured against: the standard mix through the
 * plainest book that matches it, as fast as an array can be.
 *
 *   ladder FILE PASSES [from=N]
 *
 * For each symbol an array over the prices that the file has, each with a
 * first-in-first-out queue linked by indexes; a bit for each price that has
 * orders; orders in a pool with a free list, found by an array over ids. No
 * checks, one order type, and a fill is 16 bytes written to a ring. It knows
 * the range of prices and ids before it starts, as no exchange does.
 *
 * Prints "pass NANOSECONDS MESSAGES TAPE BOOK" for each pass, after one that
 * proves and is not timed; with from=N the clock starts after the first N messages.
 * Ends with 3 if the file is no standard mix.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RECORD_BYTES 16
#define SYMBOLS_MAX 65536
#define TYPE_CANCEL 2
#define HASH_START 2166136261u
#define HASH_FACTOR 16777619u
#define FILLS 1024
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define WORD_BITS 64
#define CHALLENGE_MAGIC 0x4d4542575f303031u

struct message {
	uint8_t type, side;
	uint16_t symbol;
	uint32_t id, price, quantity;
};

struct order {
	uint32_t next, previous;
	uint32_t price, quantity;
	uint32_t id, side_symbol;
};

struct queue {
	uint32_t head, tail;
};

struct fill {
	uint32_t maker, taker, price, quantity;
};

static struct message *messages;
static size_t message_count;
static uint32_t symbol_count, id_max, price_min, price_count, word_count;
static struct queue *queues;
static uint64_t *bits;
/* Best prices, less price_min: of buys -1 and of sells price_count if there is none. */
static int32_t (*best)[2];
static struct order *orders;
static uint32_t *by_id;
static uint32_t free_head, order_count;
static struct fill fills[FILLS];
static uint32_t fill_count, tape;

static void fail(const char *text)
{
	fprintf(stderr, "ladder: %s\n", text);
	exit(1);
}

/* Zeroed, and on huge pages if the kernel has some to give. */
static void *zeroed(size_t count, size_t bytes)
{
	size_t size = (count * bytes / HUGE_PAGE_BYTES + 1) * HUGE_PAGE_BYTES;
	void *memory = aligned_alloc(HUGE_PAGE_BYTES, size);

	if (memory == NULL)
		fail("no memory");
	madvise(memory, size, MADV_HUGEPAGE);
	return memset(memory, 0, size);
}

static void load(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint32_t price_max = 0;
	uint64_t magic = 0;
	long bytes;
	size_t i;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		fail("can not open the file");
	bytes = ftell(file);
	rewind(file);
	if (bytes <= 0)
		fail("the file is empty");
	message_count = (size_t)bytes / RECORD_BYTES;
	messages = zeroed(message_count + 1, sizeof(*messages));
	if (fread(messages, RECORD_BYTES, message_count, file) != message_count)
		fail("can not read the file");
	fclose(file);
	memcpy(&magic, messages, sizeof(magic));
	if (magic == CHALLENGE_MAGIC || bytes % RECORD_BYTES != 0)
		exit(3);
	price_min = UINT32_MAX;
	for (i = 0; i < message_count; i++) {
		const struct message *m = &messages[i];

		if (m->symbol >= symbol_count)
			symbol_count = m->symbol + 1u;
		if (m->id > id_max)
			id_max = m->id;
		if (m->price < price_min)
			price_min = m->price;
		if (m->price > price_max)
			price_max = m->price;
	}
	price_count = price_max - price_min + 1;
	word_count = price_count / WORD_BITS + 1;
}

static void empty(void)
{
	uint32_t s;

	memset(queues, 0, (size_t)symbol_count * price_count * sizeof(*queues));
	memset(bits, 0, (size_t)symbol_count * word_count * 2 * sizeof(*bits));
	memset(by_id, 0, ((size_t)id_max + 1) * sizeof(*by_id));
	for (s = 0; s < symbol_count; s++) {
		best[s][0] = -1;
		best[s][1] = (int32_t)price_count;
	}
	free_head = 0;
	order_count = 0;
	fill_count = 0;
	tape = HASH_START;
}

/* The next price with orders, from a price that has none any more away from the touch. */
static int32_t next_best(uint32_t symbol, uint32_t side, int32_t from)
{
	const uint64_t *row = bits + (size_t)(symbol * 2 + side) * word_count;
	int32_t word = from / WORD_BITS;
	uint64_t rest;

	if (side == 0) {
		rest = row[word] & (~0ull >> (WORD_BITS - 1 - from % WORD_BITS));
		while (rest == 0) {
			if (--word < 0)
				return -1;
			rest = row[word];
		}
		return word * WORD_BITS + WORD_BITS - 1 - __builtin_clzll(rest);
	}
	rest = row[word] & (~0ull << (from % WORD_BITS));
	while (rest == 0) {
		if (++word >= (int32_t)word_count)
			return (int32_t)price_count;
		rest = row[word];
	}
	return word * WORD_BITS + __builtin_ctzll(rest);
}

static void level_emptied(uint32_t symbol, uint32_t side, int32_t price)
{
	uint64_t *row = bits + (size_t)(symbol * 2 + side) * word_count;

	row[price / WORD_BITS] &= ~(1ull << (price % WORD_BITS));
	if (best[symbol][side] == price)
		best[symbol][side] = next_best(symbol, side, price);
}

static inline uint32_t mix(uint32_t hash, uint32_t word)
{
	return (hash ^ word) * HASH_FACTOR;
}

static inline void tell(uint32_t maker, uint32_t taker, uint32_t price, uint32_t quantity,
			int proving)
{
	struct fill *fill = &fills[fill_count++ % FILLS];

	fill->maker = maker;
	fill->taker = taker;
	fill->price = price;
	fill->quantity = quantity;
	if (proving)
		tape = mix(mix(mix(mix(tape, maker), taker), price), quantity);
}

static void rest(const struct message *m, int32_t price, uint32_t quantity)
{
	struct queue *queue = &queues[(size_t)m->symbol * price_count + (uint32_t)price];
	uint32_t slot = free_head;
	struct order *order;

	if (slot != 0)
		free_head = orders[slot].next;
	else
		slot = ++order_count;
	order = &orders[slot];
	order->next = 0;
	order->previous = queue->tail;
	order->price = (uint32_t)price;
	order->quantity = quantity;
	order->id = m->id;
	order->side_symbol = m->side | (uint32_t)m->symbol << 8;
	by_id[m->id] = slot;
	if (queue->tail != 0) {
		orders[queue->tail].next = slot;
	} else {
		queue->head = slot;
		bits[(size_t)(m->symbol * 2u + m->side) * word_count +
		     (uint32_t)price / WORD_BITS] |= 1ull << (price % WORD_BITS);
		if (m->side == 0 ? price > best[m->symbol][0] : price < best[m->symbol][1])
			best[m->symbol][m->side] = price;
	}
	queue->tail = slot;
}

static inline void place(const struct message *m, int proving)
{
	uint32_t other = 1u - m->side, left = m->quantity;
	int32_t limit = (int32_t)(m->price - price_min);
	int32_t at = best[m->symbol][other];

	while (m->side == 0 ? at <= limit : at >= limit) {
		struct queue *queue = &queues[(size_t)m->symbol * price_count + (uint32_t)at];
		uint32_t slot = queue->head;

		do {
			struct order *maker = &orders[slot];
			uint32_t next = maker->next;

			if (maker->quantity > left) {
				maker->quantity -= left;
				maker->previous = 0;
				queue->head = slot;
				tell(maker->id, m->id, (uint32_t)at + price_min, left, proving);
				return;
			}
			left -= maker->quantity;
			tell(maker->id, m->id, (uint32_t)at + price_min, maker->quantity, proving);
			maker->next = free_head;
			free_head = slot;
			slot = next;
		} while (slot != 0 && left != 0);
		queue->head = slot;
		if (slot != 0) {
			orders[slot].previous = 0;
			return;
		}
		queue->tail = 0;
		level_emptied(m->symbol, other, at);
		if (left == 0)
			return;
		at = best[m->symbol][other];
	}
	rest(m, limit, left);
}

static inline void cancel(const struct message *m)
{
	uint32_t slot = by_id[m->id];
	struct order *order = &orders[slot];
	struct queue *queue = &queues[(size_t)m->symbol * price_count + order->price];

	if (order->previous != 0)
		orders[order->previous].next = order->next;
	else
		queue->head = order->next;
	if (order->next != 0)
		orders[order->next].previous = order->previous;
	else
		queue->tail = order->previous;
	if (queue->head == 0)
		level_emptied(m->symbol, order->side_symbol & 1, (int32_t)order->price);
	order->next = free_head;
	free_head = slot;
}

static inline void run(size_t from, size_t to, int proving)
{
	size_t i;

	for (i = from; i < to; i++) {
		const struct message *m = &messages[i];

		if (m->type == TYPE_CANCEL)
			cancel(m);
		else
			place(m, proving);
	}
}

static uint32_t hash_book(void)
{
	uint32_t hash = HASH_START, symbol, side, slot;

	for (symbol = 0; symbol < symbol_count; symbol++) {
		for (side = 0; side < 2; side++) {
			int32_t at = best[symbol][side];

			while (at >= 0 && at < (int32_t)price_count) {
				slot = queues[(size_t)symbol * price_count + (uint32_t)at].head;
				for (; slot != 0; slot = orders[slot].next) {
					hash = mix(hash, orders[slot].id);
					hash = mix(hash, orders[slot].price + price_min);
					hash = mix(hash, orders[slot].quantity);
				}
				at += side == 0 ? -1 : 1;
				if (at >= 0 && at < (int32_t)price_count)
					at = next_best(symbol, side, at);
			}
		}
	}
	return hash;
}

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int main(int count, char **arguments)
{
	uint32_t proven;
	size_t from = 0;
	int i, pass, passes;

	if (count < 3)
		fail("ladder FILE PASSES");
	load(arguments[1]);
	passes = atoi(arguments[2]);
	for (i = 3; i < count; i++) {
		if (strncmp(arguments[i], "from=", 5) == 0)
			from = strtoull(arguments[i] + 5, NULL, 10);
	}
	if (from >= message_count)
		fail("from= leaves no message");
	queues = zeroed((size_t)symbol_count * price_count, sizeof(*queues));
	bits = zeroed((size_t)symbol_count * word_count * 2, sizeof(*bits));
	best = zeroed(symbol_count, sizeof(*best));
	orders = zeroed((size_t)id_max + 2, sizeof(*orders));
	by_id = zeroed((size_t)id_max + 1, sizeof(*by_id));
	empty();
	run(0, message_count, 1);
	proven = tape;
	for (pass = 0; pass < passes; pass++) {
		int64_t start;

		empty();
		run(0, from, 0);
		start = now_ns();
		run(from, message_count, 0);
		start = now_ns() - start;
		printf("pass %" PRId64 " %zu %08x %08x\n", start, message_count - from, proven,
		       hash_book());
	}
	return 0;
}
