/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Client of the binary order protocol (docs/protocols/binary_order.md) that
 * measures. It spins, and checks numbers and checksum of every answer.
 *
 *   binary_client --mode latency|throughput --over tcp|udp --port 9010
 *                 [--host 127.0.0.1] [--session 1] [--key 1869440356]
 *                 [--symbol 0] [--mix trade|cancel] [--orders 100000]
 *                 [--warmup 20000] [--batch 64] [--window 4096] [--core -1]
 *                 [--seconds 30]
 *
 * latency: one message under way; the time until its answer. throughput: up to
 * --window messages under way, --batch in a packet; counted by their answers.
 * Mix trade: buy, sell, buy, sell at one price, so that every second order
 * fills the one before. Mix cancel: a new order, its cancel, and so on. Either
 * way the book stays small. A "message" is a new order or a cancel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define HEADER_BYTES 16
#define REQUEST_BYTES 34
#define ANSWER_BYTES 64
#define BATCH_MAX_TCP 256
#define BATCH_MAX_UDP 42
#define INPUT_BYTES (1 << 20)
#define OUTPUT_BYTES (HEADER_BYTES + BATCH_MAX_TCP * REQUEST_BYTES)
#define PRICE_E8 15025000000ULL
#define QUANTITY_E8 100000000ULL
#define SIDE_BUY 0x01
#define SIDE_SELL 0x02
#define REASON_GAP 16
#define REASON_CANCELED 203
#define REASON_OVERLOAD 303
#define ANSWER_WAIT_NS 2000000000LL

static int fd;
static bool tcp, cancels;
static uint32_t session, symbol;
static uint64_t key;
/* Numbers: of our next message, of the next one to be answered, of their next. */
static uint64_t next_out, next_answered, next_in;
static uint64_t accepted, canceled, filled, refused, rewinds;
static bool ended;
static uint8_t input[INPUT_BYTES], output[OUTPUT_BYTES];
static size_t input_bytes, output_bytes, output_sent;

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
	memcpy(at, &value, bytes);
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return value;
}

static void put_header(uint8_t *at, uint64_t count, uint64_t sequence)
{
	at[0] = 1;
	at[1] = 0;
	put(at + 2, count, 2);
	put(at + 4, session, 4);
	put(at + 8, sequence, 8);
}

static void put_request(uint8_t *at, uint8_t type, uint64_t of_symbol, uint8_t side, uint64_t quantity,
			uint64_t price, uint64_t reference)
{
	at[0] = type;
	put(at + 1, of_symbol, 4);
	at[5] = side;
	put(at + 6, quantity, 8);
	put(at + 14, price, 8);
	put(at + 22, reference, 8);
	put(at + 30, bench_crc32c(at, 30), 4);
}

/* What message number n is follows from n alone, so that it can be sent again. */
static void put_numbered(uint8_t *at, uint64_t n, uint64_t now)
{
	bool odd = (n & 1) != 0;

	if (!cancels)
		put_request(at, 'O', symbol, odd ? SIDE_BUY : SIDE_SELL, QUANTITY_E8, PRICE_E8, now);
	else if (odd)
		put_request(at, 'O', symbol, SIDE_BUY, QUANTITY_E8, PRICE_E8, now);
	else
		put_request(at, 'X', symbol, SIDE_BUY, 0, 0, n - 1);
}

static void put_packet(uint64_t count)
{
	uint64_t now = (uint64_t)bench_now_ns(), i;

	put_header(output, count, next_out);
	for (i = 0; i < count; i++)
		put_numbered(output + HEADER_BYTES + i * REQUEST_BYTES, next_out + i, now);
	next_out += count;
	output_bytes = HEADER_BYTES + count * REQUEST_BYTES;
	output_sent = 0;
}

static void send_unnumbered(uint8_t type, uint64_t quantity, uint64_t price)
{
	uint8_t packet[HEADER_BYTES + REQUEST_BYTES];

	put_header(packet, 1, 0);
	put_request(packet + HEADER_BYTES, type, 0, 0, quantity, price, 0);
	if (!bench_send_all(fd, packet, sizeof(packet)))
		bench_fail("The connection broke");
}

/* Goes on with what is left of the packet; false while something is left. */
static bool flush_output(void)
{
	int64_t sent;

	if (output_sent == output_bytes)
		return true;
	sent = bench_try_send(fd, output + output_sent, output_bytes - output_sent);
	if (sent < 0)
		bench_fail("The connection broke");
	output_sent += (size_t)sent;
	return output_sent == output_bytes;
}

