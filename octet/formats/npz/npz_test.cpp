#include "octet/formats/npz/npz.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "octet/base/testing.h"
#include "octet/formats/npz/npy_header.h"

namespace octet::formats {
namespace {

std::string corpus(const std::string& name) { return (octet::testing::source_dir("tests/corpus/npz") / name).string(); }

ErrorInfo failure(const std::string& name) {
  try {
    load_npz(corpus(name));
  } catch (const Error& error) {
    return error.info();
  }
  ADD_FAILURE() << name << " was read";
  return {};
}

std::vector<double> ramp() {
  std::vector<double> out(24);
  std::iota(out.begin(), out.end(), 0.0);
  return out;
}

TEST(Npz, ReadsEveryType) {
  const NamedTensors arrays = load_npz(corpus("types.npz"));
  ASSERT_EQ(arrays.size(), 12u);
  for (const auto& [name, tensor] : arrays) {
    EXPECT_EQ(tensor.shape(), (Shape{2, 3, 4})) << name;
    EXPECT_EQ("a_" + std::string(to_string(tensor.dtype())), name);
    if (tensor.dtype() == DType::boolean) {
      EXPECT_FALSE(tensor.data<bool>()[0]);
      EXPECT_TRUE(tensor.data<bool>()[23]);
    } else {
      EXPECT_EQ(tensor.to_double(), ramp()) << name;
    }
  }
}

TEST(Npz, ConvertsFortranOrderAndBigEndian) {
  for (const auto& [name, tensor] : load_npz(corpus("order.npz"))) {
    EXPECT_EQ(tensor.shape(), (Shape{2, 3, 4})) << name;
    EXPECT_EQ(tensor.to_double(), ramp()) << name;
  }
}

TEST(Npz, ReadsScalarsEmptyArraysAndLaterVersions) {
  const NamedTensors arrays = load_npz(corpus("shapes.npz"));
  ASSERT_EQ(arrays.size(), 4u);
  EXPECT_EQ(arrays[0].second.shape(), Shape{});
  EXPECT_EQ(arrays[0].second.data<float>()[0], 2.5f);
  EXPECT_EQ(arrays[1].second.shape(), (Shape{0, 3}));
  EXPECT_EQ(arrays[2].second.to_int64(), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(arrays[3].second.to_int64(), (std::vector<std::int64_t>{0, 1, 2}));
}

TEST(Npz, ReadsRowsOfStoredCompressedAndFortranArrays) {
  for (const char* name : {"stored.npz", "order.npz", "types.npz"}) {
    NpzFile file(corpus(name));
    for (std::size_t i = 0; i < file.arrays().size(); ++i) {
      if (file.arrays()[i].shape.rank() != 3 || file.arrays()[i].dtype == DType::boolean) continue;
      for (const std::int64_t first : {1, 0, 1, 1}) {  // forwards, back, and the same again
        const std::vector<double> row = file.read_rows(i, first, 1).to_double();
        ASSERT_EQ(row.size(), 12u);
        EXPECT_EQ(row.front(), 12.0 * static_cast<double>(first)) << name << " " << file.arrays()[i].name;
        EXPECT_EQ(row.back(), 12.0 * static_cast<double>(first) + 11) << name;
      }
      EXPECT_EQ(file.read_rows(i, 0, 2).to_double(), ramp());
      EXPECT_EQ(file.read_rows(i, 2, 0).elements(), 0);
      EXPECT_THROW(file.read_rows(i, 1, 2), Error);
    }
  }
}

TEST(Npz, RefusesBrokenFiles) {
  const std::pair<const char*, const char*> cases[] = {
      {"parent.npz", "leaves the archive"},
      {"absolute.npz", "leaves the archive"},
      {"twice.npz", "same name"},
      {"no_array.npz", "no .npy"},
      {"header_overrun.npz", "runs over"},
      {"short_data.npz", "not as long"},
      {"huge_shape.npz", ""},
      {"negative.npz", "dimension"},
      {"not_a_zip.npz", "no .npz archive"},
      {"truncated.npz", "no .npz archive"},
      {"checksum.npz", "damaged"},
  };
  for (const auto& [name, text] : cases) {
    const ErrorInfo info = failure(name);
    EXPECT_EQ(info.kind, ErrorKind::bad_input) << name << ": " << info.message;
    EXPECT_NE(info.message.find(text), std::string::npos) << name << ": " << info.message;
    EXPECT_EQ(info.file, corpus(name));
  }
}

TEST(Npz, RefusesPythonObjectsAndNamesOtherTypes) {
  const ErrorInfo object = failure("object.npz");
  EXPECT_EQ(object.kind, ErrorKind::bad_input);
  EXPECT_EQ(object.tensor, "x");
  EXPECT_NE(object.hint.find("allow_pickle=False"), std::string::npos);
  EXPECT_EQ(failure("text.npz").kind, ErrorKind::unsupported);
  EXPECT_EQ(failure("structured.npz").kind, ErrorKind::unsupported);
  EXPECT_EQ(failure("version9.npz").kind, ErrorKind::unsupported);
}

TEST(Npz, RefusesABombWithoutUnpackingIt) {
  const ErrorInfo info = failure("bomb.npz");
  EXPECT_EQ(info.kind, ErrorKind::limit);
  EXPECT_EQ(info.tensor, "x.npy");
}

TEST(Npz, RefusesWhatIsNoFile) {
  const octet::testing::TemporaryDirectory folder;
  for (const std::string& path : {folder.path().string(), folder.file("missing.npz"), std::string("/dev/zero")}) {
    try {
      load_npz(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().kind, ErrorKind::io) << path;
    }
  }
}

TEST(Npz, WritesWhatItReadsBack) {
  const octet::testing::TemporaryDirectory folder;
  NamedTensors arrays = load_npz(corpus("types.npz"));
  arrays.emplace_back("scalar", Tensor::scalar<std::int64_t>(7));
  arrays.emplace_back("row", Tensor::from<float>({3}, {1.f, 2.f, 3.f}));
  arrays.emplace_back("empty", Tensor(DType::f32, {0, 4}));
  arrays.emplace_back("name with spaces/and:more", Tensor::scalar<float>(1));
  save_npz(folder.file("x.npz"), arrays);
  const NamedTensors back = load_npz(folder.file("x.npz"));
  ASSERT_EQ(back.size(), arrays.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].first, arrays[i].first);
    EXPECT_EQ(back[i].second.dtype(), arrays[i].second.dtype());
    EXPECT_EQ(back[i].second.shape(), arrays[i].second.shape());
    EXPECT_EQ(back[i].second.to_double(), arrays[i].second.to_double());
  }
  save_npz(folder.file("y.npz"), arrays);
  EXPECT_EQ(octet::testing::read_file(folder.file("x.npz")), octet::testing::read_file(folder.file("y.npz")));
}

TEST(Npz, WritesBfloat16AsFloat) {
  const octet::testing::TemporaryDirectory folder;
  save_npz(folder.file("x.npz"), {{"x", Tensor::from<bfloat16>({2}, {bfloat16(1.5f), bfloat16(-2.f)})}});
  const NamedTensors back = load_npz(folder.file("x.npz"));
  EXPECT_EQ(back[0].second.dtype(), DType::f32);
  EXPECT_EQ(back[0].second.to_double(), (std::vector<double>{1.5, -2}));
}

TEST(Npy, HeaderIsAsNumpyWritesIt) {
  const std::string header = make_npy_header(DType::f32, {2, 3});
  EXPECT_EQ(header.size() % 64, 0u);
  EXPECT_EQ(header.substr(10, 60), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
  EXPECT_EQ(header.back(), '\n');
}

TEST(Npy, ParsesSingleArrays) {
  const std::string header = make_npy_header(DType::i32, {2});
  std::vector<std::uint8_t> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), {1, 0, 0, 0, 255, 255, 255, 255});
  EXPECT_EQ(parse_npy(bytes).to_int64(), (std::vector<std::int64_t>{1, -1}));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(parse_npy(std::span(bytes).first(size)), Error) << size;
  }
  bytes.push_back(0);
  EXPECT_THROW(parse_npy(bytes), Error);
}

// The corpus of the fuzz target: whatever a file holds, it is read or refused with an Error.
TEST(Npz, ReplaysTheFuzzCorpus) {
  int files = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(octet::testing::source_dir("tests/corpus/npz"))) {
    const std::string text = octet::testing::read_file(entry.path());
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    for (std::size_t cut = 0; cut <= text.size(); cut += text.size() < 400 ? 1 : 37) {
      try {
        parse_npz(bytes.first(text.size() - cut), entry.path().string());
      } catch (const Error&) {
        ++refused;
      }
    }
    ++files;
  }
  EXPECT_GE(files, 20);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace octet::formats
