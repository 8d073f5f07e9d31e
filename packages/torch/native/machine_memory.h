// What memory the process may have: the machine's, or fewer bytes where a cgroup has a limit.
#pragma once

#include <string>

namespace addon {

/// Bytes.
struct MachineMemory {
  double total;
  /// Not used now, or used by what the system can give up.
  double left;
  /// Whether the total is a limit of a cgroup, such as a container's.
  bool limited;
};

/// @param root the folder that holds `proc` and `sys`; "" is the machine's own
MachineMemory machineMemory(const std::string& root = "");

}  // namespace addon
