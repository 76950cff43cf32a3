// Runs a program and reads what it prints: the demo measures each network in a process of its own, so that
// peak memory is that network's.
#pragma once

#include <string>
#include <vector>

namespace octet::app {

struct Finished {
  int code = 0;  ///< exit code; 128 + number for a signal
  std::string output, errors;
};
/// Throws io when the program cannot be started.
Finished run_program(const std::vector<std::string>& words);
/// This very program.
std::string own_path();

}  // namespace octet::app
