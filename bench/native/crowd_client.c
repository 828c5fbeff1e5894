/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Many clients in one thread, over TCP, of either protocol: how many orders a
 * second a gateway takes from all of them together.
 *
 *   crowd_client --protocol binary|fix --port 9010 [--host 127.0.0.1]
 *                [--connections 1000] [--key 1869440356] [--password demo]
 *                [--orders 1000000] [--warmup 100000] [--batch 16]
 *                [--window 64] [--core -1] [--seconds 30]
 *
 * Connection i is session i + 1 (binary), or CLIENT1, CLIENT2, ... (FIX). They
 * take turns; each has up to --window orders under way and sends --batch at
 * once. Buys and sells take turns at one price, so that every second order
 * fills the one before. Checks the number and the checksum of every answer;
 * orders are counted by their acknowledgements.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define SOH '\x01'
#define BEGIN "8=FIX.4.4\x01" "9="
#define BODY_AT 16
#define TRAILER_BYTES 7
#define HEADER_BYTES 16
#define REQUEST_BYTES 34
#define ANSWER_BYTES 64
#define BATCH_MAX 64
#define MESSAGE_BYTES_MAX 320
#define INPUT_BYTES (96 * 1024)
#define PRICE_E8 15025000000ULL
#define QUANTITY_E8 100000000ULL
#define TIME_BYTES 21

struct client {
	int fd;
	uint32_t index;
	/* Numbers of the next message out and in; orders sent and acknowledged. */
	uint64_t next_out, next_in, sent, answered;
	bool logged_on;
	size_t input_bytes, output_bytes, output_sent;
	uint8_t input[INPUT_BYTES];
	uint8_t output[BATCH_MAX * MESSAGE_BYTES_MAX];
};

static struct client *clients;
static bool fix;
static uint64_t key, acknowledged;
static const char *password;
static char now_text[TIME_BYTES + 1];

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

static void renew_time(void)
{
	struct timespec now;
	struct tm parts;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(now_text, sizeof(now_text), "%Y%m%d-%H:%M:%S.", &parts);
	snprintf(now_text + 18, 4, "%03d", (int)(now.tv_nsec / 1000000));
}

/* One binary message; price and reference as the type wants them. */
static void put_request(uint8_t *at, uint8_t type, uint8_t side, uint64_t quantity, uint64_t price)
{
	memset(at, 0, REQUEST_BYTES);
	at[0] = type;
	at[5] = side;
	put(at + 6, quantity, 8);
	put(at + 14, price, 8);
	put(at + 30, bench_crc32c(at, 30), 4);
}

static size_t put_header(const struct client *c, uint8_t *at, uint64_t count, uint64_t sequence)
{
	at[0] = 1;
	at[1] = 0;
	put(at + 2, count, 2);
	put(at + 4, c->index + 1, 4);
	put(at + 8, sequence, 8);
	return HEADER_BYTES;
}

/* A whole FIX message of a type with some fields; returns its bytes. */
static size_t put_message(struct client *c, uint8_t *at, char type, const char *fields)
{
	char *text = (char *)at;
	uint32_t sum = 0;
	int end, i;

	end = BODY_AT + snprintf(text + BODY_AT, MESSAGE_BYTES_MAX - BODY_AT,
				 "35=%c%c49=CLIENT%u%c56=FERRULE%c34=%" PRIu64 "%c52=%s%c%s", type, SOH,
				 c->index + 1, SOH, SOH, c->next_out++, SOH, now_text, SOH, fields);
	snprintf(text, BODY_AT, BEGIN "%03d", end - BODY_AT);
	text[BODY_AT - 1] = SOH;
	for (i = 0; i < end; i++)
		sum += at[i];
	snprintf(text + end, TRAILER_BYTES + 1, "10=%03u%c", sum & 255, SOH);
	return (size_t)end + TRAILER_BYTES;
}

static void log_on(struct client *c)
{
	uint8_t message[MESSAGE_BYTES_MAX + 16];
	char fields[128];
	size_t bytes;

	if (fix) {
		snprintf(fields, sizeof(fields), "98=0%c108=3600%c141=Y%c553=CLIENT%u%c554=%s%c", SOH, SOH,
			 SOH, c->index + 1, SOH, password, SOH);
		bytes = put_message(c, message, 'A', fields);
	} else {
		bytes = put_header(c, message, 1, 0);
		put_request(message + bytes, 'L', 0, key, 0);
		bytes += REQUEST_BYTES;
	}
	if (!bench_send_all(c->fd, message, bytes))
		bench_fail("Connection %u broke", c->index);
}

