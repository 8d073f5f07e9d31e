#include "sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>

namespace addon {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// Closes itself, also at exec.
class Socket {
 public:
  Socket(int family, int type) : fd_(socket(family, type, 0)) {
    if (fd_ >= 0) fcntl(fd_, F_SETFD, FD_CLOEXEC);
  }
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

/// Calls `use` for the addresses of a host until it returns "".
/// @returns the last problem
std::string forAddresses(const std::string& host, int port, int type,
                         const std::function<std::string(const addrinfo&)>& use) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = type;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return std::string("the host's name is unknown: ") + gai_strerror(error);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::string problem;
  for (const addrinfo* one = found; one; one = one->ai_next)
    if ((problem = use(*one)).empty()) break;
  return problem;
}

std::string connectTo(const addrinfo& address) {
  const Socket fd(address.ai_family, SOCK_STREAM);
  if (fd < 0) return strerror(errno);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return "";
  if (errno != EINPROGRESS) return strerror(errno);
  pollfd waiting{fd, POLLOUT, 0};
  if (poll(&waiting, 1, 1000) != 1) return "no answer";
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? "" : strerror(error);
}

/// As libtorch's store does: all addresses of the machine.
template <class Address>
int bindTo(int family, Address address) {
  const Socket fd(family, SOCK_STREAM);
  if (fd < 0) return errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1) != 0) return errno;
  return 0;
}

}  // namespace

std::string hindranceOfPort(int port) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(static_cast<uint16_t>(port));
  if (bindTo(AF_INET6, six) == 0) return "";
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = six.sin6_port;
  const int error = bindTo(AF_INET, four);
  return error == 0 ? "" : strerror(error);
}

std::string waitForServer(const std::string& host, int port, Clock::time_point end) {
  for (;;) {
    const std::string problem = forAddresses(host, port, SOCK_STREAM, connectTo);
    if (problem.empty() || Clock::now() > end) return problem;
    std::this_thread::sleep_for(Milliseconds(100));
  }
}

std::string addressTowards(const std::string& host) {
  std::string result;
  forAddresses(host, 9, SOCK_DGRAM, [&](const addrinfo& address) -> std::string {
    const Socket fd(address.ai_family, SOCK_DGRAM);
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST];
    // Connecting a datagram socket sends nothing.
    if (fd < 0 || connect(fd, address.ai_addr, address.ai_addrlen) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0 ||
        getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
      return "unknown";
    result = text;
    return "";
  });
  return result;
}

bool isLoopback(const std::string& address) { return address.rfind("127.", 0) == 0 || address == "::1"; }

}  // namespace addon
