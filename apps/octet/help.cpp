#include "apps/octet/help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

#include "apps/octet/terminal.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

constexpr int kColumn = 26;

// `text` in lines of at most `width` columns, later lines indented.
std::string wrapped(const std::string& text, int begin, int indent, int width) {
  std::string out;
  int at = begin;
  std::size_t from = 0;
  while (from < text.size()) {
    const std::size_t space = std::min(text.find(' ', from), text.size());
    const std::string word = text.substr(from, space - from);
    const int length = report::display_width(word);
    if (at > indent && at + 1 + length > width) {
      out += '\n' + std::string(static_cast<std::size_t>(indent), ' ');
      at = indent;
    } else if (from != 0) {
      out += ' ';
      ++at;
    }
    out += word;
    at += length;
    from = space + 1;
  }
  return out + '\n';
}

std::string entry(const std::string& left, const std::string& right, int width) {
  const std::string head = "  " + left;
  if (width < 60) return head + "\n" + std::string(6, ' ') + wrapped(right, 6, 6, width);
  if (static_cast<int>(head.size()) + 2 > kColumn) {
    return head + "\n" + std::string(kColumn, ' ') + wrapped(right, kColumn, kColumn, width);
  }
  return head + std::string(kColumn - head.size(), ' ') + wrapped(right, kColumn, kColumn, width);
}

int help_width() {
  const int width = output_width();
  return width == 0 ? 100 : std::min(width, 100);
}

std::string option_name(const CLI::Option& option) {
  std::string name = option.get_name(false, true);
  std::replace(name.begin(), name.end(), ',', ' ');
  const std::string whole = option.get_type_name();  // "N:POSITIVE": what checks it comes after the colon
  const std::string type = whole.substr(0, whole.find(':'));
  return option.get_items_expected_max() == 0 || type.empty() ? name : name + " " + type;
}

}  // namespace

std::string main_help(const CLI::App& app) {
  const int width = help_width();
  std::string out =
      wrapped("Quantizes neural networks to 8 bits and runs them. Standard ONNX in, standard ONNX out.", 0, 0, width);
  out += "\nExamples:\n";
  for (const Command& command : commands()) out += "  " + command.examples.front() + "\n";
  out += "\nCommands:\n";
  for (const Command& command : commands()) out += entry(command.name, command.summary, width);
  out += "\nOptions:\n";
  for (const CLI::Option* option : app.get_options())
    out += entry(option_name(*option), option->get_description(), width);
  return out + "\nMore about one of them: octet COMMAND --help\n";
}

std::string command_help(const CLI::App& app, const Command& command) {
  const int width = help_width();
  std::string out = fmt::format("octet {}: {}\n\nExamples:\n", command.name, command.summary);
  for (const std::string& example : command.examples) out += "  " + example + "\n";
  std::string usage, positional, options;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      usage += " " + option->get_name(true, false);
      positional += entry(option->get_name(true, false), option->get_description(), width);
    } else {
      options += entry(option_name(*option), option->get_description(), width);
    }
  }
  out += fmt::format("\nUsage:\n  octet {}{} [OPTIONS]\n", command.name, usage);
  return out + "\nArguments:\n" + (positional.empty() ? "  none\n" : positional) + "\nOptions:\n" + options;
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = word.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);  // edit distance, one row at a time
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t corner = row[0]++;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t replaced = corner + (word[i - 1] != candidate[j - 1] ? 1 : 0);
        corner = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    if (row.back() < least || (row.back() == least && best.empty())) {
      least = row.back();
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(const CLI::App& app, const std::vector<std::string>& unknown) {
  std::vector<std::string> options, words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (const Command& command : commands()) words.push_back(command.name);
  for (const std::string& given : unknown) {
    const std::string word = given.substr(0, given.find('='));
    const std::string match = nearest(word, word.rfind('-', 0) == 0 ? options : words);
    if (!match.empty()) return "did you mean " + match + "?";
  }
  return {};
}

}  // namespace octet::app
