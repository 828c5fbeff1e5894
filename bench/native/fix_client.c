/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * FIX 4.4 client that measures. It spins, and checks BodyLength, CheckSum,
 * MsgSeqNum and ClOrdID of every answer.
 *
 *   fix_client --mode latency|throughput --port 9878 [--host 127.0.0.1]
 *              [--sender CLIENT1] [--target FERRULE] [--password demo]
 *              [--symbol AAPL] [--orders 100000] [--warmup 20000]
 *              [--batch 32] [--window 1024] [--core -1] [--seconds 30]
 *
 * latency: one NewOrderSingle under way; the time until its ExecutionReport
 * New. throughput: up to --window orders under way, --batch in one send;
 * counted by ExecutionReport New. Buy and sell alternate at one price, so that
 * every second order fills the one before and the book stays small.
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
/* BodyLength always has three digits here, CheckSum always has. */
#define BODY_AT (sizeof(BEGIN) - 1 + 4)
#define TRAILER_BYTES 7
#define MESSAGE_BYTES_MAX 512
#define BATCH_MAX 256
#define INPUT_BYTES (1 << 20)
#define ANSWER_WAIT_NS 2000000000LL
#define TIME_BYTES 21
#define VALUE_BYTES_MAX 64

static int fd;
static const char *sender, *target, *symbol;
static char sending_time[TIME_BYTES + 1];
static int64_t sending_time_ms;
static uint32_t run;
static uint64_t next_out = 1, next_in = 1;
/* Orders are counted from 1; the ClOrdID carries the count. */
static uint64_t orders_sent, orders_answered, trades;
static bool logged_on, logged_out;
static char input[INPUT_BYTES], output[BATCH_MAX * MESSAGE_BYTES_MAX];
static size_t input_bytes, output_bytes, output_sent;

/* The fields of an answer that matter here. */
struct message {
	char type;
	char exec_type;
	uint64_t sequence;
	char order[VALUE_BYTES_MAX];
	char test[VALUE_BYTES_MAX];
	char text[VALUE_BYTES_MAX];
};

static void renew_time(void)
{
	struct timespec now;
	struct tm parts;
	int64_t ms;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (ms == sending_time_ms)
		return;
	sending_time_ms = ms;
	gmtime_r(&now.tv_sec, &parts);
	strftime(sending_time, sizeof(sending_time), "%Y%m%d-%H:%M:%S", &parts);
	sending_time[17] = '.';
	sending_time[18] = (char)('0' + ms % 1000 / 100);
	sending_time[19] = (char)('0' + ms % 100 / 10);
	sending_time[20] = (char)('0' + ms % 10);
}

static char *put_text(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length);
	return at + length;
}

static char *put_number(char *at, uint64_t value)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

