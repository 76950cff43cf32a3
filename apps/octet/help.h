// Help with the examples first, and "did you mean".
#pragma once

#include <string>
#include <vector>

#include "apps/octet/command.h"

namespace octet::app {

/// Help of the whole program, or of one sub-command.
std::string main_help(const CLI::App& app);
std::string command_help(const CLI::App& app, const Command& command);

/// The candidate nearest to `word` (at most a third of its letters off), or empty.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);
/// A hint for words that the parser did not know: "did you mean --calibrate?"
std::string did_you_mean(const CLI::App& app, const std::vector<std::string>& unknown);

}  // namespace octet::app
