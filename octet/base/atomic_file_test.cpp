#include "octet/base/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <functional>

#include "octet/base/mapped_file.h"
#include "octet/base/testing.h"

namespace octet {
namespace {

using testing::read_file;
using testing::TemporaryDirectory;

std::ptrdiff_t files_in(const TemporaryDirectory& dir) {
  return std::distance(std::filesystem::directory_iterator(dir.path()), {});
}

ErrorKind kind_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.info().kind;
  }
  return ErrorKind::internal;
}

TEST(AtomicFile, TargetChangesOnlyAtCommit) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("f", "old");
  ::chmod(path.c_str(), 0640);
  AtomicFile file(path);
  file.write("new!", 4);
  file.pad_to(6);
  EXPECT_EQ(file.size(), 6u);
  file.prepare();
  EXPECT_EQ(read_file(path), "old");
  file.commit();
  EXPECT_EQ(read_file(path), std::string("new!\0\0", 6));
  EXPECT_EQ(files_in(dir), 1);
  struct stat status = {};
  ::stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, NothingIsLeftWithoutCommit) {
  const TemporaryDirectory dir;
  {
    AtomicFile(dir.file("f")).write("x", 1);
  }
  EXPECT_EQ(files_in(dir), 0);
}

TEST(AtomicFile, RefusesWhatItMustNotReplace) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("f", "old");
  EXPECT_EQ(kind_of([&] { AtomicFile(path, false); }), ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { AtomicFile(dir.path()); }), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { AtomicFile("/dev/null"); }), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { AtomicFile(dir.file("missing/f")); }), ErrorKind::io);
  // Taken between the check and the end.
  AtomicFile late(dir.file("g"), false);
  dir.write("g", "theirs");
  EXPECT_EQ(kind_of([&] { late.commit(); }), ErrorKind::usage);
  EXPECT_EQ(read_file(dir.file("g")), "theirs");
}

TEST(AtomicFile, FullDiskNamesFileAndReason) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("f", "old");
  // A limit on the size of files stands for a full disk: write() fails after a short write.
  rlimit old = {};
  ::getrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit low = {1000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &low);
  std::string message;
  try {
    write_file_atomically(path, std::string(5000, 'x'));
  } catch (const Error& e) {
    message = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, SIG_DFL);
  EXPECT_NE(message.find(path), std::string::npos);
  EXPECT_NE(message.find("File too large"), std::string::npos);
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(files_in(dir), 1);
}

TEST(AtomicFile, NamesOfTheLongestLengthWork) {
  const TemporaryDirectory dir;
  write_file_atomically(dir.file(std::string(255, 'n')), "x");
  EXPECT_EQ(files_in(dir), 1);
}

TEST(MappedFile, MapsRegularFilesOnly) {
  const TemporaryDirectory dir;
  const auto file = MappedFile::open(dir.write("f", "hello"));
  EXPECT_EQ(std::string(file->bytes().begin(), file->bytes().end()), "hello");
  EXPECT_EQ(MappedFile::open(dir.write("empty", ""))->size(), 0u);
  ::mkfifo(dir.file("fifo").c_str(), 0600);
  for (const std::string& path :
       {dir.file("missing"), dir.path().string(), dir.file("fifo"), std::string("/dev/zero")}) {
    EXPECT_EQ(kind_of([&] { MappedFile::open(path); }), ErrorKind::io) << path;
  }
}

TEST(MappedFile, OutlivesItsName) {
  const TemporaryDirectory dir;
  const auto file = MappedFile::open(dir.write("f", "hello"));
  write_file_atomically(dir.file("f"), "other");
  EXPECT_EQ(file->bytes()[0], 'h');
}

// Pages of a file come again when they are touched; memory that no file backs is never given away.
TEST(ReleasePages, LosesNothing) {
  const TemporaryDirectory dir;
  const std::string bytes(100000, 'm');
  const auto file = MappedFile::open(dir.write("f", bytes));
  const auto scratch = scratch_memory(dir.path(), bytes.size());
  std::fill_n(static_cast<char*>(scratch.get()), bytes.size(), 's');
  const std::string heap(1 << 20, 'h');
  release_pages(file->data(), file->size());
  release_pages(file->data() + 5, 70000);
  release_pages(scratch.get(), bytes.size());
  release_pages(heap.data(), heap.size());
  EXPECT_EQ(std::string(file->bytes().begin(), file->bytes().end()), bytes);
  EXPECT_EQ(std::string(static_cast<char*>(scratch.get()), bytes.size()), std::string(bytes.size(), 's'));
  EXPECT_EQ(heap, std::string(1 << 20, 'h'));
}

TEST(ScratchMemory, HasNoNameAndSaysWhereItCannotBe) {
  const TemporaryDirectory dir;
  const auto scratch = scratch_memory(dir.path(), 4096);
  EXPECT_EQ(files_in(dir), 0);
  EXPECT_EQ(kind_of([&] { scratch_memory(dir.file("missing"), 4096); }), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { scratch_memory(dir.path(), std::size_t{1} << 60); }), ErrorKind::io);
}

TEST(SameFile, SeesThroughLinks) {
  const TemporaryDirectory dir;
  const std::string a = dir.write("a", ""), b = dir.write("b", "");
  std::filesystem::create_symlink("a", dir.file("soft"));
  std::filesystem::create_hard_link(a, dir.file("hard"));
  EXPECT_TRUE(same_file(a, dir.file("soft")));
  EXPECT_TRUE(same_file(a, dir.file("hard")));
  EXPECT_TRUE(same_file(a, dir.path().string() + "/./a"));
  EXPECT_FALSE(same_file(a, b));
  EXPECT_FALSE(same_file(a, dir.file("missing")));
}

}  // namespace
}  // namespace octet