static void put_batch(struct client *c, uint64_t count)
{
	uint8_t *at = c->output;
	char fields[160];
	uint64_t i;

	if (!fix) {
		at += put_header(c, at, count, c->next_out);
		c->next_out += count;
	}
	for (i = 0; i < count; i++) {
		bool buy = (c->sent++ & 1) == 0;

		if (!fix) {
			put_request(at, 'O', buy ? 1 : 2, QUANTITY_E8, PRICE_E8);
			at += REQUEST_BYTES;
			continue;
		}
		snprintf(fields, sizeof(fields),
			 "11=%08" PRIx64 "-%09" PRIu64 "%c21=1%c38=1%c40=2%c44=150.25%c54=%c%c55=AAPL%c59=0%c"
			 "60=%s%c",
			 (uint64_t)getpid(), c->sent, SOH, SOH, SOH, SOH, SOH, buy ? '1' : '2', SOH, SOH, SOH,
			 now_text, SOH);
		at += put_message(c, at, 'D', fields);
	}
	c->output_bytes = (size_t)(at - c->output);
	c->output_sent = 0;
}

static bool flush_output(struct client *c)
{
	int64_t sent;

	if (c->output_sent == c->output_bytes)
		return true;
	sent = bench_try_send(c->fd, c->output + c->output_sent, c->output_bytes - c->output_sent);
	if (sent < 0)
		bench_fail("Connection %u broke", c->index);
	c->output_sent += (size_t)sent;
	return c->output_sent == c->output_bytes;
}

/* One packet if it is whole; returns its bytes, or 0. */
static size_t take_packet(struct client *c, const uint8_t *at, size_t bytes)
{
	uint64_t count, sequence, i;

	if (bytes < HEADER_BYTES)
		return 0;
	count = get(at + 2, 2);
	sequence = get(at + 8, 8);
	if (bytes < HEADER_BYTES + count * ANSWER_BYTES)
		return 0;
	if (sequence != 0 && sequence != c->next_in)
		bench_fail("Answers start at %" PRIu64 ", expected %" PRIu64, sequence, c->next_in);
	for (i = 0; i < count; i++) {
		const uint8_t *message = at + HEADER_BYTES + i * ANSWER_BYTES;

		if (get(message + 60, 4) != bench_crc32c(message, 60))
			bench_fail("A checksum is wrong");
		switch (message[0]) {
		case 'L':
			c->next_out = get(message + 16, 8);
			c->next_in = get(message + 24, 8);
			c->logged_on = true;
			break;
		case 'A':
			c->answered++;
			acknowledged++;
			break;
		case 'F':
		case 'H':
			break;
		default:
			bench_fail("The appliance answered %c with reason %" PRIu64, message[0],
				   get(message + 2, 2));
		}
	}
	if (sequence != 0)
		c->next_in = sequence + count;
	return HEADER_BYTES + (size_t)count * ANSWER_BYTES;
}

static void take_report(struct client *c, const char *body, const char *end)
{
	static const char tag[] = "\x01" "150=";
	const char *found = memmem(body, (size_t)(end - body), tag, sizeof(tag) - 1);
	char type = found == NULL ? '?' : found[sizeof(tag) - 1];

	if (type == 'F')
		return;
	if (type != '0')
		bench_fail("An order was answered with ExecType %c", type);
	c->answered++;
	acknowledged++;
}

