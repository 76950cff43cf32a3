// Errors: every failure of the library is one octet::Error that says what, where and what to do.
//
//   throw Error(ErrorKind::bad_input, "kernel_shape does not match the weights")
//       .node("conv1").tensor("conv1.weight").value("3x3").expected("5x5").hint("re-export the model");
//
// The library never prints, aborts or exits; the command maps kinds to exit codes (exit_code).
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace octet {

/// What went wrong, in the terms of the command's exit codes.
enum class ErrorKind {
  gate,         ///< 1: a check that the user asked for failed (accuracy, coverage, verification)
  usage,        ///< 2: the call or the options make no sense
  bad_input,    ///< 3: a file, graph or value is malformed
  unsupported,  ///< 4: valid, but not something Octet can do
  io,           ///< 5: the system refused to read or write
  limit,        ///< 6: out of memory or over a limit
  internal,     ///< 101: a mistake of ours
};

int exit_code(ErrorKind kind);
const char* to_string(ErrorKind kind);

/// The facts of an error, each possibly empty; `octet --json` prints them one to one.
struct ErrorInfo {
  ErrorKind kind = ErrorKind::internal;
  std::string message, file, node, tensor, value, expected, hint;
  std::optional<std::uint64_t> offset;
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, const std::string& message);

  Error& file(const std::string& text);
  Error& node(const std::string& text);
  Error& tensor(const std::string& text);
  Error& value(const std::string& text);
  Error& expected(const std::string& text);
  Error& hint(const std::string& text);
  Error& offset(std::uint64_t bytes);

  const ErrorInfo& info() const { return info_; }
  /// One paragraph: message, then the facts that are known.
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  Error& refresh();

  ErrorInfo info_;
  std::string text_;
};

/// `text` with control characters written as \xNN, so that a name from a file can be shown anywhere.
std::string printable(const std::string& text);

}  // namespace octet
