// octet: the command. Options are parsed here, work is done by the library, errors become exit codes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "apps/octet/command.h"
#include "apps/octet/help.h"
#include "apps/octet/terminal.h"
#include "octet/base/error.h"
#include "octet/report/json_forms.h"

namespace octet::app {
namespace {

int fail(const ErrorInfo& info, const std::string& text, bool json) {
  if (json) {
    print(report::dump(report::error_json(info)) + "\n");
  } else {
    talk("octet: " + text);
  }
  return exit_code(info.kind);
}

int fail(const Error& error, bool json) { return fail(error.info(), error.what(), json); }

struct Parser {
  CLI::App app{"", "octet"};
  std::vector<std::function<int()>> runs;

  Parser() {
    app.set_help_flag("-h,--help", "show this");
    app.set_version_flag("--version", std::string("octet ") + OCTET_VERSION, "show the version");
    app.require_subcommand(1);
    for (const Command& command : commands()) {
      CLI::App* sub = app.add_subcommand(command.name, command.summary);
      sub->set_help_flag("-h,--help", "show this");
      runs.push_back(command.add(*sub));
    }
  }

  /// The sub-command that was named, or -1.
  int chosen() const {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (app.got_subcommand(commands()[i].name)) return static_cast<int>(i);
    }
    return -1;
  }
  const CLI::App& named() const {
    return chosen() < 0 ? app : *app.get_subcommand(commands()[static_cast<std::size_t>(chosen())].name);
  }
};

Error usage_error(const Parser& parser, const CLI::ParseError& error, const std::vector<std::string>& words) {
  std::string hint = did_you_mean(parser.named(), parser.named().remaining());
  if (hint.empty() && parser.chosen() < 0) hint = did_you_mean(parser.app, words);
  if (hint.empty()) {
    const std::string name =
        parser.chosen() < 0 ? "" : commands()[static_cast<std::size_t>(parser.chosen())].name + " ";
    hint = "octet " + name + "--help shows what there is";
  }
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  return Error(ErrorKind::usage, message).hint(hint);
}

// What is wrong with a network or cannot be done with it names the network's file, even where it is found late.
int run_chosen(const Parser& parser) {
  try {
    return parser.runs[static_cast<std::size_t>(parser.chosen())]();
  } catch (Error& error) {
    const CLI::Option* model = parser.named().get_option_no_throw("MODEL");
    const bool about_model = !error.info().node.empty() || !error.info().tensor.empty();
    if (model != nullptr && !model->empty() && about_model && error.info().file.empty())
      error.file(model->as<std::string>());
    throw;
  }
}

int run(const std::vector<std::string>& words, bool json) {
  Parser parser;
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    parser.app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const int index = parser.chosen();
    print(index < 0 ? main_help(parser.app)
                    : command_help(parser.named(), commands()[static_cast<std::size_t>(index)]));
    return 0;
  } catch (const CLI::CallForVersion& version) {
    print(std::string(version.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    if (words.empty()) {
      print(main_help(parser.app));
      return exit_code(ErrorKind::usage);
    }
    return fail(usage_error(parser, error, words), json);
  }
  const int code = run_chosen(parser);
  print("");  // a write that failed late is still noticed
  return code;
}

int guarded(const std::vector<std::string>& words) {
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  try {
    return run(words, json);
  } catch (const Error& error) {
    return fail(error, json);
  } catch (const std::bad_alloc&) {
    return fail(Error(ErrorKind::limit, "memory ran out").hint("try a smaller --batch"), json);
  } catch (const std::exception& error) {
    return fail(Error(ErrorKind::internal, error.what()).hint("this is a mistake in Octet; please report it"), json);
  }
}

}  // namespace
}  // namespace octet::app

int main(int argc, char** argv) {
  octet::app::install_signal_handlers();
  try {
    return octet::app::guarded(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const octet::app::Interrupted& interrupted) {
    return 128 + interrupted.signal;
  } catch (const octet::Error& error) {  // the error itself could not be printed
    std::fprintf(stderr, "octet: %s\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
