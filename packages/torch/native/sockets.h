// The ranks' meeting point as the network sees it, before libtorch's store uses it.
#pragma once

#include <chrono>
#include <string>

namespace addon {

/// Why nothing can listen at a port of this machine; "" if something can.
std::string hindranceOfPort(int port);

/// Tries to connect until something accepts or the time is over.
/// @returns why it did not succeed; "" if it did
std::string waitForServer(const std::string& host, int port, std::chrono::steady_clock::time_point end);

/// The address of this machine from which it reaches `host`; "" if that is unknown.
std::string addressTowards(const std::string& host);

/// Whether an address is only reachable from its own machine.
bool isLoopback(const std::string& address);

}  // namespace addon
