// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/*
 * A trading client on QuickFIX that trusts nothing: it logs on, sends a seeded
 * mix of orders, cancels and replaces, loses its connection in the middle if
 * asked to, and checks every report against what the ones before it said.
 * The result is one JSON object on standard output; exit status 0 means that
 * nothing was wrong, 1 that something was, 2 that it was called wrongly.
 *
 *   main thread                      QuickFIX's thread
 *   choose, register, send   ----->  venue
 *   wait while the window    <-----  fromApp: check, journal, notify
 *   is full
 *
 * SIGTERM ends the sending: what is outstanding is still awaited and checked.
 */
#include "order_ledger.h"

#include <quickfix/Application.h>
#include <quickfix/FileLog.h>
#include <quickfix/FileStore.h>
#include <quickfix/Log.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketInitiator.h>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <getopt.h>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <sys/socket.h>
#include <thread>

using ferrule::Decimal;
using ferrule::DECIMAL_ONE;
using ferrule::format_decimal;
using ferrule::Order;
using ferrule::OrderLedger;
using Clock = std::chrono::steady_clock;

namespace {

volatile std::sig_atomic_t asked_to_finish = 0;

void on_signal(int)
{
	asked_to_finish = 1;
}

struct Options {
	std::string host = "127.0.0.1", second_host, sender, password, files, dictionary, journal, prefix;
	int port = 9878;
	std::uint64_t orders = 10000, seed = 1;
	int window = 64, seconds = 60, pace_us = 0;
	bool drop = false;	    /* lose the connection once, half-way */
	bool reset = false;	    /* ResetOnLogon */
	bool keep_open = false;	    /* no final cancels */
	bool alone = false;	    /* nobody else trades: bought must equal sold */
	bool expect_logout = false; /* the venue may log us out (an orderly restart) */
	bool log = false;
};

struct Instrument {
	const char* symbol;
	Decimal middle, tick, lot;
	int lots_max;
};

const Instrument INSTRUMENTS[] = {
	{"AAPL", 190 * DECIMAL_ONE, DECIMAL_ONE / 100, DECIMAL_ONE, 500},
	{"MSFT", 420 * DECIMAL_ONE, DECIMAL_ONE / 100, DECIMAL_ONE, 500},
	{"BTC-USD", 60000 * DECIMAL_ONE, DECIMAL_ONE / 100, 1, 300000000},
};
const std::size_t INSTRUMENT_COUNT = sizeof(INSTRUMENTS) / sizeof(INSTRUMENTS[0]);
const int TICKS_AROUND = 10;

std::string json(const std::string& text)
{
	std::string out = "\"";
	for (const char c : text) {
		if (c == '"' || c == '\\') {
			out += '\\';
			out += c;
		} else if (static_cast<unsigned char>(c) < 0x20) {
			char escape[8];
			std::snprintf(escape, sizeof(escape), "\\u%04x", c);
			out += escape;
		} else {
			out += c;
		}
	}
	return out + "\"";
}

std::string field(const FIX::FieldMap& map, int tag)
{
	return map.isSetField(tag) ? map.getField(tag) : std::string();
}

std::string content_of(const FIX::Message& message)
{
	std::string content;
	for (FIX::FieldMap::const_iterator i = message.begin(); i != message.end(); ++i)
		content += std::to_string(i->getTag()) + "=" + i->getString() + "|";
	return content;
}

/*
 * Cuts the TCP connection to `port` without a farewell: what was received but
 * not read is lost, the other side sees a reset. Only on QuickFIX's own
 * thread, so that the descriptor can not be closed meanwhile.
 */
bool cut_connection(int port)
{
	DIR* directory = opendir("/proc/self/fd");
	if (directory == nullptr)
		return false;
	bool cut = false;
	while (const dirent* entry = readdir(directory)) {
		const int fd = std::atoi(entry->d_name);
		sockaddr_in peer{};
		socklen_t length = sizeof(peer);
		if (entry->d_name[0] == '.' || getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0 ||
		    peer.sin_family != AF_INET || ntohs(peer.sin_port) != port)
			continue;
		sockaddr none{};
		none.sa_family = AF_UNSPEC;
		cut = connect(fd, &none, sizeof(none)) == 0 || cut;
	}
	closedir(directory);
	return cut;
}

class Client : public FIX::Application {
public:
	explicit Client(const Options& options) : options_(options), random_(options.seed)
	{
		if (!options.journal.empty())
			journal_ = std::fopen(options.journal.c_str(), "a");
	}
	~Client() override
	{
		if (journal_ != nullptr)
			std::fclose(journal_);
	}
	bool journal_failed() const { return !options_.journal.empty() && journal_ == nullptr; }

