// Runs a program and reads what it prints.
//
//   Finished finished = run_program({"octet", "doctor", "--json"});
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace octet {

struct Finished {
  int code = 0;  ///< exit code; 128 + number for a signal
  std::string output, errors;
};

struct ProgramOptions {
  std::string directory = {};                                         ///< to run in; empty: this one
  std::vector<std::pair<std::string, std::string>> environment = {};  ///< set in addition
};

/// Throws io when the program cannot be started.
Finished run_program(const std::vector<std::string>& words, const ProgramOptions& options = {});
/// The file of the program that calls this.
std::string own_path();

}  // namespace octet
