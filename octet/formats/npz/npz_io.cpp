// Whole .npy and .npz files: read by path or from memory, and written.
#include <fmt/format.h>
#include <zip.h>

#include <cstring>
#include <deque>
#include <memory>

#include "octet/base/atomic_file.h"
#include "octet/base/read_file.h"
#include "octet/formats/npz/npy_header.h"
#include "octet/formats/npz/npz.h"

namespace octet::formats {
namespace {

NamedTensors read_all(NpzFile& file) {
  NamedTensors out;
  for (std::size_t i = 0; i < file.arrays().size(); ++i) out.emplace_back(file.arrays()[i].name, file.read(i));
  return out;
}

Error zip_failure(const std::string& path, const std::string& why) {
  return Error(ErrorKind::io, "the .npz archive cannot be made: " + why).file(path);
}

// The bytes of an archive that libzip has written to `archive`.
std::string archive_bytes(zip_source_t* archive, const std::string& path) {
  zip_stat_t stat;
  if (zip_source_stat(archive, &stat) != 0 || zip_source_open(archive) != 0) {
    throw zip_failure(path, zip_error_strerror(zip_source_error(archive)));
  }
  std::string bytes(stat.size, '\0');
  const zip_int64_t got = zip_source_read(archive, bytes.data(), bytes.size());
  zip_source_close(archive);
  if (got != static_cast<zip_int64_t>(bytes.size())) throw zip_failure(path, "it cannot be read back");
  return bytes;
}

void add_array(zip_t* zip, const std::string& path, const std::string& name, const std::string& header,
               const Tensor& tensor) {
  const zip_buffer_fragment_t parts[] = {
      {reinterpret_cast<zip_uint8_t*>(const_cast<char*>(header.data())), header.size()},
      {static_cast<zip_uint8_t*>(const_cast<void*>(tensor.raw())), tensor.bytes()},
  };
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_fragment_create(parts, tensor.bytes() == 0 ? 1 : 2, 0, &error);
  if (source == nullptr) throw zip_failure(path, zip_error_strerror(&error));
  const zip_int64_t index = zip_file_add(zip, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    throw zip_failure(path, zip_strerror(zip)).tensor(name);
  }
  const auto entry = static_cast<zip_uint64_t>(index);
  zip_set_file_compression(zip, entry, ZIP_CM_STORE, 0);
  zip_file_set_mtime(zip, entry, 315532800, 0);  // 1980-01-01: the same arrays give the same bytes
}

}  // namespace

Tensor parse_npy(std::span<const std::uint8_t> bytes, const std::string& file) {
  try {
    const NpyHeader header = parse_npy_header(bytes);
    require_numeric(header);
    const std::size_t there = bytes.size() - header.data_begin;
    const auto item = static_cast<std::int64_t>(size_of(header.dtype));
    if (there / static_cast<std::size_t>(item) != static_cast<std::size_t>(header.shape.elements()) ||
        there % static_cast<std::size_t>(item) != 0) {
      throw Error(ErrorKind::bad_input, "an array's data is not as long as its shape says")
          .value(fmt::format("{} bytes", there))
          .expected(fmt::format("{} {}", to_string(header.shape), to_string(header.dtype)));
    }
    Tensor raw(header.dtype, header.shape);
    if (there != 0) std::memcpy(raw.raw(), bytes.data() + header.data_begin, there);
    return finish_npy(header, std::move(raw));
  } catch (Error& error) {
    throw error.file(file);
  }
}

Tensor load_npy(const std::string& path) {
  const std::string bytes = read_file(path);
  return parse_npy({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, path);
}

NamedTensors load_npz(const std::string& path) {
  NpzFile file(path);
  return read_all(file);
}

NamedTensors parse_npz(std::span<const std::uint8_t> bytes, const std::string& file) {
  NpzFile archive(bytes, file);
  return read_all(archive);
}

void save_npz(const std::string& path, const NamedTensors& tensors) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* archive = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (archive == nullptr) throw zip_failure(path, zip_error_strerror(&error));
  zip_source_keep(archive);
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> kept(archive, zip_source_free);
  zip_t* zip = zip_open_from_source(archive, ZIP_TRUNCATE, &error);
  if (zip == nullptr) {
    zip_source_free(archive);
    throw zip_failure(path, zip_error_strerror(&error));
  }
  std::deque<std::string> headers;  // libzip reads them when the archive is closed
  std::deque<Tensor> kept_tensors;
  try {
    for (const auto& [name, tensor] : tensors) {
      kept_tensors.push_back(tensor.dtype() == DType::bf16 ? tensor.cast(DType::f32) : tensor);
      headers.push_back(make_npy_header(kept_tensors.back().dtype(), tensor.shape()));
      add_array(zip, path, name, headers.back(), kept_tensors.back());
    }
  } catch (...) {
    zip_discard(zip);
    throw;
  }
  if (zip_close(zip) != 0) {
    const std::string why = zip_strerror(zip);
    zip_discard(zip);
    throw zip_failure(path, why);
  }
  write_file_atomically(path, archive_bytes(archive, path));
}

}  // namespace octet::formats
