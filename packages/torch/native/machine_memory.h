// The memory that the process may use: the machine's, or less if a cgroup has a limit.
#pragma once

#include <string>

namespace addon {

/// In bytes.
struct MachineMemory {
  double total;
  /// Not used, or used by caches that the system can reclaim.
  double left;
  /// Whether the total is a limit of a cgroup, such as a container's.
  bool limited;
};

/// @param root the folder with `proc` and `sys`; "" is this machine
MachineMemory machineMemory(const std::string& root = "");

}  // namespace addon