	/* Sends everything, waits for every answer. True if it came to an end in time. */
	bool run(Clock::time_point deadline);
	/* From now on a logout is in order. */
	void stopping() { stopping_ = true; }
	void finish(bool in_time);
	void print(std::ostream& out, int next_sender, int next_target, double seconds);
	bool clean() const { return ledger_.violation_count() == 0; }

	void onCreate(const FIX::SessionID& session) override { session_ = session; }
	void onLogon(const FIX::SessionID&) override;
	void onLogout(const FIX::SessionID&) override;
	void toAdmin(FIX::Message&, const FIX::SessionID&) override;
	void toApp(FIX::Message&, const FIX::SessionID&) throw(FIX::DoNotSend) override;
	void fromAdmin(const FIX::Message&, const FIX::SessionID&) throw(FIX::FieldNotFound, FIX::IncorrectDataFormat,
									 FIX::IncorrectTagValue,
									 FIX::RejectLogon) override;
	void fromApp(const FIX::Message&, const FIX::SessionID&) throw(FIX::FieldNotFound, FIX::IncorrectDataFormat,
								       FIX::IncorrectTagValue,
								       FIX::UnsupportedMessageType) override;

private:
	std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
	std::string next_id() { return options_.prefix + std::to_string(++id_); }
	FIX::Message message(const char* type) const;
	FIX::Message choose();
	FIX::Message make_new();
	FIX::Message make_cancel(std::size_t index);
	FIX::Message make_replace(std::size_t index);
	bool pick_working(std::size_t& index);
	bool wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline, const std::function<bool()>& done);
	bool settled() const;
	bool cancel_everything(Clock::time_point deadline);
	void on_execution_report(const FIX::Message& message);
	void on_cancel_reject(const FIX::Message& message);
	void violation(const std::string& text);

	const Options options_;
	FIX::SessionID session_;
	std::FILE* journal_ = nullptr;

	/* Guarded by `mutex_`, which is never held while sending. */
	std::mutex mutex_;
	std::condition_variable changed_;
	OrderLedger ledger_;
	std::vector<std::size_t> working_;
	std::mt19937_64 random_;
	std::uint64_t id_ = 0, sent_new_ = 0, sent_cancel_ = 0, sent_replace_ = 0;
	bool logged_on_ = false, dropped_ = false;

	std::atomic<bool> stopping_{false};
	std::atomic<std::uint64_t> logons_{0}, logouts_received_{0}, resends_asked_{0}, resends_asked_of_us_{0};
	std::atomic<std::uint64_t> repeats_received_{0}, repeats_sent_{0}, gap_fills_received_{0};
	std::mutex notes_mutex_;
	std::vector<std::string> notes_; /* violations found where `mutex_` may not be taken */
};

FIX::Message Client::message(const char* type) const
{
	FIX::Message out;
	out.getHeader().setField(FIX::FIELD::MsgType, type);
	out.setField(FIX::TransactTime(FIX::UtcTimeStamp(), 3));
	return out;
}

