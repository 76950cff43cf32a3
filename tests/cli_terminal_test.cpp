// The command among other programs: signals, closed pipes, full disks, locales, terminals of every kind.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cli.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Starts a command that runs for long and sends it a signal after it has begun.
int code_after_signal(const std::string& directory, int number) {
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(directory.c_str()) != 0) _exit(99);
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "w", stderr);
    execl(kOctet.c_str(), "octet", "bench", "model.onnx", "--rounds", "1000000", static_cast<char*>(nullptr));
    _exit(99);
  }
  usleep(700'000);
  kill(child, number);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(Cli, SignalsEndItWith128AndTheNumber) {
  EXPECT_EQ(code_after_signal(folder.path().string(), SIGINT), 130);
  EXPECT_EQ(code_after_signal(folder.path().string(), SIGTERM), 143);
  EXPECT_EQ(code_after_signal(folder.path().string(), SIGHUP), 129);
}

TEST_F(Cli, AClosedPipeIsQuietAndAFullDiskIsNot) {
  const Finished pipe = run_program({"bash", "-c", kOctet + " inspect model.onnx 2>err | true; echo ${PIPESTATUS[0]}"},
                                    {.directory = folder.path().string()});
  EXPECT_THAT(pipe.output, ::testing::AnyOf("141\n", "0\n"));  // 0: it had written before the reader left
  EXPECT_THAT(octet::testing::read_file(at("err")), Not(HasSubstr("octet:")));
  const Finished full =
      run_program({"bash", "-c", kOctet + " inspect model.onnx >/dev/full"}, {.directory = folder.path().string()});
  EXPECT_EQ(full.code, 5);
}

TEST_F(Cli, OutputIsTheSameInEveryLocale) {
  const std::vector<std::string> words = {"inspect", "model.onnx"};
  const std::string plain = octet(words, {{"LC_ALL", "C"}}).output;
  EXPECT_EQ(octet(words, {{"LC_ALL", "de_DE.UTF-8"}}).output, plain);
  const json b =
      json::parse(octet({"bench", "model.onnx", "--rounds", "1", "--json"}, {{"LC_ALL", "de_DE.UTF-8"}}).output);
  EXPECT_TRUE(b["min_ms"].is_number());
}

// What a terminal of that width gets, standard output and error together.
std::string in_terminal(const std::string& directory, int columns, const std::vector<std::string>& words,
                        const char* term) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 50;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    if (chdir(directory.c_str()) != 0) _exit(99);
    setenv("TERM", term, 1);
    std::vector<char*> argv = {const_cast<char*>("octet")};
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execv(kOctet.c_str(), argv.data());
    _exit(99);
  }
  std::string out;
  char buffer[4096];
  for (ssize_t got; (got = read(terminal, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  waitpid(child, &status, 0);
  close(terminal);
  EXPECT_EQ(status, 0) << out;
  return out;
}

TEST_F(Cli, TerminalsOfEveryKind) {
  const std::string directory = folder.path().string();
  const std::vector<std::string> words = {"eval",      "model.onnx", "--data",  "data.npz",
                                          "--against", "model.onnx", "--batch", "1"};
  const std::string shown = in_terminal(directory, 80, words, "xterm");
  for (const char* part : {"evaluating [", "%", "/24", "/s"}) EXPECT_THAT(shown, HasSubstr(part));
  const std::string calibration = in_terminal(
      directory, 80, {"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "q.onnx", "--force"}, "xterm");
  EXPECT_THAT(calibration, HasSubstr("calibrating ["));
  EXPECT_THAT(calibration, HasSubstr("/24"));
  for (const std::string& text : {shown, calibration})
    EXPECT_THAT(text, Not(HasSubstr("\x1b[3")));  // no colours at all
  EXPECT_THAT(in_terminal(directory, 80, words, "dumb"), Not(HasSubstr("\x1b")));
  EXPECT_THAT(octet(words).errors, Not(HasSubstr("evaluating")));  // no terminal, no bar
  const std::string narrow =
      in_terminal(directory, 20, {"eval", "model.onnx", "--data", "data.npz", "--batch", "1"}, "xterm");
  std::size_t column = 0;
  std::string talk;
  for (const char c : narrow) {
    if (c == '\r' || c == '\n') {
      column = 0;
      talk.clear();
      continue;
    }
    talk += c;
    ++column;
    const bool bar_or_table = talk.rfind("next:", 0) != 0;
    EXPECT_FALSE(bar_or_table && column > 20 + 3) << talk;  // 3: "\x1b[K"
  }
}

}  // namespace
}  // namespace octet
