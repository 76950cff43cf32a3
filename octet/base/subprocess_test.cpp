#include "octet/base/subprocess.h"

#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

TEST(Subprocess, GivesCodeAndBothOutputs) {
  const Finished finished = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(finished.code, 3);
  EXPECT_EQ(finished.output, "out\n");
  EXPECT_EQ(finished.errors, "err\n");
}

TEST(Subprocess, DoesNotStallOnMuchOutput) {
  const Finished finished = run_program({"sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"});
  EXPECT_EQ(finished.output.size(), 300000u);
  EXPECT_EQ(finished.errors.size(), 300000u);
}

TEST(Subprocess, SetsFolderAndEnvironment) {
  const Finished finished =
      run_program({"sh", "-c", "pwd; echo $OCTET_X"}, {.directory = "/", .environment = {{"OCTET_X", "5"}}});
  EXPECT_EQ(finished.output, "/\n5\n");
}

TEST(Subprocess, SaysSignalsAndMissingPrograms) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$"}).code, 143);
  EXPECT_THROW(run_program({"/no/such/program"}), Error);
}

}  // namespace
}  // namespace octet