FIX::Message Client::make_new()
{
	const Instrument& instrument = INSTRUMENTS[below(INSTRUMENT_COUNT)];
	const std::uint64_t kind = below(100);
	Order order{};
	order.symbol = instrument.symbol;
	order.side = below(2) ? '1' : '2';
	order.ord_type = kind < 10 ? '1' : '2';
	/* 10 % market (day or IOC), 12 % IOC, 3 % FOK, the rest GTC or day. */
	order.time_in_force = kind < 5 ? '0' : kind < 22 ? '3' : kind < 25 ? '4' : kind < 60 ? '1' : '0';
	order.quantity = instrument.lot * static_cast<Decimal>(1 + below(static_cast<std::uint64_t>(instrument.lots_max)));
	const Decimal ticks = static_cast<Decimal>(below(2 * TICKS_AROUND + 1)) - TICKS_AROUND;
	order.price = order.ord_type == '2' ? instrument.middle + ticks * instrument.tick : 0;
	order.cl_ord_id = next_id();
	working_.push_back(ledger_.begin_new(order));
	sent_new_++;

	FIX::Message out = message("D");
	out.setField(FIX::FIELD::ClOrdID, order.cl_ord_id);
	out.setField(FIX::FIELD::Symbol, order.symbol);
	out.setField(FIX::FIELD::Side, std::string(1, order.side));
	out.setField(FIX::FIELD::OrderQty, format_decimal(order.quantity));
	out.setField(FIX::FIELD::OrdType, std::string(1, order.ord_type));
	out.setField(FIX::FIELD::TimeInForce, std::string(1, order.time_in_force));
	if (order.ord_type == '2')
		out.setField(FIX::FIELD::Price, format_decimal(order.price));
	return out;
}

FIX::Message Client::make_cancel(std::size_t index)
{
	const Order& order = ledger_.orders()[index];
	FIX::Message out = message("F");
	const std::string id = next_id();
	out.setField(FIX::FIELD::OrigClOrdID, order.cl_ord_id);
	out.setField(FIX::FIELD::ClOrdID, id);
	out.setField(FIX::FIELD::Symbol, order.symbol);
	out.setField(FIX::FIELD::Side, std::string(1, order.side));
	out.setField(FIX::FIELD::OrderQty, format_decimal(order.quantity));
	ledger_.begin_cancel(index, id);
	sent_cancel_++;
	return out;
}

FIX::Message Client::make_replace(std::size_t index)
{
	const Order& order = ledger_.orders()[index];
	const Instrument* instrument = INSTRUMENTS;
	while (order.symbol != instrument->symbol)
		instrument++;
	/* Keeps the price or the quantity now and then, so that priority is kept too. */
	const Decimal ticks = static_cast<Decimal>(below(2 * TICKS_AROUND + 1)) - TICKS_AROUND;
	const Decimal price = below(3) ? instrument->middle + ticks * instrument->tick : order.price;
	const Decimal lots = order.quantity / instrument->lot;
	const std::uint64_t span = static_cast<std::uint64_t>(2 * lots);
	const Decimal quantity = below(3) ? instrument->lot * static_cast<Decimal>(1 + below(span)) : order.quantity;
	FIX::Message out = message("G");
	const std::string id = next_id();
	out.setField(FIX::FIELD::OrigClOrdID, order.cl_ord_id);
	out.setField(FIX::FIELD::ClOrdID, id);
	out.setField(FIX::FIELD::Symbol, order.symbol);
	out.setField(FIX::FIELD::Side, std::string(1, order.side));
	out.setField(FIX::FIELD::OrderQty, format_decimal(quantity));
	out.setField(FIX::FIELD::OrdType, "2");
	out.setField(FIX::FIELD::Price, format_decimal(price));
	out.setField(FIX::FIELD::TimeInForce, std::string(1, order.time_in_force));
	ledger_.begin_replace(index, id, quantity, price);
	sent_replace_++;
	return out;
}

