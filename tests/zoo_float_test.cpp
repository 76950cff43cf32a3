// Float agrees: every network of the zoo, on random and real inputs, against what ONNX Runtime answered
// (golden/zoo.json, made by make_zoo_golden.py), through the reference of every operator and through a Session.
// Skipped by name where the networks are not there.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "octet/base/testing.h"
#include "octet/formats/images/image.h"
#include "octet/formats/npz/npz.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/ops/elementwise.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using nlohmann::json;

std::string path_of(const std::string& relative) { return (*testing::shared_dir() / relative).string(); }

Shape shape_of(const json& j) { return Shape(j["shape"].get<std::vector<std::int64_t>>()); }

// 16-bit samples / 32768, each twice (8 kHz to 16 kHz).
std::vector<float> speech(const std::string& file) {
  constexpr std::size_t kHeader = 44;
  const std::string bytes = testing::read_file(path_of(file));
  std::vector<float> out;
  for (std::size_t i = kHeader; i + 1 < bytes.size(); i += 2) {
    std::int16_t sample = 0;
    std::memcpy(&sample, bytes.data() + i, 2);
    out.insert(out.end(), 2, static_cast<float>(sample) / 32768.0f);
  }
  return out;
}

Tensor picture(const json& j) {
  const int height = j["height"].get<int>(), width = j["width"].get<int>();
  const formats::Image image =
      formats::center_crop(formats::load_image(path_of(j["file"]), formats::Channels::rgb), width, height);
  const bool nhwc = j["nhwc"].get<bool>(), bgr = j["bgr"].get<bool>();
  Tensor out(DType::f32, nhwc ? Shape{1, height, width, 3} : Shape{1, 3, height, width});
  const std::int64_t plane = std::int64_t{height} * width;
  for (std::int64_t i = 0; i < plane; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto pixel = static_cast<float>(image.pixels[static_cast<std::size_t>(i * 3 + (bgr ? 2 - c : c))]);
      const auto channel = static_cast<std::size_t>(c);
      out.data<float>()[nhwc ? i * 3 + c : c * plane + i] =
          (pixel - j["mean"][channel].get<float>()) / j["std"][channel].get<float>();
    }
  }
  return out;
}

// Magnitude or log10 of the power of each frame's spectrum, by the definition of the transform.
Tensor spectrum(const json& j) {
  Tensor out(DType::f32, shape_of(j));
  const std::vector<float> samples = speech(j["file"]);
  const int size = j["size"].get<int>(), hop = j["hop"].get<int>(), bins = size / 2 + 1;
  for (int frame = 0; frame < out.dim(1); ++frame) {
    const float* window = samples.data() + frame * hop;
    for (int bin = 0; bin < bins; ++bin) {
      double real = 0, imaginary = 0;
      for (int i = 0; i < size; ++i) {
        const double turn = 2 * std::numbers::pi / size;
        const double x = static_cast<double>(window[i]) * std::sqrt(0.5 - 0.5 * std::cos(turn * i));
        const auto part = static_cast<double>(static_cast<std::int64_t>(bin) * i % size);
        real += x * std::cos(turn * part);
        imaginary += x * std::sin(turn * part);
      }
      const double power = real * real + imaginary * imaginary;
      out.data<float>()[frame * bins + bin] =
          static_cast<float>(j["log"].get<bool>() ? std::log10(std::max(power, 1e-12)) : std::sqrt(power));
    }
  }
  return out;
}

Tensor npz_rows(const json& j) {
  formats::NpzFile file(path_of(j["file"]));
  return file.read_rows(static_cast<std::size_t>(file.find(j["member"])), j["first"], j["count"]);
}

