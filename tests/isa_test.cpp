// An eight-bit network gives the same bits on every instruction set that this machine has, from reading the file to
// writing the answers; OCTET_ISA caps what the command uses.
#include <gtest/gtest.h>

#include <filesystem>

#include "octet/base/cpu.h"
#include "octet/base/random.h"
#include "octet/base/subprocess.h"
#include "octet/base/testing.h"
#include "octet/octet.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

const std::string kOctet = octet::testing::kBinaryDir + std::string("/octet");

struct Network {
  std::string name, model, data;
  std::vector<std::string> options;  ///< of octet quantize
};

void expect_same_bits(const NamedTensors& a, const NamedTensors& b, const std::string& where) {
  ASSERT_EQ(a.size(), b.size()) << where;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].second.bytes(), b[i].second.bytes()) << where;
    EXPECT_EQ(std::memcmp(a[i].second.raw(), b[i].second.raw(), a[i].second.bytes()), 0) << where << " " << a[i].first;
  }
}

void check(const Network& network) {
  SCOPED_TRACE(network.name);
  if (!fs::exists(network.model) || !fs::exists(network.data)) GTEST_SKIP() << network.model << " is not there";
  const octet::testing::TemporaryDirectory folder;
  const auto octet = [&](std::vector<std::string> words, const std::string& isa) {
    words.insert(words.begin(), kOctet);
    const Finished finished =
        run_program(words, {.directory = folder.path().string(), .environment = {{"OCTET_ISA", isa}}});
    ASSERT_EQ(finished.code, 0) << isa << ": " << finished.errors;
  };
  std::vector<std::string> quantize = {"quantize", network.model, "-o", "q.onnx", "--samples", "20"};
  quantize.insert(quantize.end(), network.options.begin(), network.options.end());
  octet(quantize, "");
  // Several samples at once, and alone: the shapes of the steps differ, and with them the kernels.
  for (const char* batch : {"1", "3"}) {
    NamedTensors expected;
    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx_vnni, Isa::avx512, Isa::avx512_vnni}) {
      if (!cpu_supports(isa)) continue;
      octet({"run", "q.onnx", "--input", network.data, "--samples", "6", "--batch", batch, "--output", "y.npz"},
            to_string(isa));
      const NamedTensors outputs = load_npz(folder.file("y.npz"));
      if (expected.empty()) expected = outputs;
      expect_same_bits(outputs, expected, std::string(to_string(isa)) + ", batch " + batch);
    }
  }
}

std::string demo(const std::string& file) { return octet::testing::source_dir("examples/demo/" + file).string(); }

TEST(InstructionSets, TheDemoNetworkStaticAndDynamic) {
  const std::string model = demo("fashion.onnx"), data = demo("fashion-calibration.npz");
  check({"static", model, data, {"--calibrate", data, "--keep-all-int8"}});
  check({"static s8", model, data, {"--calibrate", data, "--keep-all-int8", "--activation", "s8"}});
  // What stays float may differ by fused multiply-adds: this is about integers.
  check({"dynamic", model, data, {"--dynamic", "--keep-all-int8"}});
}

TEST(InstructionSets, NetworksOfTheZoo) {
  if (!octet::testing::shared_dir()) GTEST_SKIP() << "no shared folder: set OCTET_SHARED";
  const fs::path models = *octet::testing::shared_dir() / "models";
  const octet::testing::TemporaryDirectory folder;
  for (const auto& [model, input, shape] : std::vector<std::tuple<const char*, const char*, Shape>>{
           {"resnet20-cifar10/resnet20.onnx", "input", {20, 3, 32, 32}},
           {"squeezenet1.1-imagenet/squeezenet1.1.onnx", "data", {6, 3, 227, 227}}}) {
    Random random(1);
    Tensor x(DType::f32, shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) x.data<float>()[i] = random.uniform(-2, 2);
    const std::string data = folder.file("x.npz");
    save_npz(data, {{input, x}});
    check({model, (models / model).string(), data, {"--calibrate", data, "--keep-all-int8"}});
  }
}

}  // namespace
}  // namespace octet
