// ONNX's own node tests, from the shared data: each is one small model with inputs and expected outputs.
// None may give a wrong answer; what Octet does not have must be refused as unsupported.
// OCTET_NODE_TESTS names a folder of such tests to run instead (no number of passes is then demanded).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>

#include "octet/base/testing.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/ops/op.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr int kMustPass = 900;

// The unpacked folder of tests; empty when there is none.
class NodeTests : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (const char* given = std::getenv("OCTET_NODE_TESTS"); given != nullptr && *given != '\0') {
      folder() = given;
      return;
    }
    const auto shared = testing::shared_dir();
    if (!shared || !fs::exists(*shared / "data/onnx-node-tests/node-tests.tar.xz")) return;
    unpacked() = std::make_unique<testing::TemporaryDirectory>();
    const fs::path& to = unpacked()->path();
    const std::string command =
        "tar -xJf '" + (*shared / "data/onnx-node-tests/node-tests.tar.xz").string() + "' -C '" + to.string() + "'";
    if (std::system(command.c_str()) == 0) folder() = to / "node";
  }
  static void TearDownTestSuite() { unpacked().reset(); }

  static fs::path& folder() {
    static fs::path path;
    return path;
  }
  static std::unique_ptr<testing::TemporaryDirectory>& unpacked() {
    static std::unique_ptr<testing::TemporaryDirectory> directory;
    return directory;
  }
  static bool whole_suite() { return unpacked() != nullptr; }

  static std::vector<fs::path> cases() {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(folder())) {
      if (fs::exists(entry.path() / "model.onnx")) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

struct Tolerance {
  double relative = 0, absolute = 0;
};

// As ONNX's backend tests, wider for the half types by the bits they lack.
Tolerance tolerance_of(DType dtype) {
  if (dtype == DType::f16) return {2e-3, 1e-3};
  if (dtype == DType::bf16) return {1e-2, 1e-2};
  if (is_float(dtype)) return {1e-3, 1e-5};
  return {};
}

bool close(double got, double wanted, const Tolerance& tolerance) {
  if (std::isnan(wanted)) return std::isnan(got);
  if (std::isinf(wanted)) return got == wanted;
  return std::abs(got - wanted) <= tolerance.absolute + tolerance.relative * std::abs(wanted);
}

// What differs first; empty if nothing does.
std::string difference(const Tensor& got, const Tensor& wanted) {
  if (got.dtype() != wanted.dtype() || !(got.shape() == wanted.shape())) {
    return "is " + to_string(got.shape()) + " " + to_string(got.dtype()) + ", expected " + to_string(wanted.shape()) +
           " " + to_string(wanted.dtype());
  }
  if (is_integer(got.dtype()) || got.dtype() == DType::boolean) {  // exactly: a double cannot hold every int64
    if (got.bytes() == 0 || std::memcmp(got.raw(), wanted.raw(), got.bytes()) == 0) return "";
  }
  const std::vector<double> a = got.to_double(), b = wanted.to_double();
  const Tolerance tolerance = tolerance_of(got.dtype());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (close(a[i], b[i], tolerance)) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + ", expected " + std::to_string(b[i]);
  }
  return tolerance.relative == 0 ? "differs beyond what a double shows" : "";
}

std::vector<Tensor> load_all(const fs::path& test, const std::string& kind) {
  std::vector<Tensor> out;
  for (int i = 0;; ++i) {
    const fs::path file = test / "test_data_set_0" / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return out;
    out.push_back(formats::load_tensor_proto(file.string()));
  }
}

// The archive stores bfloat16 tensors as uint16; the model says what they are.
Tensor as_declared(const Tensor& tensor, DType declared) {
  if (tensor.dtype() != DType::u16 || declared != DType::bf16) return tensor;
  Tensor out(DType::bf16, tensor.shape());
  if (out.bytes() != 0) std::memcpy(out.raw(), tensor.raw(), out.bytes());
  return out;
}

// Expected outputs that ONNX corrected after the archive was made (its reference evaluator 1.23 and ONNX
// Runtime 1.32 both give the corrected ones): the product of int8 matrices must saturate, not wrap, and the
// mean of a window that hangs over the end (ceil_mode) counts what is inside: 4 of 5 places along an axis.
bool correct(const std::string& name, Tensor& wanted) {
  const auto set = [&](std::initializer_list<std::size_t> wrapped) {
    for (const std::size_t i : wrapped) wanted.data<std::int8_t>()[i] = -128;
  };
  if (name.starts_with("test_qlinearmatmul_2D_int8_")) {
    set({5});
  } else if (name.starts_with("test_qlinearmatmul_3D_int8_")) {
    set({1, 2, 7, 8});
  } else if (name == "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True") {
    constexpr std::int64_t kWindows = 9;
    for (std::int64_t i = 0; i < wanted.elements(); ++i) {
      for (const std::int64_t at : {i % kWindows, i / kWindows % kWindows, i / kWindows / kWindows}) {
        if (at == kWindows - 1) wanted.data<float>()[i] *= 1.25f;
      }
    }
  } else {
    return false;
  }
  return true;
}