Tensor input_of(const json& j) {
  const auto kind = j["kind"].get<std::string>();
  if (kind == "picture") return picture(j);
  if (kind == "spectrum") return spectrum(j);
  if (kind == "npz") return npz_rows(j);
  if (kind == "audio") {
    const std::vector<float> samples = speech(j["file"]);
    const auto start = j["start"].get<std::size_t>();
    return Tensor::from<float>(shape_of(j),
                               std::span(samples).subspan(start, static_cast<std::size_t>(shape_of(j).elements())));
  }
  if (kind == "values") return Tensor::from<std::int64_t>(shape_of(j), j["values"].get<std::vector<std::int64_t>>());
  Random random(j["seed"].get<std::uint64_t>());
  const DType dtype = j["dtype"] == "int64" ? DType::i64 : DType::f32;
  return ops::random_tensor(random, dtype, shape_of(j), j["low"].get<float>(), j["high"].get<float>());
}

double sum_of_magnitudes(const Tensor& tensor) {
  double sum = 0;
  for (const double v : tensor.to_double()) sum += std::abs(v);
  return sum;
}

// max |a - b| / max |b| over the kept values; the norm likewise.
void expect_agrees(const Tensor& actual, const json& expected, double tolerance) {
  ASSERT_EQ(actual.shape(), shape_of(expected)) << to_string(actual.shape());
  const std::vector<double> values = actual.to_double();
  const auto kept = static_cast<std::int64_t>(expected["values"].size());
  const double largest = expected["largest"].get<double>();
  double worst = 0, norm = 0;
  for (const double v : values) norm += v * v;
  for (std::int64_t i = 0; i < kept; ++i) {
    const auto at = static_cast<std::size_t>(i * actual.elements() / kept);
    worst = std::max(worst, std::abs(values[at] - expected["values"][static_cast<std::size_t>(i)].get<double>()));
  }
  ::testing::Test::RecordProperty("relative_error", std::to_string(worst / largest * 1e6) + "e-6");
  EXPECT_LE(worst / largest, tolerance);
  EXPECT_NEAR(std::sqrt(norm) / expected["norm"].get<double>(), 1, tolerance);
}

struct Case {
  json row;

  std::string name() const {
    std::string out = std::filesystem::path(row["model"].get<std::string>()).stem().string();
    out += "_" + row["name"].get<std::string>();
    const auto odd = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; };
    std::replace_if(out.begin(), out.end(), odd, '_');
    return out;
  }
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name(); }
};

std::vector<Case> cases() {
  std::ifstream file(testing::source_dir("tests/golden/zoo.json"));
  std::vector<Case> out;
  for (json& row : json::parse(file)) out.push_back({std::move(row)});
  return out;
}

class ZooFloat : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!testing::shared_dir()) GTEST_SKIP() << "no shared folder: set OCTET_SHARED";
    const std::string path = path_of("models/" + GetParam().row["model"].get<std::string>());
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
    graph_ = formats::load_onnx(path);
    for (const auto& [name, spec] : GetParam().row["inputs"].items()) {
      inputs_.emplace_back(name, input_of(spec));
      const double sum = spec["sum"].get<double>();
      ASSERT_NEAR(sum_of_magnitudes(inputs_.back().second), sum, 1e-6 * sum)
          << "the input '" << name << "' is not what ONNX Runtime was given";
    }
  }

  void check(const std::vector<Tensor>& outputs) {
    const json& expected = GetParam().row["outputs"];
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      SCOPED_TRACE("output " + std::to_string(i));
      expect_agrees(outputs[i], expected[i], GetParam().row["tolerance"].get<double>());
    }
  }

  Graph graph_;
  NamedTensors inputs_;
};

TEST_P(ZooFloat, ReferencesAgree) {
  std::vector<Tensor> ordered;
  for (const ValueId id : graph_.inputs) {
    for (const auto& [name, tensor] : inputs_) {
      if (name == graph_.value(id).name) ordered.push_back(tensor);
    }
  }
  ThreadPool threads;
  check(ops::evaluate_graph(graph_, ordered, threads));
}

TEST_P(ZooFloat, SessionAgrees) {
  const Session session(graph_);
  check(session.run(inputs_));
}

INSTANTIATE_TEST_SUITE_P(Networks, ZooFloat, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name(); });

}  // namespace
}  // namespace octet