bool Client::pick_working(std::size_t& index)
{
	for (int attempt = 0; attempt < 16 && !working_.empty(); attempt++) {
		const std::size_t at = below(working_.size());
		index = working_[at];
		if (!ledger_.is_open(index)) {
			working_[at] = working_.back();
			working_.pop_back();
		} else if (ledger_.is_free(index)) {
			return true;
		}
	}
	return false;
}

FIX::Message Client::choose()
{
	const std::uint64_t kind = below(100);
	std::size_t index = 0;
	if (kind < 35 && pick_working(index))
		return kind < 20 ? make_cancel(index) : make_replace(index);
	return make_new();
}

bool Client::wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline, const std::function<bool()>& done)
{
	while (!done()) {
		if (Clock::now() >= deadline)
			return false;
		changed_.wait_for(lock, std::chrono::milliseconds(20));
	}
	return true;
}

bool Client::settled() const
{
	if (ledger_.unanswered() != 0)
		return false;
	for (std::size_t i = 0; i < ledger_.orders().size(); i++) {
		const Order& order = ledger_.orders()[i];
		const bool rests = order.ord_type == '2' && (order.time_in_force == '0' || order.time_in_force == '1');
		if (ledger_.is_open(i) && !rests)
			return false;
	}
	return true;
}

bool Client::cancel_everything(Clock::time_point deadline)
{
	std::unique_lock<std::mutex> lock(mutex_);
	const std::size_t count = ledger_.orders().size();
	const std::size_t window = static_cast<std::size_t>(options_.window);
	for (std::size_t i = 0; i < count; i++) {
		if (!ledger_.is_free(i))
			continue;
		if (!wait(lock, deadline, [&] { return ledger_.unanswered() < window; }))
			return false;
		if (!ledger_.is_free(i))
			continue;
		FIX::Message out = make_cancel(i);
		lock.unlock();
		FIX::Session::sendToTarget(out, session_);
		lock.lock();
	}
	return wait(lock, deadline, [&] { return ledger_.unanswered() == 0; });
}

bool Client::run(Clock::time_point deadline)
{
	std::unique_lock<std::mutex> lock(mutex_);
	if (!wait(lock, deadline, [&] { return logged_on_ || asked_to_finish; }))
		return false;
	const std::size_t window = static_cast<std::size_t>(options_.window);
	while (!asked_to_finish && (options_.orders == 0 || sent_new_ < options_.orders)) {
		if (!wait(lock, deadline, [&] { return ledger_.unanswered() < window || asked_to_finish; }))
			return false;
		if (asked_to_finish)
			break;
		FIX::Message out = choose();
		lock.unlock();
		FIX::Session::sendToTarget(out, session_);
		if (options_.pace_us > 0)
			std::this_thread::sleep_for(std::chrono::microseconds(options_.pace_us));
		lock.lock();
	}
	if (!wait(lock, deadline, [&] { return settled(); }))
		return false;
	lock.unlock();
	return options_.keep_open || cancel_everything(deadline);
}

void Client::finish(bool in_time)
{
	std::lock_guard<std::mutex> lock(mutex_);
	if (logons_ == 0)
		ledger_.violation("never logged on");
	if (!in_time)
		ledger_.violation("out of time: " + std::to_string(ledger_.unanswered()) + " requests without an answer");
	if (options_.drop && !dropped_)
		ledger_.violation("the connection was never dropped");
	if (in_time && !options_.keep_open && ledger_.open_count() != 0)
		ledger_.violation("open orders are left after canceling everything");
	ledger_.finish(options_.alone);
	std::lock_guard<std::mutex> notes_lock(notes_mutex_);
	for (const std::string& note : notes_)
		ledger_.violation(note);
}

void Client::violation(const std::string& text)
{
	std::lock_guard<std::mutex> lock(notes_mutex_);
	if (notes_.size() < 100)
		notes_.push_back(text);
}

void Client::onLogon(const FIX::SessionID&)
{
	logons_++;
	std::lock_guard<std::mutex> lock(mutex_);
	logged_on_ = true;
	changed_.notify_all();
}

