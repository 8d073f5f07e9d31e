// How the ranks of a process group find each other.
#include "process_group.h"

#ifdef ADDON_GLOO

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <thread>

#include "sockets.h"

namespace addon::group {
namespace {

Store openStore(const Options& options, Clock::time_point end) {
  Store store;
  if (options.kind == "file") {
    store = c10::make_intrusive<c10d::FileStore>(options.place, options.size);
    store->setTimeout(options.timeout);
  } else {
    // libtorch would log these problems to the standard error, and would ask for the server once a second.
    const std::string problem =
        options.server ? hindranceOfPort(options.port) : waitForServer(options.place, options.port, end);
    if (!problem.empty()) throw RendezvousError(options.server ? "serve" : "reach", problem);
    c10d::TCPStoreOptions tcp;
    tcp.port = static_cast<uint16_t>(options.port);
    tcp.isServer = options.server;
    tcp.waitWorkers = false;
    tcp.timeout = options.timeout;
    setLibuv(tcp, false);
    store = c10::make_intrusive<c10d::TCPStore>(options.place, tcp);
  }
  return c10::make_intrusive<c10d::PrefixStore>(options.prefix + "sdgan", store);
}

std::string addressKey(int64_t rank) { return "address/" + std::to_string(rank); }

std::string joinedKey(int64_t rank) { return "joined/" + std::to_string(rank); }

/// Waits until all ranks have joined.
void join(c10d::Store& store, const Options& options, const std::string& address, Clock::time_point end) {
  store.set(addressKey(options.rank), std::vector<uint8_t>(address.begin(), address.end()));
  if (store.add(joinedKey(options.rank), 1) > 1) throw RendezvousError("twice", "");
  std::vector<std::string> keys;
  for (int64_t rank = 0; rank < options.size; rank++) keys.push_back(joinedKey(rank));
  while (!store.check(keys)) {
    if (store.check({"missing"})) {
      // Another rank waited for longer.
      const auto bytes = store.get("missing");
      std::vector<int64_t> missing;
      for (size_t i = 0; i + 4 <= bytes.size(); i += 4)
        missing.push_back(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | int64_t(bytes[i + 3]) << 24);
      throw RendezvousError("join", "", missing);
    }
    if (Clock::now() > end) {
      std::vector<int64_t> missing;
      std::vector<uint8_t> bytes;
      for (int64_t rank = 0; rank < options.size; rank++) {
        if (store.check({joinedKey(rank)})) continue;
        missing.push_back(rank);
        for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(rank >> shift));
      }
      store.set("missing", bytes);
      // The store ends with rank 0, so it gives the others time to read this.
      if (options.server) std::this_thread::sleep_for(Milliseconds(500));
      throw RendezvousError("join", "", missing);
    }
    std::this_thread::sleep_for(Milliseconds(30));
  }
}

/// The network interface to use; "" if none is named.
std::string interfaceName() {
  const char* name = getenv("GLOO_SOCKET_IFNAME");
  return name ? name : "";
}

std::shared_ptr<::gloo::transport::Device> deviceFor(const std::string& address) {
  using Gloo = c10d::ProcessGroupGloo;
  if (const std::string name = interfaceName(); !name.empty()) return Gloo::createDeviceForInterface(name);
  return address.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(address);
}

/// Rank 0 often finds its own name as 127.0.1.1 in /etc/hosts, which no other machine reaches.
void compareAddresses(c10d::Store& store, const Options& options, const std::string& address) {
  const int other = options.rank == 0 ? 1 : 0;
  if (address.empty() || options.size == 1) return;
  const std::string theirs = textAt(store, addressKey(other));
  if (theirs.empty() || isLoopback(theirs) == isLoopback(address)) return;
  throw RendezvousError("connect", "this rank has the address " + address + ", rank " + std::to_string(other) + " has " +
                                       theirs + ", and only one of them is reachable from other machines");
}

}  // namespace

SharedGroup makeGroup(const Options& options) {
  const auto end = Clock::now() + options.timeout;
  auto group = std::make_shared<Group>();
  group->rank = options.rank;
  group->size = options.size;
  group->timeout = options.timeout;
  group->nccl = options.backend == "nccl";
  std::string stage = "store";
  try {
    group->store = openStore(options, end);
    stage = "join";
    const bool tcp = options.kind == "tcp" && interfaceName().empty();
    const std::string address = tcp ? addressTowards(options.place) : "";
    join(*group->store, options, address, end);
    stage = "connect";
    compareAddresses(*group->store, options, address);
    const Store store = c10::make_intrusive<c10d::PrefixStore>(options.backend, group->store);
    if (!group->nccl) {
      auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
      gloo->devices = {deviceFor(address)};
      gloo->threads = 2;
      group->backend = c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.size, gloo);
      // Afterwards no rank needs the store any more to connect, so rank 0 may close.
      group->backend->barrier()->wait();
    }
#ifdef ADDON_NCCL
    if (group->nccl) {
      auto nccl = c10d::ProcessGroupNCCL::Options::create();
      nccl->timeout = options.timeout;
      group->backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.size, nccl);
    }
#endif
  } catch (const RendezvousError&) {
    throw;
  } catch (...) {
    throw RendezvousError(stage, currentMessage());
  }
  startThreads(group);
  return group;
}

}  // namespace addon::group

#endif
