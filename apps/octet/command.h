// One sub-command is one file and one line of commands().
//
//   std::function<int()> add_inspect(CLI::App& app);   // adds its options, gives what runs it
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace octet::app {

struct Command {
  std::string name, summary;
  std::vector<std::string> examples;  ///< shown first in help; the tests run each of them
  std::function<int()> (*add)(CLI::App& app);
};

/// In the order in which help lists them.
const std::vector<Command>& commands();

std::function<int()> add_quantize(CLI::App& app);
std::function<int()> add_train(CLI::App& app);
std::function<int()> add_run(CLI::App& app);
std::function<int()> add_eval(CLI::App& app);
std::function<int()> add_bench(CLI::App& app);
std::function<int()> add_inspect(CLI::App& app);
std::function<int()> add_verify(CLI::App& app);
std::function<int()> add_doctor(CLI::App& app);
std::function<int()> add_demo(CLI::App& app);

}  // namespace octet::app
