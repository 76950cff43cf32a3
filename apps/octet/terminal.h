// Standard output is data, standard error is talk; progress only on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet::app {

/// Columns of the terminal that standard output (or error) is; 0 where it is none.
int output_width();
int error_width();

/// Data: written to standard output as it is. Throws io when it cannot be written.
void print(const std::string& text);
/// A line of talk on standard error.
void talk(const std::string& line);
/// "warning: ..." on standard error for each.
void warn(const std::vector<std::string>& warnings);
/// "next: octet ..." on standard error: what the user may want to run now.
void suggest(const std::string& command);
/// A word as a shell takes it: quoted where that is needed.
std::string shell_word(const std::string& word);

/// A bar with rate and estimate on standard error; nothing where that is no terminal, or a dumb one.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` steps of `what`, and what else there is to say. Also the place where a signal is noticed: throws
  /// Interrupted, unless signals are waited for (wait_for_work).
  void update(const std::string& what, std::int64_t done, std::int64_t total, const std::string& note = {});
  /// Takes the bar away.
  void clear();

 private:
  bool shown_ = false, visible_ = false;
  std::string what_;
  double began_ = 0, drawn_ = 0;
};

/// SIGINT, SIGTERM or SIGHUP came; the program ends with 128 + number.
struct Interrupted {
  int signal;
};
/// Handlers: the first signal is noticed at the next step of work (or ends the program after two seconds),
/// the second ends it at once. SIGPIPE ends it quietly.
void install_signal_handlers();
/// Throws Interrupted if a signal has come.
void check_signals();
/// From now on the work itself asks for signals: the first one neither throws nor ends the program after two seconds.
void wait_for_work();
/// The signal that has come, or 0.
int signal_that_came();

}  // namespace octet::app