struct Result {
  enum class Kind { passed, corrected, unsupported, wrong, error } kind = Kind::passed;
  std::string what;
};

// What the shape rules say of the outputs must hold of the outputs that are expected.
std::string inference_difference(Graph graph, const std::vector<Tensor>& wanted) {
  ops::infer_shapes(graph, {.fold = true});
  for (std::size_t i = 0; i < wanted.size() && i < graph.outputs.size(); ++i) {
    const TypeInfo& type = graph.value(graph.outputs[i]).type;
    if (!type.shape) continue;
    bool fits = type.dtype == wanted[i].dtype() && type.shape->size() == static_cast<std::size_t>(wanted[i].rank());
    for (std::size_t d = 0; fits && d < type.shape->size(); ++d) {
      const Dim& dim = (*type.shape)[d];
      fits = !dim.known() || dim.value == wanted[i].dim(static_cast<int>(d));
    }
    if (!fits) return "output " + std::to_string(i) + " is inferred as " + to_string(*type.shape);
  }
  return "";
}

Result run(const fs::path& test, bool optimize) {
  try {
    const Graph graph = formats::load_onnx((test / "model.onnx").string());
    std::vector<Tensor> inputs = load_all(test, "input"), wanted = load_all(test, "output");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = as_declared(inputs[i], graph.value(graph.inputs.at(i)).type.dtype);
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      wanted[i] = as_declared(wanted[i], graph.value(graph.outputs.at(i)).type.dtype);
    }
    const bool corrected = !wanted.empty() && correct(test.filename().string(), wanted[0]);
    if (const std::string wrong = inference_difference(clone(graph), wanted); !wrong.empty()) {
      return {Result::Kind::wrong, wrong};
    }
    const Session session(clone(graph), {.threads = 2, .optimize = optimize});
    NamedTensors named;
    for (std::size_t i = 0; i < inputs.size(); ++i) named.emplace_back(graph.value(graph.inputs.at(i)).name, inputs[i]);
    const std::vector<Tensor> got = session.run(named);
    if (got.size() < wanted.size()) return {Result::Kind::wrong, "too few outputs"};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::string text = difference(got[i], wanted[i]);
      if (!text.empty()) return {Result::Kind::wrong, "output " + std::to_string(i) + " " + text};
    }
    return {corrected ? Result::Kind::corrected : Result::Kind::passed, ""};
  } catch (const Error& error) {
    const bool unsupported = error.info().kind == ErrorKind::unsupported;
    return {unsupported ? Result::Kind::unsupported : Result::Kind::error,
            unsupported ? error.info().message : error.what()};
  } catch (const std::exception& error) {
    return {Result::Kind::error, error.what()};
  }
}

void run_all(const std::vector<fs::path>& cases, bool optimize, int must_pass) {
  int passed = 0, corrected = 0, refused = 0, wrong = 0, errors = 0;
  std::map<std::string, int> reasons;
  for (const fs::path& test : cases) {
    const Result result = run(test, optimize);
    const std::string name = test.filename().string();
    passed += result.kind == Result::Kind::passed;
    corrected += result.kind == Result::Kind::corrected;
    refused += result.kind == Result::Kind::unsupported;
    wrong += result.kind == Result::Kind::wrong;
    errors += result.kind == Result::Kind::error;
    if (result.kind == Result::Kind::unsupported) ++reasons[result.what];
    if (result.kind == Result::Kind::wrong) std::cout << "WRONG " << name << ": " << result.what << "\n";
    if (result.kind == Result::Kind::error) std::cout << "ERROR " << name << ": " << result.what << "\n";
  }
  for (const auto& [reason, count] : reasons) std::cout << "refused (" << count << "): " << reason << "\n";
  std::cout << "node tests, " << (optimize ? "optimized" : "reference") << ": " << passed << " passed, " << corrected
            << " passed with ONNX's correction of what they expect, " << refused << " refused as unsupported, " << wrong
            << " wrong, " << errors << " other errors, of " << cases.size() << "\n";
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(errors, 0);
  EXPECT_GE(passed, must_pass);
}

TEST_F(NodeTests, Reference) {
  if (folder().empty()) GTEST_SKIP() << "the archive of ONNX's node tests is not there (shared/data/onnx-node-tests)";
  run_all(cases(), false, whole_suite() ? kMustPass : 0);
}

TEST_F(NodeTests, Optimized) {
  if (folder().empty()) GTEST_SKIP() << "the archive of ONNX's node tests is not there (shared/data/onnx-node-tests)";
  run_all(cases(), true, whole_suite() ? kMustPass : 0);
}

}  // namespace
}  // namespace octet