void Client::onLogout(const FIX::SessionID&)
{
	std::lock_guard<std::mutex> lock(mutex_);
	logged_on_ = false;
	changed_.notify_all();
}

void Client::toAdmin(FIX::Message& message, const FIX::SessionID&)
{
	const std::string type = message.getHeader().getField(FIX::FIELD::MsgType);
	if (type == "A") {
		message.setField(FIX::FIELD::Username, options_.sender);
		message.setField(FIX::FIELD::Password, options_.password);
	} else if (type == "2") {
		resends_asked_++;
	} else if (type == "3") {
		violation("we had to reject: " + content_of(message));
	} else if (type == "5" && !stopping_ && logouts_received_ == 0) {
		violation("we had to log out: " + field(message, FIX::FIELD::Text));
	}
}

void Client::toApp(FIX::Message& message, const FIX::SessionID&) throw(FIX::DoNotSend)
{
	if (field(message.getHeader(), FIX::FIELD::PossDupFlag) == "Y")
		repeats_sent_++;
	if (message.getHeader().getField(FIX::FIELD::MsgType) == "j")
		violation("we had to refuse: " + content_of(message));
}

void Client::fromAdmin(const FIX::Message& message, const FIX::SessionID&) throw(FIX::FieldNotFound,
										  FIX::IncorrectDataFormat,
										  FIX::IncorrectTagValue,
										  FIX::RejectLogon)
{
	const std::string type = message.getHeader().getField(FIX::FIELD::MsgType);
	if (type == "2")
		resends_asked_of_us_++;
	else if (type == "3")
		violation("rejected: " + content_of(message));
	else if (type == "4")
		gap_fills_received_++;
	else if (type == "5") {
		logouts_received_++;
		if (!stopping_ && !options_.expect_logout)
			violation("logged out: " + field(message, FIX::FIELD::Text));
	}
}

void Client::on_execution_report(const FIX::Message& message)
{
	ferrule::Report report;
	report.exec_id = field(message, FIX::FIELD::ExecID);
	report.order_id = field(message, FIX::FIELD::OrderID);
	report.cl_ord_id = field(message, FIX::FIELD::ClOrdID);
	report.orig_cl_ord_id = field(message, FIX::FIELD::OrigClOrdID);
	report.exec_type = field(message, FIX::FIELD::ExecType);
	report.ord_status = field(message, FIX::FIELD::OrdStatus);
	report.symbol = field(message, FIX::FIELD::Symbol);
	report.side = field(message, FIX::FIELD::Side);
	report.order_qty = field(message, FIX::FIELD::OrderQty);
	report.leaves = field(message, FIX::FIELD::LeavesQty);
	report.cum = field(message, FIX::FIELD::CumQty);
	report.last_qty = field(message, FIX::FIELD::LastQty);
	report.last_px = field(message, FIX::FIELD::LastPx);
	report.avg_px = field(message, FIX::FIELD::AvgPx);
	report.price = field(message, FIX::FIELD::Price);
	report.content = content_of(message);
	report.possible_duplicate = field(message.getHeader(), FIX::FIELD::PossDupFlag) == "Y";
	ledger_.on_report(report);
	if (journal_ == nullptr)
		return;
	const std::string line = "{\"kind\":\"report\",\"orderId\":" + json(report.order_id) +
				 ",\"clOrdId\":" + json(report.cl_ord_id) +
				 ",\"origClOrdId\":" + json(report.orig_cl_ord_id) +
				 ",\"execId\":" + json(report.exec_id) + ",\"execType\":" + json(report.exec_type) +
				 ",\"ordStatus\":" + json(report.ord_status) + ",\"symbol\":" + json(report.symbol) +
				 ",\"side\":" + json(report.side) + ",\"price\":" + json(report.price) +
				 ",\"quantity\":" + json(report.order_qty) + ",\"cum\":" + json(report.cum) +
				 ",\"leaves\":" + json(report.leaves) + ",\"lastQty\":" + json(report.last_qty) +
				 ",\"lastPx\":" + json(report.last_px) +
				 ",\"sequence\":" + field(message.getHeader(), FIX::FIELD::MsgSeqNum) + "}\n";
	std::fwrite(line.data(), 1, line.size(), journal_);
	std::fflush(journal_);
}