static void take_unnumbered(const uint8_t *at)
{
	uint64_t reason = get(at + 2, 2), expected = get(at + 16, 8);

	switch (at[0]) {
	case 'L':
		next_out = expected;
		next_answered = expected;
		next_in = get(at + 24, 8);
		return;
	case 'H':
		return;
	case 'E':
		ended = true;
		if (reason != 0)
			bench_fail("The session was ended with reason %" PRIu64, reason);
		return;
	case 'P':
		/* Refused for now; what came behind it is a gap for that reason. */
		if (reason == REASON_OVERLOAD) {
			next_out = expected;
			rewinds++;
			return;
		}
		if (reason == REASON_GAP && rewinds > 0)
			return;
		break;
	}
	bench_fail("The appliance answered %c with reason %" PRIu64, at[0], reason);
}

static void take_numbered(const uint8_t *at)
{
	uint64_t cause = get(at + 56, 4);

	if (at[0] == 'F') {
		filled++;
		return;
	}
	if (cause != (next_answered & 0xffffffff))
		bench_fail("An answer is for message %" PRIu64 ", expected %" PRIu64, cause, next_answered);
	next_answered++;
	if (at[0] == 'A')
		accepted++;
	else if (at[0] == 'C' && get(at + 2, 2) == REASON_CANCELED)
		canceled++;
	else if (at[0] == 'J' || at[0] == 'K')
		refused++;
	else
		bench_fail("An answer of type %c and reason %" PRIu64, at[0], get(at + 2, 2));
}

/* One packet if it is whole; returns its bytes, or 0. */
static size_t take_packet(const uint8_t *at, size_t bytes)
{
	uint64_t count, sequence, i;

	if (bytes < HEADER_BYTES)
		return 0;
	count = get(at + 2, 2);
	sequence = get(at + 8, 8);
	if (at[0] != 1 || at[1] != 1 || count < 1 || count > 256 || get(at + 4, 4) != session)
		bench_fail("A packet's header is wrong");
	if (bytes < HEADER_BYTES + count * ANSWER_BYTES)
		return 0;
	if (sequence != 0 && sequence != next_in)
		bench_fail("Answers start at %" PRIu64 ", expected %" PRIu64, sequence, next_in);
	for (i = 0; i < count; i++) {
		const uint8_t *message = at + HEADER_BYTES + i * ANSWER_BYTES;

		if (get(message + 60, 4) != bench_crc32c(message, 60))
			bench_fail("A checksum is wrong");
		if (sequence == 0)
			take_unnumbered(message);
		else
			take_numbered(message);
	}
	if (sequence != 0)
		next_in = sequence + count;
	return HEADER_BYTES + (size_t)count * ANSWER_BYTES;
}

/* One look at the socket. */
static void receive(void)
{
	int64_t received = bench_try_receive(fd, input + input_bytes, sizeof(input) - input_bytes);
	size_t at = 0, taken;

	if (received < 0)
		bench_fail("The connection broke");
	if (received == 0)
		return;
	input_bytes += (size_t)received;
	for (; (taken = take_packet(input + at, input_bytes - at)) != 0; at += taken)
		;
	if (!tcp && at != input_bytes)
		bench_fail("A datagram is not one packet");
	memmove(input, input + at, input_bytes - at);
	input_bytes -= at;
}

static void log_on(void)
{
	int64_t start = bench_now_ns();

	send_unnumbered('L', key, 0);
	while (next_out == 0) {
		receive();
		if (bench_now_ns() - start > ANSWER_WAIT_NS)
			bench_fail("The logon was not answered");
	}
}

static void log_off(void)
{
	int64_t start = bench_now_ns();

	while (!flush_output() && bench_now_ns() - start < ANSWER_WAIT_NS)
		receive();
	send_unnumbered('Q', 0, 0);
	while (!ended && bench_now_ns() - start < ANSWER_WAIT_NS)
		receive();
}

static void measure_latency(struct bench_samples *samples, int64_t warmup, int64_t orders)
{
	int64_t i;

	for (i = 0; i < warmup + orders && !bench_over(); i++) {
		int64_t start = bench_now_ns();
		uint32_t looks = 0;

		put_packet(1);
		while (!flush_output())
			;
		while (next_answered != next_out) {
			receive();
			if (++looks % 4096 == 0 && bench_now_ns() - start > ANSWER_WAIT_NS)
				bench_fail("No answer to message %" PRIu64, next_answered);
		}
		if (i >= warmup)
			samples->values[samples->count++] = bench_now_ns() - start;
	}
}

