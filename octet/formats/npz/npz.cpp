#include "octet/formats/npz/npz.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>

#include "octet/base/checked.h"
#include "octet/base/file_descriptor.h"
#include "octet/formats/npz/npy_header.h"

namespace octet::formats {
namespace {

struct CloseZip {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Zip = std::unique_ptr<zip_t, CloseZip>;
using Member = std::unique_ptr<zip_file_t, CloseMember>;

// Deflate cannot do better than 1032 : 1; honest data of this size is far from it.
constexpr std::uint64_t kSuspiciousBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kSuspiciousRatio = 100;

std::uint64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : UINT64_MAX;
}

// A member's name is a plain relative path: nothing is ever written by it, but a name that climbs
// out of the archive is the mark of a hostile file.
void check_member_name(const std::string& name) {
  const std::string slashed = "/" + name + "/";
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string::npos ||
      slashed.find("/../") != std::string::npos) {
    throw Error(ErrorKind::bad_input, "a member's name leaves the archive").value(name);
  }
}

std::string array_name(std::string name) {
  constexpr std::string_view kSuffix = ".npy";
  if (name.size() < kSuffix.size() || name.compare(name.size() - kSuffix.size(), kSuffix.size(), kSuffix) != 0) {
    throw Error(ErrorKind::bad_input, "a member of an .npz is no .npy array").value(name);
  }
  name.resize(name.size() - kSuffix.size());
  return name;
}

}  // namespace

struct NpzFile::State {
  struct Entry {
    zip_uint64_t index = 0;
    NpyHeader header;
    Member open;          // a member being read in order
    std::int64_t at = 0;  // byte of the data at which `open` stands
    Tensor whole;         // of a Fortran-ordered array, whose rows do not lie together
  };

  std::string file;
  Zip zip;
  std::vector<Array> arrays;
  std::vector<Entry> entries;

  void open(zip_source_t* source, zip_error_t& error);
  void add_entry(zip_uint64_t index);
  void check_size(const zip_stat_t& stat, const Entry& entry) const;
  Member open_member(const Entry& entry, const std::string& name) const;
  void read_bytes(zip_file_t* member, const std::string& name, void* to, std::uint64_t bytes) const;
  void seek(Entry& entry, const Array& array, std::int64_t byte);
  Error at(Error error, const std::string& name) const { return error.file(file).tensor(name); }
};

void NpzFile::State::open(zip_source_t* source, zip_error_t& error) {
  zip.reset(source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!zip) {
    const std::string why = zip_error_strerror(&error);
    zip_source_free(source);
    throw Error(ErrorKind::bad_input, "is no .npz archive: " + why)
        .file(file)
        .hint("an .npz is what numpy.savez writes: a zip of .npy arrays");
  }
  const zip_int64_t count = zip_get_num_entries(zip.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) add_entry(static_cast<zip_uint64_t>(i));
  std::set<std::string> names;
  for (const Array& array : arrays) {
    if (!names.insert(array.name).second) {
      throw at(Error(ErrorKind::bad_input, "two arrays have the same name"), array.name);
    }
  }
}

void NpzFile::State::add_entry(zip_uint64_t index) {
  zip_stat_t stat;
  if (zip_stat_index(zip.get(), index, 0, &stat) != 0) {
    throw Error(ErrorKind::bad_input, "a member of the archive cannot be read").file(file);
  }
  const std::string member = stat.name;
  try {
    check_member_name(member);
    Entry entry;
    entry.index = index;
    Array array;
    array.name = array_name(member);
    array.stored = (stat.valid & ZIP_STAT_COMP_METHOD) != 0 && stat.comp_method == ZIP_CM_STORE;
    const Member opened = open_member(entry, array.name);
    std::vector<std::uint8_t> head(kNpyPrologue);
    read_bytes(opened.get(), array.name, head.data(), head.size());
    const std::size_t size = npy_header_size(head);
    if (size > stat.size) {
      throw Error(ErrorKind::bad_input, "the header of a .npy array runs over the end of the data")
          .value(fmt::format("{} bytes", size))
          .expected(fmt::format("at most {}", stat.size));
    }
    head.resize(std::max(size, head.size()));
    read_bytes(opened.get(), array.name, head.data() + kNpyPrologue, head.size() - kNpyPrologue);
    entry.header = parse_npy_header(head);
    check_size(stat, entry);
    array.dtype = entry.header.dtype;
    array.shape = entry.header.shape;
    arrays.push_back(std::move(array));
    entries.push_back(std::move(entry));
  } catch (Error& error) {
    error.file(file);
    if (error.info().tensor.empty()) error.tensor(member);
    throw;
  }
}

void NpzFile::State::check_size(const zip_stat_t& stat, const Entry& entry) const {
  if (entry.header.dtype == DType::undefined) return;
  const std::uint64_t packed = std::max<std::uint64_t>(stat.comp_size, 1);
  if (stat.size > physical_memory() || (stat.size > kSuspiciousBytes && stat.size / packed > kSuspiciousRatio)) {
    throw Error(ErrorKind::limit, "an array unpacks to more than is reasonable")
        .value(fmt::format("{} bytes from {}", stat.size, stat.comp_size))
        .hint("if it is meant, save it with numpy.savez instead of savez_compressed");
  }
  const auto item = static_cast<std::int64_t>(size_of(entry.header.dtype));
  const std::int64_t bytes = checked_mul(entry.header.shape.elements(), item);
  const auto there = static_cast<std::int64_t>(stat.size - std::min<std::uint64_t>(stat.size, entry.header.data_begin));
  if (bytes != there) {
    throw Error(ErrorKind::bad_input, "an array's data is not as long as its shape says")
        .value(fmt::format("{} bytes", there))
        .expected(
            fmt::format("{} bytes for {} {}", bytes, to_string(entry.header.shape), to_string(entry.header.dtype)));
  }
}

