// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/*
 * QuickFIX on a string: logs several sessions on, sends what standard input
 * says and says on standard output what comes. QuickFIX checks every message
 * that comes against the strict dictionary; what goes out is checked too.
 *
 *   in:   CLIENT1 D 11=a1|55=AAPL|54=1|...     one message a line; end = log out
 *   out:  CLIENT1 logon                        then one line for each message,
 *         CLIENT1 8 37=12|11=a1|...            Rejects (3) among them
 *         ! text                               something was wrong
 *
 * Exit status 0 means that nothing was wrong, 1 that something was, 2 that it
 * was called wrongly.
 */
#include <quickfix/Application.h>
#include <quickfix/DataDictionary.h>
#include <quickfix/FileStore.h>
#include <quickfix/Log.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketInitiator.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>

namespace {

class Driver : public FIX::Application {
public:
	explicit Driver(const std::string& dictionary) : dictionary_(dictionary) {}

	bool clean() const { return !wrong_; }
	/* From now on a logout is in order. */
	void stopping() { stopping_ = true; }
	void send(const std::string& line);

	void onCreate(const FIX::SessionID&) override {}
	void onLogon(const FIX::SessionID& session) override { say(session.getSenderCompID().getValue() + " logon"); }
	void onLogout(const FIX::SessionID& session) override
	{
		if (!stopping_)
			violation("logged out: " + session.getSenderCompID().getValue());
	}
	void toAdmin(FIX::Message& message, const FIX::SessionID& session) override;
	void toApp(FIX::Message&, const FIX::SessionID&) throw(FIX::DoNotSend) override {}
	void fromAdmin(const FIX::Message& message, const FIX::SessionID& session) throw(FIX::FieldNotFound,
											FIX::IncorrectDataFormat,
											FIX::IncorrectTagValue,
											FIX::RejectLogon) override
	{
		if (message.getHeader().getField(FIX::FIELD::MsgType) == "3")
			received(message, session);
	}
	void fromApp(const FIX::Message& message, const FIX::SessionID& session) throw(FIX::FieldNotFound,
										      FIX::IncorrectDataFormat,
										      FIX::IncorrectTagValue,
										      FIX::UnsupportedMessageType) override
	{
		received(message, session);
	}

private:
	void say(const std::string& line)
	{
		std::lock_guard<std::mutex> lock(mutex_);
		std::cout << line << std::endl;
	}
	void violation(const std::string& text)
	{
		wrong_ = true;
		say("! " + text);
	}
	void received(const FIX::Message& message, const FIX::SessionID& session);

	const FIX::DataDictionary dictionary_;
	std::mutex mutex_;
	std::atomic<bool> wrong_{false}, stopping_{false};
};

std::string content_of(const FIX::Message& message)
{
	std::string content;
	for (FIX::FieldMap::const_iterator i = message.begin(); i != message.end(); ++i)
		content += std::to_string(i->getTag()) + "=" + i->getString() + "|";
	return content;
}

void Driver::received(const FIX::Message& message, const FIX::SessionID& session)
{
	say(session.getSenderCompID().getValue() + " " + message.getHeader().getField(FIX::FIELD::MsgType) + " " +
	    content_of(message));
}

/* A message that we have to reject, or that ends a session, is one too many. */
void Driver::toAdmin(FIX::Message& message, const FIX::SessionID& session)
{
	const std::string type = message.getHeader().getField(FIX::FIELD::MsgType);
	if (type == "A") {
		message.setField(FIX::FIELD::Username, session.getSenderCompID().getValue());
		message.setField(FIX::FIELD::Password, "demo");
	} else if (type == "3") {
		violation("we had to reject: " + content_of(message));
	} else if (type == "5" && !stopping_) {
		violation("we had to log out: " + content_of(message));
	}
}

/* "CLIENT1 D 11=a1|55=AAPL|" */
void Driver::send(const std::string& line)
{
	const std::size_t first = line.find(' ');
	const std::size_t second = line.find(' ', first + 1);
	if (first == std::string::npos || second == std::string::npos) {
		violation("not understood: " + line);
		return;
	}
	FIX::Message message;
	message.getHeader().setField(FIX::FIELD::BeginString, "FIX.4.4");
	message.getHeader().setField(FIX::FIELD::MsgType, line.substr(first + 1, second - first - 1));
	std::istringstream fields(line.substr(second + 1));
	for (std::string field; std::getline(fields, field, '|');) {
		const std::size_t equals = field.find('=');
		if (equals == std::string::npos) {
			violation("not understood: " + line);
			return;
		}
		message.setField(std::atoi(field.c_str()), field.substr(equals + 1));
	}
	if (message.getHeader().getField(FIX::FIELD::MsgType) != "H")
		message.setField(FIX::TransactTime(FIX::UtcTimeStamp(), 3));
	try {
		dictionary_.validate(message, true);
	} catch (const FIX::Exception& error) {
		violation(std::string(error.what()) + ": " + line);
		return;
	}
	FIX::Session::sendToTarget(message, FIX::SessionID("FIX.4.4", line.substr(0, first), "FERRULE"));
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

int drive(int argc, char** argv)
{
	const std::string files = argv[1], dictionary = argv[2], port = argv[3];
	std::ostringstream text;
	text << "[DEFAULT]\nConnectionType=initiator\nReconnectInterval=1\nFileStorePath=" << files
	     << "\nStartTime=00:00:00\nEndTime=00:00:00\nHeartBtInt=30\nUseDataDictionary=Y\nDataDictionary=" << dictionary
	     << "\nValidateFieldsOutOfOrder=Y\nValidateFieldsHaveValues=Y\nValidateUserDefinedFields=Y\n"
	     << "AllowUnknownMsgFields=N\nValidateLengthAndChecksum=Y\nCheckCompID=Y\nCheckLatency=Y\nSocketNodelay=Y\n"
	     << "LogonTimeout=5\nBeginString=FIX.4.4\nTargetCompID=FERRULE\nSocketConnectHost=127.0.0.1\n"
	     << "SocketConnectPort=" << port << "\n";
	for (int i = 4; i < argc; i++)
		text << "[SESSION]\nSenderCompID=" << argv[i] << "\n";
	std::istringstream settings_text(text.str());
	const FIX::SessionSettings settings(settings_text);
	Driver driver(dictionary);
	FIX::FileStoreFactory store(settings);
	NoLog log;
	FIX::SocketInitiator initiator(driver, store, settings, log);
	initiator.start();
	for (std::string line; std::getline(std::cin, line);)
		driver.send(line);
	driver.stopping();
	initiator.stop();
	return driver.clean() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
	if (argc < 5) {
		std::cerr << "usage: ferrule_driver FILES DICTIONARY PORT SENDER...\n";
		return 2;
	}
	try {
		return drive(argc, argv);
	} catch (const std::exception& error) {
		std::cerr << "ferrule_driver: " << error.what() << std::endl;
		return 2;
	}
}