/* Returns nanoseconds, and in *done how many answers came in them. */
static int64_t measure_throughput(int64_t warmup, int64_t orders, uint64_t batch, uint64_t window,
				  int64_t *done)
{
	uint64_t first = next_answered, timed = first + (uint64_t)warmup;
	uint64_t last = timed + (uint64_t)orders;
	int64_t start = bench_now_ns();
	bool warm = false;
	uint32_t looks = 0;

	while (next_answered < last && (++looks % 1024 != 0 || !bench_over())) {
		if (flush_output() && next_out < last && next_out - next_answered + batch <= window) {
			put_packet(last - next_out < batch ? last - next_out : batch);
			flush_output();
		}
		receive();
		if (!warm && next_answered >= timed) {
			warm = true;
			timed = next_answered;
			start = bench_now_ns();
		}
	}
	*done = warm ? (int64_t)(next_answered - timed) : 0;
	return bench_now_ns() - start;
}

int main(int count, char **arguments)
{
	const char *mode = bench_text(count, arguments, "mode", "latency");
	const char *over = bench_text(count, arguments, "over", "tcp");
	const char *mix = bench_text(count, arguments, "mix", "trade");
	bool latency = strcmp(mode, "latency") == 0;
	int64_t orders = bench_number(count, arguments, "orders", 100000, 1, 100 * BENCH_SAMPLES_MAX);
	int64_t warmup = bench_number(count, arguments, "warmup", 20000, 0, BENCH_SAMPLES_MAX);
	int64_t batch, window, elapsed = 0, done = 0;
	struct bench_samples samples = {0};

	tcp = strcmp(over, "tcp") == 0;
	cancels = strcmp(mix, "cancel") == 0;
	if ((!latency && strcmp(mode, "throughput") != 0) || (!tcp && strcmp(over, "udp") != 0) ||
	    (!cancels && strcmp(mix, "trade") != 0))
		bench_fail("--mode is latency or throughput, --over tcp or udp, --mix trade or cancel");
	batch = bench_number(count, arguments, "batch", tcp ? 64 : 32, 1, tcp ? BATCH_MAX_TCP : BATCH_MAX_UDP);
	window = bench_number(count, arguments, "window", tcp ? 4096 : 512, batch, 1 << 20);
	session = (uint32_t)bench_number(count, arguments, "session", 1, 1, UINT32_MAX);
	symbol = (uint32_t)bench_number(count, arguments, "symbol", 0, 0, UINT32_MAX);
	key = strtoull(bench_text(count, arguments, "key", "1869440356"), NULL, 10);
	if (latency)
		bench_samples_open(&samples, orders > BENCH_SAMPLES_MAX ? BENCH_SAMPLES_MAX : orders);
	orders = latency && orders > BENCH_SAMPLES_MAX ? BENCH_SAMPLES_MAX : orders;
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 30, 1, 3600));
	fd = bench_connect(bench_text(count, arguments, "host", "127.0.0.1"),
			   bench_number(count, arguments, "port", tcp ? 9010 : 9011, 1, 65535), tcp);
	log_on();
	if (latency)
		measure_latency(&samples, warmup, orders);
	else
		elapsed = measure_throughput(warmup, orders, (uint64_t)batch, (uint64_t)window, &done);
	log_off();
	close(fd);
	printf("{\"program\":\"binary_client\",\"mode\":\"%s\",\"over\":\"%s\",\"mix\":\"%s\","
	       "\"accepted\":%" PRIu64 ",\"canceled\":%" PRIu64 ",\"filled\":%" PRIu64
	       ",\"refused\":%" PRIu64 ",\"rewinds\":%" PRIu64 ",",
	       mode, over, mix, accepted, canceled, filled, refused, rewinds);
	if (latency) {
		printf("\"complete\":%s,", samples.count == orders ? "true" : "false");
		bench_samples_print(&samples);
	} else {
		printf("\"complete\":%s,\"batch\":%" PRId64 ",\"window\":%" PRId64 ",\"count\":%" PRId64
		       ",\"elapsedNs\":%" PRId64 ",\"perSecond\":%.0f",
		       done > 0 && next_answered == next_out && !bench_stop ? "true" : "false", batch, window,
		       done, elapsed, elapsed > 0 ? (double)done * 1e9 / (double)elapsed : 0.0);
	}
	printf("}\n");
	return 0;
}