Member NpzFile::State::open_member(const Entry& entry, const std::string& name) const {
  Member member(zip_fopen_index(zip.get(), entry.index, 0));
  if (!member) {
    throw at(Error(ErrorKind::bad_input, fmt::format("an array cannot be unpacked: {}", zip_strerror(zip.get()))),
             name);
  }
  return member;
}

void NpzFile::State::read_bytes(zip_file_t* member, const std::string& name, void* to, std::uint64_t bytes) const {
  std::uint64_t done = 0;
  while (done < bytes) {
    const zip_int64_t got = zip_fread(member, static_cast<char*>(to) + done, bytes - done);
    if (got <= 0) {
      const std::string why = got < 0 ? zip_error_strerror(zip_file_get_error(member)) : "it ends too early";
      throw at(Error(ErrorKind::bad_input, "an array's data is damaged: " + why), name)
          .value(fmt::format("{} bytes", done))
          .expected(fmt::format("{} bytes", bytes));
    }
    done += static_cast<std::uint64_t>(got);
  }
}

void NpzFile::State::seek(Entry& entry, const Array& array, std::int64_t byte) {
  if (entry.open && entry.at == byte) return;
  const auto begin = static_cast<std::int64_t>(entry.header.data_begin);
  if (array.stored) {
    if (!entry.open) entry.open = open_member(entry, array.name);
    if (zip_fseek(entry.open.get(), begin + byte, SEEK_SET) == 0) {
      entry.at = byte;
      return;
    }
  }
  std::int64_t skip = byte - entry.at;
  if (!entry.open || skip < 0) {
    entry.open = open_member(entry, array.name);
    skip = begin + byte;
  }
  std::vector<char> waste(static_cast<std::size_t>(std::min<std::int64_t>(skip, 1 << 16)));
  for (; skip > 0; skip -= static_cast<std::int64_t>(waste.size())) {
    waste.resize(static_cast<std::size_t>(std::min<std::int64_t>(skip, static_cast<std::int64_t>(waste.size()))));
    read_bytes(entry.open.get(), array.name, waste.data(), waste.size());
  }
  entry.at = byte;
}

NpzFile::NpzFile(const std::string& path) : state_(std::make_unique<State>()) {
  state_->file = path;
  open_regular_file(path);  // refuses what is no file, and never waits for a pipe
  zip_error_t error;
  zip_error_init(&error);
  state_->open(zip_source_file_create(path.c_str(), 0, -1, &error), error);
}

NpzFile::NpzFile(std::span<const std::uint8_t> bytes, const std::string& file) : state_(std::make_unique<State>()) {
  state_->file = file;
  zip_error_t error;
  zip_error_init(&error);
  state_->open(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error), error);
}

NpzFile::~NpzFile() = default;

const std::vector<NpzFile::Array>& NpzFile::arrays() const { return state_->arrays; }

int NpzFile::find(const std::string& name) const {
  for (std::size_t i = 0; i < state_->arrays.size(); ++i) {
    if (state_->arrays[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

Tensor NpzFile::read(std::size_t index) {
  State& s = *state_;
  State::Entry& entry = s.entries.at(index);
  const std::string& name = s.arrays[index].name;
  try {
    require_numeric(entry.header);
  } catch (Error& error) {
    throw s.at(error, name);
  }
  const Member member = s.open_member(entry, name);
  std::vector<std::uint8_t> head(entry.header.data_begin);
  s.read_bytes(member.get(), name, head.data(), head.size());
  Tensor raw(entry.header.dtype, entry.header.shape);
  s.read_bytes(member.get(), name, raw.raw(), raw.bytes());
  char beyond = 0;  // reading to the end makes libzip compare the checksum
  if (zip_fread(member.get(), &beyond, 1) != 0) {
    throw s.at(Error(ErrorKind::bad_input, "an array's data is damaged: its checksum or length is wrong"), name);
  }
  return finish_npy(entry.header, std::move(raw));
}

Tensor NpzFile::read_rows(std::size_t index, std::int64_t first, std::int64_t count) {
  State& s = *state_;
  State::Entry& entry = s.entries.at(index);
  const Array& array = s.arrays[index];
  const Shape& shape = array.shape;
  if (shape.rank() == 0 || first < 0 || count < 0 || first > shape[0] - count) {
    throw s.at(Error(ErrorKind::usage, "rows outside the array are asked for"), array.name)
        .value(fmt::format("{} from {}", count, first))
        .expected("rows of " + to_string(shape));
  }
  Shape part = shape;
  part[0] = count;
  const std::int64_t row_elements = shape.elements(1, shape.rank());
  if (entry.header.fortran && shape.rank() > 1) {  // rows do not lie together: take them from the whole
    if (!entry.whole.defined()) entry.whole = read(index);
    const std::size_t row = static_cast<std::size_t>(row_elements) * size_of(array.dtype);
    auto* begin = static_cast<char*>(entry.whole.raw()) + static_cast<std::size_t>(first) * row;
    return Tensor(array.dtype, part, begin, entry.whole.owner()).clone();
  }
  try {
    require_numeric(entry.header);
  } catch (Error& error) {
    throw s.at(error, array.name);
  }
  Tensor rows(array.dtype, part);
  s.seek(entry, array, first * row_elements * static_cast<std::int64_t>(size_of(array.dtype)));
  s.read_bytes(entry.open.get(), array.name, rows.raw(), rows.bytes());
  entry.at += static_cast<std::int64_t>(rows.bytes());
  NpyHeader plain = entry.header;
  plain.fortran = false;
  return finish_npy(plain, std::move(rows));
}

}  // namespace octet::formats