/* One message if it is whole; returns its bytes, or 0. */
static size_t take_message(struct client *c, const char *at, size_t bytes)
{
	size_t body = 0, start = sizeof(BEGIN) - 1;
	const char *end, *p;
	uint32_t sum = 0;

	if (bytes < BODY_AT + TRAILER_BYTES)
		return 0;
	if (memcmp(at, BEGIN, sizeof(BEGIN) - 1) != 0)
		bench_fail("A message does not start with " "8=FIX.4.4");
	while (at[start] >= '0' && at[start] <= '9' && start < BODY_AT + 4)
		body = body * 10 + (size_t)(at[start++] - '0');
	start++;
	if (bytes < start + body + TRAILER_BYTES)
		return 0;
	end = at + start + body;
	for (p = at; p < end; p++)
		sum += (uint8_t)*p;
	if (memcmp(end, "10=", 3) != 0 || strtoul(end + 3, NULL, 10) != (sum & 255))
		bench_fail("A CheckSum is wrong");
	/* 35=8|34=n| */
	if (strtoull(at + start + 8, NULL, 10) != c->next_in)
		bench_fail("A MsgSeqNum is wrong, expected %" PRIu64, c->next_in);
	c->next_in++;
	if (at[start + 3] == '8')
		take_report(c, at + start, end);
	else if (at[start + 3] == 'A')
		c->logged_on = true;
	else
		bench_fail("A message of type %c", at[start + 3]);
	return start + body + TRAILER_BYTES;
}

static void receive(struct client *c)
{
	int64_t received = bench_try_receive(c->fd, c->input + c->input_bytes,
					     sizeof(c->input) - c->input_bytes);
	size_t at = 0, taken;

	if (received < 0)
		bench_fail("Connection %u broke", c->index);
	if (received == 0)
		return;
	c->input_bytes += (size_t)received;
	do {
		taken = fix ? take_message(c, (const char *)c->input + at, c->input_bytes - at)
			    : take_packet(c, c->input + at, c->input_bytes - at);
		at += taken;
	} while (taken != 0);
	memmove(c->input, c->input + at, c->input_bytes - at);
	c->input_bytes -= at;
}

static void connect_all(uint32_t count, const char *host, int64_t port)
{
	uint32_t i;

	clients = calloc(count, sizeof(*clients));
	if (clients == NULL)
		bench_fail("No memory for %u clients", count);
	renew_time();
	for (i = 0; i < count; i++) {
		struct client *c = &clients[i];

		c->index = i;
		c->next_out = 1;
		c->next_in = 1;
		c->fd = bench_connect(host, port, true);
		log_on(c);
		while (!c->logged_on && !bench_over())
			receive(c);
		if (!c->logged_on)
			bench_fail("The logon of client %u was not answered", i);
	}
}

int main(int count, char **arguments)
{
	const char *protocol = bench_text(count, arguments, "protocol", "binary");
	uint32_t connections = (uint32_t)bench_number(count, arguments, "connections", 1000, 1, 4000);
	uint64_t orders = (uint64_t)bench_number(count, arguments, "orders", 1000000, 1, 1000000000);
	uint64_t warmup = (uint64_t)bench_number(count, arguments, "warmup", 100000, 1, 1000000000);
	uint64_t batch = (uint64_t)bench_number(count, arguments, "batch", 16, 1, BATCH_MAX);
	uint64_t window = (uint64_t)bench_number(count, arguments, "window", 64, (int64_t)batch, 1 << 20);
	uint64_t sent = 0, timed = 0;
	int64_t start = 0, elapsed;

	fix = strcmp(protocol, "fix") == 0;
	key = strtoull(bench_text(count, arguments, "key", "1869440356"), NULL, 10);
	password = bench_text(count, arguments, "password", "demo");
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 30, 1, 3600));
	connect_all(connections, bench_text(count, arguments, "host", "127.0.0.1"),
		    bench_number(count, arguments, "port", 9010, 1, 65535));
	while (acknowledged < warmup + orders && !bench_over()) {
		uint32_t i;

		renew_time();
		for (i = 0; i < connections; i++) {
			struct client *c = &clients[i];

			if (flush_output(c) && sent < warmup + orders &&
			    c->sent - c->answered + batch <= window) {
				put_batch(c, batch);
				sent += batch;
				flush_output(c);
			}
			receive(c);
		}
		if (start == 0 && acknowledged >= warmup) {
			timed = acknowledged;
			start = bench_now_ns();
		}
	}
	elapsed = bench_now_ns() - start;
	printf("{\"program\":\"crowd_client\",\"protocol\":\"%s\",\"connections\":%u,\"complete\":%s,"
	       "\"count\":%" PRIu64 ",\"elapsedNs\":%" PRId64 ",\"perSecond\":%.0f}\n",
	       protocol, connections, acknowledged >= warmup + orders ? "true" : "false",
	       acknowledged - timed, elapsed, (double)(acknowledged - timed) * 1e9 / (double)elapsed);
	return 0;
}