static char *put_digits(char *at, uint64_t value, int digits)
{
	int i;

	for (i = digits - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + digits;
}

/* From MsgType on to SendingTime; the caller appends fields, then finishes. */
static char *start_message(char *message, char type)
{
	char *at = message + BODY_AT;

	memcpy(message, BEGIN, sizeof(BEGIN) - 1);
	at = put_text(at, "35=");
	*at++ = type;
	at = put_text(at, "\x01" "49=");
	at = put_text(at, sender);
	at = put_text(at, "\x01" "56=");
	at = put_text(at, target);
	at = put_text(at, "\x01" "34=");
	at = put_number(at, next_out++);
	at = put_text(at, "\x01" "52=");
	at = put_text(at, sending_time);
	*at++ = SOH;
	return at;
}

static char *finish_message(char *message, char *end)
{
	uint32_t sum = 0;
	char *at;

	put_digits(message + BODY_AT - 4, (uint64_t)(end - message) - BODY_AT, 3);
	message[BODY_AT - 1] = SOH;
	for (at = message; at < end; at++)
		sum += (uint8_t)*at;
	end = put_text(end, "10=");
	end = put_digits(end, sum & 255, 3);
	*end++ = SOH;
	return end;
}

static void send_session(char type, const char *fields)
{
	char message[MESSAGE_BYTES_MAX];
	char *end;

	renew_time();
	end = finish_message(message, put_text(start_message(message, type), fields));
	if (!bench_send_all(fd, message, (size_t)(end - message)))
		bench_fail("The connection broke");
}

/* ClOrdID: eight hexadecimal digits of this run, "-", nine digits. */
static char *put_order(char *message)
{
	static const char hex[] = "0123456789abcdef";
	char *at = start_message(message, 'D');
	int i;

	orders_sent++;
	at = put_text(at, "11=");
	for (i = 28; i >= 0; i -= 4)
		*at++ = hex[run >> i & 15];
	*at++ = '-';
	at = put_digits(at, orders_sent, 9);
	at = put_text(at, "\x01" "21=1\x01" "38=1\x01" "40=2\x01" "44=150.25\x01" "54=");
	*at++ = (orders_sent & 1) != 0 ? '1' : '2';
	at = put_text(at, "\x01" "55=");
	at = put_text(at, symbol);
	at = put_text(at, "\x01" "59=0\x01" "60=");
	at = put_text(at, sending_time);
	*at++ = SOH;
	return finish_message(message, at);
}

static void put_batch(uint64_t count)
{
	char *at = output;

	renew_time();
	for (; count > 0; count--)
		at = put_order(at);
	output_bytes = (size_t)(at - output);
	output_sent = 0;
}

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

static void copy_value(char *to, const char *from, size_t length)
{
	if (length >= VALUE_BYTES_MAX)
		length = VALUE_BYTES_MAX - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

static void take_field(struct message *m, uint32_t tag, const char *value, size_t length)
{
	switch (tag) {
	case 35:
		m->type = value[0];
		break;
	case 150:
		m->exec_type = value[0];
		break;
	case 34:
		m->sequence = strtoull(value, NULL, 10);
		break;
	case 11:
		copy_value(m->order, value, length);
		break;
	case 112:
		copy_value(m->test, value, length);
		break;
	case 58:
		copy_value(m->text, value, length);
		break;
	default:
		break;
	}
}

static void take_report(const struct message *m)
{
	uint64_t order = strtoull(m->order + 9, NULL, 10);

	if (m->exec_type == 'F') {
		trades++;
		return;
	}
	if (m->exec_type != '0')
		bench_fail("An order was answered with ExecType %c: %s", m->exec_type, m->text);
	if (strlen(m->order) != 18 || order != ++orders_answered)
		bench_fail("An answer is for order \"%s\", expected number %" PRIu64, m->order,
			   orders_answered);
}

static void take_message(const struct message *m)
{
	char fields[VALUE_BYTES_MAX + 8];

	if (m->sequence != next_in)
		bench_fail("MsgSeqNum is %" PRIu64 ", expected %" PRIu64, m->sequence, next_in);
	next_in++;
	switch (m->type) {
	case '8':
		take_report(m);
		break;
	case 'A':
		logged_on = true;
		break;
	case '0':
		break;
	case '1':
		/* Not into a batch that is half sent. */
		while (!flush_output())
			;
		snprintf(fields, sizeof(fields), "112=%s%c", m->test, SOH);
		send_session('0', fields);
		break;
	case '5':
		logged_out = true;
		if (!logged_on)
			bench_fail("The logon was refused: %s", m->text);
		break;
	default:
		bench_fail("A message of type %c: %s", m->type, m->text);
	}
}

/* One message if it is whole; returns its bytes, or 0. */
static size_t parse_message(const char *at, size_t bytes)
{
	struct message m = {0};
	const char *end, *field;
	size_t body = 0, body_at = sizeof(BEGIN) - 1;
	uint32_t sum = 0, tag;

	if (bytes < BODY_AT + TRAILER_BYTES)
		return 0;
	if (memcmp(at, BEGIN, sizeof(BEGIN) - 1) != 0)
		bench_fail("A message does not start with " "8=FIX.4.4");
	while (body_at < BODY_AT + 4 && at[body_at] >= '0' && at[body_at] <= '9')
		body = body * 10 + (size_t)(at[body_at++] - '0');
	if (at[body_at++] != SOH || body == 0 || body > 4096)
		bench_fail("A BodyLength is wrong");
	if (bytes < body_at + body + TRAILER_BYTES)
		return 0;
	end = at + body_at + body;
	for (field = at; field < end; field++)
		sum += (uint8_t)*field;
	if (memcmp(end, "10=", 3) != 0 || end[6] != SOH || strtoul(end + 3, NULL, 10) != (sum & 255))
		bench_fail("A CheckSum is wrong");
	for (field = at + body_at; field < end;) {
		const char *value, *stop;

		for (tag = 0; *field >= '0' && *field <= '9'; field++)
			tag = tag * 10 + (uint32_t)(*field - '0');
		value = field + 1;
		stop = memchr(value, SOH, (size_t)(end - value));
		if (*field != '=' || stop == NULL)
			bench_fail("A field is not TAG=VALUE");
		take_field(&m, tag, value, (size_t)(stop - value));
		field = stop + 1;
	}
	take_message(&m);
	return body_at + body + TRAILER_BYTES;
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
	for (; (taken = parse_message(input + at, input_bytes - at)) != 0; at += taken)
		;
	memmove(input, input + at, input_bytes - at);
	input_bytes -= at;
}

static void log_on(const char *password)
{
	char fields[256];
	int64_t start = bench_now_ns();

	snprintf(fields, sizeof(fields), "98=0%c108=30%c141=Y%c553=%s%c554=%s%c", SOH, SOH, SOH, sender, SOH,
		 password, SOH);
	send_session('A', fields);
	while (!logged_on) {
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
	send_session('5', "");
	while (!logged_out && bench_now_ns() - start < ANSWER_WAIT_NS)
		receive();
}

static void measure_latency(struct bench_samples *samples, int64_t warmup, int64_t orders)
{
	int64_t i;

	for (i = 0; i < warmup + orders && !bench_over(); i++) {
		int64_t start = bench_now_ns();
		uint32_t looks = 0;

		put_batch(1);
		while (!flush_output())
			;
		while (orders_answered != orders_sent) {
			receive();
			if (++looks % 4096 == 0 && bench_now_ns() - start > ANSWER_WAIT_NS)
				bench_fail("No answer to order %" PRIu64, orders_sent);
		}
		if (i >= warmup)
			samples->values[samples->count++] = bench_now_ns() - start;
	}
}

/* Returns nanoseconds, and in *done how many answers came in them. */
static int64_t measure_throughput(uint64_t warmup, uint64_t orders, uint64_t batch, uint64_t window,
				  int64_t *done)
{
	uint64_t last = warmup + orders;
	uint64_t timed = warmup;
	int64_t start = bench_now_ns();
	bool warm = false;
	uint32_t looks = 0;

	while (orders_answered < last && (++looks % 1024 != 0 || !bench_over())) {
		if (flush_output() && orders_sent < last &&
		    orders_sent - orders_answered + batch <= window) {
			put_batch(last - orders_sent < batch ? last - orders_sent : batch);
			flush_output();
		}
		receive();
		if (!warm && orders_answered >= timed) {
			warm = true;
			timed = orders_answered;
			start = bench_now_ns();
		}
	}
	*done = warm ? (int64_t)(orders_answered - timed) : 0;
	return bench_now_ns() - start;
}

static void print_results(const char *mode, int64_t orders, struct bench_samples *samples, int64_t done,
			  int64_t elapsed)
{
	printf("{\"program\":\"fix_client\",\"mode\":\"%s\",\"orders\":%" PRIu64 ",\"trades\":%" PRIu64 ",", mode,
	       orders_answered, trades);
	if (samples->values != NULL) {
		printf("\"complete\":%s,", samples->count == orders ? "true" : "false");
		bench_samples_print(samples);
	} else {
		printf("\"complete\":%s,\"count\":%" PRId64 ",\"elapsedNs\":%" PRId64 ",\"perSecond\":%.0f",
		       done > 0 && orders_answered == orders_sent ? "true" : "false", done, elapsed,
		       elapsed > 0 ? (double)done * 1e9 / (double)elapsed : 0.0);
	}
	printf("}\n");
}

int main(int count, char **arguments)
{
	const char *mode = bench_text(count, arguments, "mode", "latency");
	bool latency = strcmp(mode, "latency") == 0;
	int64_t orders =
		bench_number(count, arguments, "orders", 100000, 1, latency ? BENCH_SAMPLES_MAX : 900000000);
	int64_t warmup = bench_number(count, arguments, "warmup", 20000, 0, BENCH_SAMPLES_MAX);
	int64_t batch = bench_number(count, arguments, "batch", 32, 1, BATCH_MAX);
	int64_t window = bench_number(count, arguments, "window", 1024, batch, 1 << 20);
	int64_t elapsed = 0, done = 0;
	struct bench_samples samples = {0};

	if (!latency && strcmp(mode, "throughput") != 0)
		bench_fail("--mode is latency or throughput");
	sender = bench_text(count, arguments, "sender", "CLIENT1");
	target = bench_text(count, arguments, "target", "FERRULE");
	symbol = bench_text(count, arguments, "symbol", "AAPL");
	if (strlen(sender) > 32 || strlen(target) > 32 || strlen(symbol) > 16)
		bench_fail("--sender and --target take up to 32 characters, --symbol 16");
	if (latency)
		bench_samples_open(&samples, orders);
	/* Distinct from other runs of the last 49 days. */
	renew_time();
	run = (uint32_t)sending_time_ms;
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 30, 1, 3600));
	fd = bench_connect(bench_text(count, arguments, "host", "127.0.0.1"),
			   bench_number(count, arguments, "port", 9878, 1, 65535), true);
	log_on(bench_text(count, arguments, "password", "demo"));
	if (latency)
		measure_latency(&samples, warmup, orders);
	else
		elapsed = measure_throughput((uint64_t)warmup, (uint64_t)orders, (uint64_t)batch,
					     (uint64_t)window, &done);
	log_off();
	close(fd);
	print_results(mode, orders, &samples, done, elapsed);
	return 0;
}
