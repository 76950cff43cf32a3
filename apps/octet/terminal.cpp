#include "apps/octet/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "octet/base/error.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

constexpr double kRedraw = 0.1;  // seconds
constexpr int kRoomForBar = 60;  // columns; below, the numbers alone

int width_of(int fd) {
  if (isatty(fd) == 0) return 0;
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool has_cursor() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string duration(double seconds) {
  const std::int64_t s = std::llround(seconds);
  if (s < 60) return fmt::format("{} s", s);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

// "[======>             ]"
std::string bar(double share) {
  constexpr int kCells = 20;
  const auto full = static_cast<std::size_t>(share * kCells);
  std::string cells(full, '=');
  if (full < kCells) cells += '>';
  cells.resize(kCells, ' ');
  return "[" + cells + "]";
}

volatile std::sig_atomic_t pending_signal = 0, work_asks = 0;

extern "C" void on_signal(int number) {
  if (pending_signal != 0) _exit(128 + number);
  pending_signal = number;
  if (work_asks == 0) alarm(2);  // work that does not look is not waited for longer
}

extern "C" void on_alarm(int) { _exit(128 + pending_signal); }

}  // namespace

int output_width() { return width_of(STDOUT_FILENO); }
int error_width() { return width_of(STDERR_FILENO); }

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    if (errno == EPIPE) throw Interrupted{SIGPIPE};  // the reader has gone, and SIGPIPE was ignored
    throw Error(ErrorKind::io, fmt::format("standard output cannot be written: {}", std::strerror(errno)));
  }
}

void talk(const std::string& line) { fmt::print(stderr, "{}\n", line); }

void warn(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) talk("warning: " + report::safe(warning));
}

void suggest(const std::string& command) { talk("next: " + report::safe(command)); }

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+:,@%") ==
                                          std::string::npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Progress::Progress() : shown_(has_cursor()) {}
Progress::~Progress() { clear(); }

void Progress::clear() {
  if (visible_) fmt::print(stderr, "\r\x1b[K");
  visible_ = false;
}

void Progress::update(const std::string& what, std::int64_t done, std::int64_t total, const std::string& note) {
  if (work_asks == 0) check_signals();
  if (!shown_) return;
  const double time = now();
  if (what != what_) {
    what_ = what;
    began_ = time;
    drawn_ = 0;
  }
  if (time - drawn_ < kRedraw && done < total) return;
  drawn_ = time;
  const double seconds = time - began_, rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string line = report::safe(what);
  const int room = error_width() - 1;
  const auto add = [&](const std::string& part) {  // what does not fit is left out
    if (report::display_width(line + part) <= room) line += part;
  };
  if (!note.empty()) add(" " + report::safe(note));
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    if (room >= kRoomForBar) add(" " + bar(share));
    add(fmt::format(" {:3.0f} %", 100 * share));
  }
  if (total > 0) add(fmt::format(" {}/{}", done, total));
  if (rate > 0) add(fmt::format(" {:.{}f}/s", rate, rate < 10 ? 1 : 0));
  if (rate > 0 && total > done) add(" " + duration(static_cast<double>(total - done) / rate) + " left");
  fmt::print(stderr, "\r\x1b[K{}", report::shorten(line, room));
  std::fflush(stderr);
  visible_ = true;
}

void install_signal_handlers() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGALRM}) {
    struct sigaction action{};
    action.sa_handler = number == SIGALRM ? on_alarm : on_signal;
    sigemptyset(&action.sa_mask);
    struct sigaction before{};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);  // nohup stays in force
  }
  std::signal(SIGPIPE, SIG_DFL);
}

void check_signals() {
  if (pending_signal != 0) throw Interrupted{pending_signal};
}

void wait_for_work() { work_asks = 1; }
int signal_that_came() { return pending_signal; }

}  // namespace octet::app
