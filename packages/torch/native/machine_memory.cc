// The memory that Linux allows this process. Cgroups are nested, and each may have a limit: the smallest one from the
// process's cgroup up to the root counts. Inside a container, the visible root is the container's cgroup, mounted where
// the machine's is otherwise; /proc/self/cgroup may then name a path that does not exist.
//   https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.current, memory.stat)
//   https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
#include "machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <vector>

namespace addon {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

/// The file names of one cgroup version. Cached pages of inactive files count as used but can be reclaimed.
struct Version {
  const char *limit, *usage, *reclaimable;
};
constexpr Version kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Version kVersion2{"memory.max", "memory.current", "inactive_file"};

/// The number in a file, or `otherwise` ("max" is none).
double numberIn(const std::string& path, double otherwise) {
  std::ifstream file(path);
  double number;
  return file >> number ? number : otherwise;
}

/// The number after a key at the start of a line, or `otherwise`.
double valueOf(const std::string& path, const std::string& key, double otherwise) {
  std::ifstream file(path);
  std::string word, rest;
  double number;
  while (file >> word >> number) {
    if (word == key) return number;
    std::getline(file, rest);
  }
  return otherwise;
}

/// A cgroup and its parents, up to `mount`; `path` starts with a slash.
void restrict(MachineMemory& memory, const std::string& mount, std::string path, const Version& version) {
  for (;;) {
    const std::string folder = mount + (path == "/" ? "" : path) + "/";
    const double limit = numberIn(folder + version.limit, kNone);
    if (limit < memory.total) {
      memory.total = limit;
      memory.limited = true;
    }
    const double used = numberIn(folder + version.usage, 0);
    const double reclaimable = valueOf(folder + "memory.stat", version.reclaimable, 0);
    memory.left = std::min(memory.left, std::max(0.0, limit - std::max(0.0, used - reclaimable)));
    const size_t slash = path.rfind('/');
    if (path == "/" || slash == std::string::npos) return;
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
}

/// Whether a list with commas has this word.
bool lists(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

}  // namespace

MachineMemory machineMemory(const std::string& root) {
  const double physical = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const std::string info = root + "/proc/meminfo";
  const double kilobytes = valueOf(info, "MemTotal:", physical / 1024);
  MachineMemory memory{kilobytes * 1024, valueOf(info, "MemAvailable:", kilobytes) * 1024, false};

  // The path of every cgroup of the process: `4:memory:/path` of version 1, `0::/path` of version 2.
  std::string path1 = "/", path2 = "/", line;
  std::ifstream cgroups(root + "/proc/self/cgroup");
  while (std::getline(cgroups, line)) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (lists(controllers, "memory")) path1 = line.substr(second + 1);
    else if (controllers.empty()) path2 = line.substr(second + 1);
  }
  restrict(memory, root + "/sys/fs/cgroup/memory", path1, kVersion1);
  restrict(memory, root + "/sys/fs/cgroup", path2, kVersion2);
  restrict(memory, root + "/sys/fs/cgroup/unified", path2, kVersion2); // If both versions are mounted.
  return memory;
}

}  // namespace addon