void Client::on_cancel_reject(const FIX::Message& message)
{
	ferrule::CancelReject reject;
	reject.order_id = field(message, FIX::FIELD::OrderID);
	reject.cl_ord_id = field(message, FIX::FIELD::ClOrdID);
	reject.orig_cl_ord_id = field(message, FIX::FIELD::OrigClOrdID);
	reject.ord_status = field(message, FIX::FIELD::OrdStatus);
	reject.response_to = field(message, FIX::FIELD::CxlRejResponseTo);
	reject.reason = field(message, FIX::FIELD::CxlRejReason);
	ledger_.on_cancel_reject(reject);
	if (journal_ == nullptr)
		return;
	const std::string line = "{\"kind\":\"cancelReject\",\"orderId\":" + json(reject.order_id) +
				 ",\"clOrdId\":" + json(reject.cl_ord_id) +
				 ",\"origClOrdId\":" + json(reject.orig_cl_ord_id) +
				 ",\"ordStatus\":" + json(reject.ord_status) +
				 ",\"sequence\":" + field(message.getHeader(), FIX::FIELD::MsgSeqNum) + "}\n";
	std::fwrite(line.data(), 1, line.size(), journal_);
	std::fflush(journal_);
}

void Client::fromApp(const FIX::Message& message, const FIX::SessionID&) throw(FIX::FieldNotFound,
										FIX::IncorrectDataFormat,
										FIX::IncorrectTagValue,
										FIX::UnsupportedMessageType)
{
	if (field(message.getHeader(), FIX::FIELD::PossDupFlag) == "Y")
		repeats_received_++;
	const std::string type = message.getHeader().getField(FIX::FIELD::MsgType);
	std::lock_guard<std::mutex> lock(mutex_);
	if (type == "8")
		on_execution_report(message);
	else if (type == "9")
		on_cancel_reject(message);
	else
		ledger_.violation("message of type " + type + ": " + content_of(message));
	const std::size_t in_flight = static_cast<std::size_t>(options_.window) / 2;
	if (options_.drop && !dropped_ && sent_new_ >= options_.orders / 2 && ledger_.unanswered() >= in_flight)
		dropped_ = cut_connection(options_.port);
	changed_.notify_all();
}

void Client::print(std::ostream& out, int next_sender, int next_target, double seconds)
{
	std::lock_guard<std::mutex> lock(mutex_);
	const ferrule::LedgerCounts& counts = ledger_.counts();
	out << "{\"sent\":{\"new\":" << sent_new_ << ",\"cancel\":" << sent_cancel_ << ",\"replace\":" << sent_replace_
	    << "},\"received\":{\"reports\":" << counts.reports << ",\"accepted\":" << counts.accepted
	    << ",\"rejected\":" << counts.rejected << ",\"fills\":" << counts.fills << ",\"canceled\":" << counts.canceled
	    << ",\"replaced\":" << counts.replaced << ",\"cancelRejects\":" << counts.cancel_rejects
	    << ",\"repeats\":" << counts.repeats << "},\"session\":{\"logons\":" << logons_
	    << ",\"dropped\":" << (dropped_ ? "true" : "false") << ",\"logoutsReceived\":" << logouts_received_
	    << ",\"resendsAsked\":" << resends_asked_ << ",\"resendsAskedOfUs\":" << resends_asked_of_us_
	    << ",\"possDupReceived\":" << repeats_received_ << ",\"possDupSent\":" << repeats_sent_
	    << ",\"gapFillsReceived\":" << gap_fills_received_ << ",\"nextSender\":" << next_sender
	    << ",\"nextTarget\":" << next_target << "},\"unanswered\":" << ledger_.unanswered() << ",\"open\":[";
	bool first = true;
	for (std::size_t i = 0; i < ledger_.orders().size(); i++) {
		if (!ledger_.is_open(i))
			continue;
		const Order& order = ledger_.orders()[i];
		out << (first ? "" : ",") << "{\"orderId\":" << json(order.order_id)
		    << ",\"clOrdId\":" << json(order.cl_ord_id) << ",\"symbol\":" << json(order.symbol)
		    << ",\"side\":\"" << order.side << "\",\"price\":\"" << format_decimal(order.price)
		    << "\",\"cum\":\"" << format_decimal(order.cum) << "\",\"leaves\":\"" << format_decimal(order.leaves)
		    << "\"}";
		first = false;
	}
	out << "],\"seconds\":" << seconds << ",\"violationCount\":" << ledger_.violation_count() << ",\"violations\":[";
	first = true;
	for (const std::string& text : ledger_.violations()) {
		out << (first ? "" : ",") << json(text);
		first = false;
	}
	out << "]}" << std::endl;
}

