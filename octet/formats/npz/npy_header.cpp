#include "octet/formats/npz/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

namespace octet::formats {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = std::size_t{1} << 16;

struct TypeName {
  std::string_view code;
  DType dtype;
};
constexpr std::array kTypes = {
    TypeName{"f4", DType::f32}, TypeName{"f8", DType::f64}, TypeName{"f2", DType::f16},     TypeName{"u1", DType::u8},
    TypeName{"i1", DType::i8},  TypeName{"u2", DType::u16}, TypeName{"i2", DType::i16},     TypeName{"u4", DType::u32},
    TypeName{"i4", DType::i32}, TypeName{"u8", DType::u64}, TypeName{"b1", DType::boolean}, TypeName{"i8", DType::i64},
};

Error malformed(const std::string& what, std::size_t offset) {
  return Error(ErrorKind::bad_input, "the header of a .npy array is malformed: " + what)
      .offset(static_cast<std::uint64_t>(offset));
}

// The header is a Python dict of three entries; this reads just that form.
class DictParser {
 public:
  DictParser(std::string_view text, std::size_t base) : text_(text), base_(base) {}

  NpyHeader parse() {
    NpyHeader header;
    bool seen[3] = {};
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        header.descr = descr();
        seen[0] = true;
      } else if (key == "fortran_order") {
        header.fortran = truth();
        seen[1] = true;
      } else if (key == "shape") {
        header.shape = shape();
        seen[2] = true;
      } else {
        fail("unknown key");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!seen[0] || !seen[1] || !seen[2]) fail("descr, fortran_order and shape are needed");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw malformed(what, base_ + at_); }

  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' expected", c));
  }
  std::string quoted() {
    skip();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) fail("a quoted word expected");
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) fail("a quote is not closed");
    std::string word(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return word;
  }
  // A structured type is a list; it is kept as text for the message.
  std::string descr() {
    skip();
    if (at_ < text_.size() && text_[at_] == '[') {
      const std::size_t end = text_.rfind(']');
      if (end == std::string_view::npos || end < at_) fail("']' expected");
      std::string list(text_.substr(at_, end + 1 - at_));
      at_ = end + 1;
      return list;
    }
    return quoted();
  }
  bool truth() {
    skip();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("True or False expected");
  }
  Shape shape() {
    std::vector<std::int64_t> dims;
    expect('(');
    while (!accept(')')) {
      skip();
      std::int64_t dim = 0;
      const char* begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), dim);
      if (error != std::errc() || dim < 0) fail("a dimension expected");
      at_ += static_cast<std::size_t>(end - begin);
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
      dims.push_back(dim);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return Shape(dims);
  }

  std::string_view text_;
  std::size_t base_, at_ = 0;
};

void set_type(NpyHeader& header) {
  const std::string& descr = header.descr;
  if (descr.size() != 3) return;
  const std::string_view code(descr.data() + 1, 2);
  const auto known =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& type) { return type.code == code; });
  if (known == kTypes.end() || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) return;
  header.dtype = known->dtype;
  header.swapped = descr[0] == '>' && size_of(known->dtype) > 1;
}

void swap_bytes(Tensor& tensor) {
  const std::size_t item = size_of(tensor.dtype());
  auto* bytes = static_cast<std::uint8_t*>(tensor.raw());
  for (std::size_t i = 0; i < tensor.bytes(); i += item) std::reverse(bytes + i, bytes + i + item);
}

// out[i0, i1, ...] from data in which i0 varies fastest.
Tensor to_row_major(const Tensor& raw, const Shape& shape) {
  Tensor out(raw.dtype(), shape);
  if (out.elements() == 0) return out;
  const std::size_t item = size_of(raw.dtype());
  const auto* from = static_cast<const std::uint8_t*>(raw.raw());
  auto* to = static_cast<std::uint8_t*>(out.raw());
  std::array<std::int64_t, Shape::kMaxRank> index{}, stride{};
  std::int64_t step = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    stride[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * item, from + static_cast<std::size_t>(offset) * item, item);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      offset += stride[a];
      if (++index[a] < shape[axis]) break;
      offset -= stride[a] * shape[axis];
      index[a] = 0;
    }
  }
  return out;
}

}  // namespace

std::size_t npy_header_size(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kNpyPrologue || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    throw Error(ErrorKind::bad_input, "this is no .npy array").expected("the bytes \\x93NUMPY at the beginning");
  }
  const int major = bytes[6];
  if (major < 1 || major > 3) {
    throw Error(ErrorKind::unsupported, "a .npy format version that Octet does not know")
        .value(fmt::format("{}.{}", major, bytes[7]))
        .expected("1.0 to 3.0");
  }
  const std::size_t prefix = major == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = prefix; i > 8; --i) length = length << 8 | bytes[i - 1];
  if (length > kMaxHeader) {
    throw malformed("it claims to be longer than any array needs", 8)
        .value(fmt::format("{} bytes", length))
        .expected(fmt::format("at most {}", kMaxHeader));
  }
  return prefix + length;
}

NpyHeader parse_npy_header(std::span<const std::uint8_t> bytes) {
  const std::size_t size = npy_header_size(bytes);
  if (bytes.size() < size) {
    throw malformed("it runs over the end of the data", 8)
        .value(fmt::format("{} bytes", size))
        .expected(fmt::format("at most {}", bytes.size()));
  }
  const std::size_t prefix = bytes[6] == 1 ? 10 : 12;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + prefix, size - prefix);
  NpyHeader header = DictParser(text, prefix).parse();
  header.data_begin = size;
  set_type(header);
  return header;
}

void require_numeric(const NpyHeader& header) {
  if (header.dtype != DType::undefined) return;
  if (header.descr.find('O') != std::string::npos) {
    throw Error(ErrorKind::bad_input, "an array of Python objects is no data that can be read safely")
        .value(header.descr)
        .expected("numbers or truth values")
        .hint("save it from numpy as an array of numbers, with allow_pickle=False");
  }
  throw Error(ErrorKind::unsupported, "arrays of this type are not supported")
      .value(header.descr)
      .expected("float16/32/64, integers of 8 to 64 bits or bool");
}

std::string make_npy_header(DType dtype, const Shape& shape) {
  const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& t) { return t.dtype == dtype; });
  if (type == kTypes.end()) {
    throw Error(ErrorKind::unsupported, "numpy has no such element type").value(to_string(dtype));
  }
  std::string dims;
  for (const std::int64_t dim : shape) dims += fmt::format("{}, ", dim);
  if (shape.rank() > 1) dims.resize(dims.size() - 2);
  if (shape.rank() == 1) dims.pop_back();
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 size_of(dtype) == 1 ? '|' : '<', type->code, dims);
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string out(kMagic);
  out += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return out + text;
}

Tensor finish_npy(const NpyHeader& header, Tensor raw) {
  if (header.swapped) swap_bytes(raw);
  if (header.dtype == DType::boolean) {
    auto* bytes = static_cast<std::uint8_t*>(raw.raw());
    std::for_each(bytes, bytes + raw.bytes(), [](std::uint8_t& b) { b = b != 0; });
  }
  return header.fortran && header.shape.rank() > 1 ? to_row_major(raw, header.shape) : raw;
}

}  // namespace octet::formats
