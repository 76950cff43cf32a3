#include "octet/base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "octet/base/error.h"
#include "octet/base/file_descriptor.h"

extern char** environ;

namespace octet {
namespace {

struct Pipe {
  FileDescriptor read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw Error(ErrorKind::io, std::string("a pipe cannot be made: ") + std::strerror(errno));
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// This process's environment with some variables set anew.
std::vector<std::string> variables_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const auto same = [&](const auto& change) { return text.rfind(change.first + "=", 0) == 0; };
    if (std::none_of(changes.begin(), changes.end(), same)) out.push_back(text);
  }
  for (const auto& [name, value] : changes) out.emplace_back(name).append("=").append(value);
  return out;
}

// Both pipes at once, so that neither fills up while the other is waited for.
void read_both(const Pipe& a, std::string& into_a, const Pipe& b, std::string& into_b) {
  std::array<pollfd, 2> open = {pollfd{a.read.get(), POLLIN, 0}, pollfd{b.read.get(), POLLIN, 0}};
  const std::array<std::string*, 2> into = {&into_a, &into_b};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (poll(open.data(), open.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i].fd < 0 || open[i].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t got = read(open[i].fd, buffer.data(), buffer.size());
      if (got > 0) into[i]->append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) open[i].fd = -1;
    }
  }
}

}  // namespace

Finished run_program(const std::vector<std::string>& words, const ProgramOptions& options) {
  Pipe output = make_pipe(), errors = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.write.get(), STDERR_FILENO);
  if (!options.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  std::vector<std::string> variables = variables_with(options.environment);
  std::vector<char*> argv, envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw Error(ErrorKind::io, std::string("cannot be run: ") + std::strerror(failed)).file(words[0]);
  output.write = FileDescriptor();
  errors.write = FileDescriptor();
  Finished finished;
  read_both(output, finished.output, errors, finished.errors);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  finished.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return finished;
}

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace octet