std::string settings_of(const Options& options)
{
	std::ostringstream out;
	out << "[DEFAULT]\nConnectionType=initiator\nReconnectInterval=1\nFileStorePath=" << options.files
	    << "\nFileLogPath=" << options.files << "/log\nStartTime=00:00:00\nEndTime=00:00:00\nHeartBtInt=30\n"
	    << "UseDataDictionary=Y\nDataDictionary=" << options.dictionary << "\nValidateFieldsOutOfOrder=Y\n"
	    << "ValidateFieldsHaveValues=Y\nValidateUserDefinedFields=Y\nAllowUnknownMsgFields=N\n"
	    << "ValidateLengthAndChecksum=Y\nCheckCompID=Y\nCheckLatency=Y\nSocketNodelay=Y\nLogonTimeout=5\n"
	    << "ResetOnLogon=" << (options.reset ? "Y" : "N") << "\n[SESSION]\nBeginString=FIX.4.4\nSenderCompID="
	    << options.sender << "\nTargetCompID=FERRULE\nSocketConnectHost=" << options.host
	    << "\nSocketConnectPort=" << options.port << "\n";
	if (!options.second_host.empty())
		out << "SocketConnectHost1=" << options.second_host << "\nSocketConnectPort1=" << options.port << "\n";
	return out.str();
}

const char USAGE[] =
	"usage: ferrule_initiator --sender ID --password TEXT --files DIR --dictionary FILE\n"
	"  [--host ADDRESS] [--second-host ADDRESS] [--port N] [--orders N (0: until SIGTERM)] [--seed N] [--prefix TEXT]\n"
	"  [--window N] [--pace-us N] [--seconds N] [--journal FILE] [--mode steady|drop|resume]\n"
	"  [--reset] [--keep-open] [--alone] [--expect-logout] [--log]\n";

