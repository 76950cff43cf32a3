#include "octet/base/error.h"

#include <fmt/format.h>

namespace octet {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::gate:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::bad_input:
      return 3;
    case ErrorKind::unsupported:
      return 4;
    case ErrorKind::io:
      return 5;
    case ErrorKind::limit:
      return 6;
    case ErrorKind::internal:
      return 101;
  }
  return 101;
}

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::gate:
      return "gate";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::bad_input:
      return "bad_input";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::io:
      return "io";
    case ErrorKind::limit:
      return "limit";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

std::string printable(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += static_cast<char>(c);
    }
  }
  return out;
}

Error::Error(ErrorKind kind, const std::string& message) {
  info_.kind = kind;
  info_.message = printable(message);
  refresh();
}

Error& Error::refresh() {
  const ErrorInfo& i = info_;
  text_.clear();
  if (!i.file.empty()) text_ += i.file + ": ";
  text_ += i.message;
  if (!i.node.empty()) text_ += fmt::format("; node '{}'", i.node);
  if (!i.tensor.empty()) text_ += fmt::format("; tensor '{}'", i.tensor);
  if (!i.value.empty()) text_ += fmt::format("; found {}", i.value);
  if (!i.expected.empty()) text_ += fmt::format("; expected {}", i.expected);
  if (i.offset) text_ += fmt::format("; at byte {}", *i.offset);
  if (!i.hint.empty()) text_ += fmt::format("\nhint: {}", i.hint);
  return *this;
}

Error& Error::file(const std::string& text) { return info_.file = printable(text), refresh(); }
Error& Error::node(const std::string& text) { return info_.node = printable(text), refresh(); }
Error& Error::tensor(const std::string& text) { return info_.tensor = printable(text), refresh(); }
Error& Error::value(const std::string& text) { return info_.value = printable(text), refresh(); }
Error& Error::expected(const std::string& text) { return info_.expected = printable(text), refresh(); }
Error& Error::hint(const std::string& text) { return info_.hint = printable(text), refresh(); }
Error& Error::offset(std::uint64_t bytes) { return info_.offset = bytes, refresh(); }

}  // namespace octet