bool parse_options(int argc, char** argv, Options& options)
{
	static const option table[] = {
		{"second-host", 1, nullptr, '2'}, {"host", 1, nullptr, 'h'},	{"port", 1, nullptr, 'p'},	 {"sender", 1, nullptr, 's'},
		{"password", 1, nullptr, 'w'},	{"orders", 1, nullptr, 'n'},	 {"seed", 1, nullptr, 'e'},
		{"mode", 1, nullptr, 'm'},	{"files", 1, nullptr, 'f'},	 {"dictionary", 1, nullptr, 'd'},
		{"journal", 1, nullptr, 'j'},	{"prefix", 1, nullptr, 'x'},	 {"window", 1, nullptr, 'i'},
		{"seconds", 1, nullptr, 't'},	{"pace-us", 1, nullptr, 'c'},	 {"reset", 0, nullptr, 'r'},
		{"keep-open", 0, nullptr, 'k'}, {"alone", 0, nullptr, 'a'},	 {"expect-logout", 0, nullptr, 'l'},
		{"log", 0, nullptr, 'g'},	{"resume", 0, nullptr, 'u'},	 {nullptr, 0, nullptr, 0},
	};
	int c;
	while ((c = getopt_long(argc, argv, "", table, nullptr)) != -1) {
		const std::string text = optarg == nullptr ? "" : optarg;
		switch (c) {
		case 'h': options.host = text; break;
		case '2': options.second_host = text; break;
		case 'p': options.port = std::atoi(text.c_str()); break;
		case 's': options.sender = text; break;
		case 'w': options.password = text; break;
		case 'n': options.orders = std::strtoull(text.c_str(), nullptr, 10); break;
		case 'e': options.seed = std::strtoull(text.c_str(), nullptr, 10); break;
		case 'm':
			if (text != "steady" && text != "drop" && text != "resume")
				return false;
			options.drop = text == "drop";
			break;
		case 'u': options.drop = false; break;
		case 'f': options.files = text; break;
		case 'd': options.dictionary = text; break;
		case 'j': options.journal = text; break;
		case 'x': options.prefix = text; break;
		case 'i': options.window = std::atoi(text.c_str()); break;
		case 't': options.seconds = std::atoi(text.c_str()); break;
		case 'c': options.pace_us = std::atoi(text.c_str()); break;
		case 'r': options.reset = true; break;
		case 'k': options.keep_open = true; break;
		case 'a': options.alone = true; break;
		case 'l': options.expect_logout = true; break;
		case 'g': options.log = true; break;
		default: return false;
		}
	}
	if (options.prefix.empty())
		options.prefix = "q" + std::to_string(options.seed % 1000000) + "-";
	return !options.sender.empty() && !options.files.empty() && !options.dictionary.empty() && options.window > 0 &&
	       options.seconds > 0 && options.port > 0 && options.prefix.size() <= 12;
}

class NoLog : public FIX::LogFactory, public FIX::Log {
public:
	FIX::Log* create() override { return this; }
	FIX::Log* create(const FIX::SessionID&) override { return this; }
	void destroy(FIX::Log*) override {}
	void clear() override {}
	void backup() override {}
	void onIncoming(const std::string&) override {}
	void onOutgoing(const std::string&) override {}
	void onEvent(const std::string&) override {}
};

int trade(const Options& options)
{
	const Clock::time_point start = Clock::now();
	std::istringstream text(settings_of(options));
	const FIX::SessionSettings settings(text);
	Client client(options);
	if (client.journal_failed()) {
		std::cerr << "can not write " << options.journal << ": " << std::strerror(errno) << std::endl;
		return 2;
	}
	FIX::FileStoreFactory store(settings);
	std::unique_ptr<FIX::LogFactory> log;
	if (options.log)
		log.reset(new FIX::FileLogFactory(settings));
	else
		log.reset(new NoLog());
	FIX::SocketInitiator initiator(client, store, settings, *log);
	initiator.start();
	const bool in_time = client.run(start + std::chrono::seconds(options.seconds));
	client.stopping();
	initiator.stop(!in_time);
	FIX::Session* session = FIX::Session::lookupSession(*initiator.getSessions().begin());
	const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
	client.finish(in_time);
	client.print(std::cout, session->getExpectedSenderNum(), session->getExpectedTargetNum(), seconds);
	return client.clean() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
	Options options;
	if (!parse_options(argc, argv, options)) {
		std::cerr << USAGE;
		return 2;
	}
	struct sigaction action{};
	action.sa_handler = on_signal;
	sigaction(SIGTERM, &action, nullptr);
	sigaction(SIGINT, &action, nullptr);
	try {
		return trade(options);
	} catch (const std::exception& error) {
		std::cerr << "ferrule_initiator: " << error.what() << std::endl;
		return 2;
	}
}
