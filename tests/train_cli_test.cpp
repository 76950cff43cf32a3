// octet train as a user runs it: learns, resumes after kill -9 at any moment to the last bit, stops on a signal behind
// a checkpoint, stops on NaN with a name, and says what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "octet/base/random.h"
#include "octet/base/subprocess.h"
#include "octet/base/testing.h"
#include "octet/octet.h"

namespace octet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kOctet = octet::testing::kBinaryDir + std::string("/octet");

struct Net : nn::Module {
  nn::Conv2d conv;
  nn::BatchNorm2d norm{8};
  nn::Linear fc;
  explicit Net(Random& random) : conv(1, 8, 3, random, {.padding = 1}), fc(8, 4, random) {
    add("conv", conv);
    add("norm", norm);
    add("fc", fc);
  }
  nn::Value forward(const nn::Value& x) override {
    return fc(nn::flatten(nn::global_avg_pool(nn::relu(norm(conv(x))))));
  }
};

// Pictures of 8 x 8 whose class is the kind of stripes in them.
NamedTensors pictures(std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  Tensor x = nn::rand({count, 1, 8, 8}, random), y(DType::i64, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t kind = random.integer(0, 3);
    y.data<std::int64_t>()[i] = kind;
    for (std::int64_t k = 0; k < 64; ++k) {
      const std::int64_t row = k / 8, column = k % 8;
      const std::int64_t phase[] = {row, column, row + column, row / 2 + column / 2};
      x.data<float>()[64 * i + k] += phase[kind] % 2 == 0 ? 1.0f : -1.0f;
    }
  }
  return {{"input", x}, {"labels", y}};
}

class TrainCli : public ::testing::Test {
 protected:
  TrainCli() {
    Random random(1);
    Net net(random);
    save_onnx(nn::to_graph(net, {{"input", DType::f32, {Dim("N"), 1, 8, 8}}}), at("model.onnx"));
    save_npz(at("train.npz"), pictures(300, 2));
    save_npz(at("val.npz"), pictures(100, 3));
  }
  std::string at(const std::string& name) const { return folder.file(name); }
  Finished octet(std::vector<std::string> words) const {
    words.insert(words.begin(), kOctet);
    return run_program(words, {.directory = folder.path().string()});
  }
  json octet_json(std::vector<std::string> words, int code = 0) const {
    words.push_back("--json");
    const Finished finished = octet(words);
    EXPECT_EQ(finished.code, code) << finished.errors << finished.output;
    return json::parse(finished.output, nullptr, false);
  }
  std::vector<std::string> words(const std::string& output, const std::string& log) const {
    return {"train",  "model.onnx", "--data", "train.npz", "--eval", "val.npz", "-o", output,       "--optimizer",
            "adamw",  "--lr",       "0.01",   "--epochs",  "4",      "--batch", "20", "--seed",     "42",
            "--flip", "--crop",     "1",      "--ema",     "0.9",    "--log",   log,  "--log-steps"};
  }
  pid_t start(std::vector<std::string> list) const {
    list.insert(list.begin(), kOctet);
    const pid_t child = fork();
    if (child != 0) return child;
    if (chdir(folder.path().c_str()) != 0 || freopen("/dev/null", "w", stderr) == nullptr ||
        freopen("/dev/null", "w", stdout) == nullptr)
      _exit(99);
    std::vector<char*> arguments;
    for (std::string& word : list) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(99);
  }
  static int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // The log without times.
  std::vector<json> log_of(const std::string& name) const {
    std::vector<json> out;
    std::ifstream in(at(name));
    for (std::string line; std::getline(in, line);) {
      out.push_back(json::parse(line));
      out.back().erase("seconds");
    }
    const auto key = [](const json& line) { return std::pair(line["step"].get<int>(), line.contains("train_loss")); };
    std::sort(out.begin(), out.end(), [&](const json& a, const json& b) { return key(a) < key(b); });
    return out;
  }
  std::uintmax_t log_size() const {
    std::error_code error;
    const auto size = fs::file_size(at("out.jsonl"), error);
    return error ? 0 : size;
  }
  // Training that is killed at random moments and resumed logs the same losses and writes the same file.
  void check_resuming(const std::function<std::vector<std::string>(const char* output, const char* log)>& command,
                      int wanted) const {
    const auto begin = std::chrono::steady_clock::now();
    const Finished first = octet(command("whole.onnx", "whole.jsonl"));
    ASSERT_EQ(first.code, 0) << first.errors;
    const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::string file = octet::testing::read_file(at("whole.onnx"));
    const auto log = log_of("whole.jsonl");
    Random random(static_cast<std::uint64_t>(begin.time_since_epoch().count()));
    int kills = 0, kept = 0;
    for (int round = 0; kills < wanted && round < 10 * wanted; ++round) {
      auto list = command("out.onnx", "out.jsonl");
      list.insert(list.end(), {"--checkpoint", "ck", "--checkpoint-every", "2", "--resume"});
      const pid_t child = start(list);
      // Every other time behind the first checkpoint, whatever else the machine does.
      for (int i = 0; kills % 2 == 1 && i < 3000 && !has_checkpoint(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::this_thread::sleep_for(
          std::chrono::duration<double>(random.uniform_double() * whole * (kills % 2 == 1 ? 0.2 : 0.6)));
      kill(child, SIGKILL);
      const int code = wait_for(child);
      if (code == 128 + SIGKILL) {
        ++kills;
        kept += has_checkpoint() ? 1 : 0;
        if (kills < wanted) continue;
        ASSERT_EQ(octet(list).code, 0);
      } else {
        ASSERT_EQ(code, 0);
      }
      EXPECT_EQ(octet::testing::read_file(at("out.onnx")), file) << "after " << kills << " kills";
      EXPECT_EQ(log_of("out.jsonl"), log) << "after " << kills << " kills";
      fs::remove_all(at("ck"));
      fs::remove(at("out.onnx"));
      fs::remove(at("out.jsonl"));
    }
    EXPECT_EQ(kills, wanted);
    EXPECT_GT(kept, 0) << "no kill came after the first checkpoint";
    for (const char* name : {"whole.onnx", "whole.jsonl", "out.onnx", "out.jsonl", "ck"}) fs::remove_all(at(name));
  }
  bool has_checkpoint() const {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(at("ck"), error)) {
      if (entry.path().extension() == ".checkpoint") return true;
    }
    return false;
  }
  octet::testing::TemporaryDirectory folder;
};

TEST_F(TrainCli, LearnsAndReports) {
  auto list = words("out.onnx", "log.jsonl");
  list.insert(list.end(), {"--report", "report.html"});
  const json done = octet_json(list);
  EXPECT_EQ(done["epochs"], 4);
  EXPECT_LT(done["train_loss"].get<double>(), 1.0);
  EXPECT_GT(done["eval"].get<double>(), 0.6);
  EXPECT_GT(done["seconds"].get<double>(), 0);
  EXPECT_GT(done["peak_memory_bytes"].get<std::int64_t>(), 1 << 20);
  EXPECT_EQ(done["metric"], "top1");
  const json eval = octet_json({"eval", "out.onnx", "--data", "val.npz"});
  EXPECT_EQ(eval["value"], done["eval"]);
  const auto log = log_of("log.jsonl");
  EXPECT_EQ(log.size(), 4u * 15 + 4);
  const std::string page = octet::testing::read_file(at("report.html"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST_F(TrainCli, TheSameBitsWithOneAndTwoThreadsAndFromASettingsFile) {
  auto one = words("one.onnx", "one.jsonl"), two = words("two.onnx", "two.jsonl");
  one.insert(one.end(), {"--threads", "1", "--save-config", "one.toml"});
  two.insert(two.end(), {"--threads", "2"});
  ASSERT_EQ(octet(one).code, 0);
  ASSERT_EQ(octet(two).code, 0);
  const Finished three = octet({"train", "--config", "one.toml", "-o", "three.onnx", "--log", "three.jsonl"});
  ASSERT_EQ(three.code, 0) << three.errors;
  EXPECT_EQ(octet::testing::read_file(at("one.onnx")), octet::testing::read_file(at("two.onnx")));
  EXPECT_EQ(octet::testing::read_file(at("one.onnx")), octet::testing::read_file(at("three.onnx")));
  EXPECT_EQ(log_of("one.jsonl"), log_of("two.jsonl"));
  EXPECT_EQ(log_of("one.jsonl"), log_of("three.jsonl"));
}

TEST_F(TrainCli, KilledAtTwentyRandomMomentsAndResumedItEndsTheSame) {
  check_resuming([this](const char* output, const char* log) { return words(output, log); }, 20);
}

TEST_F(TrainCli, EveryMethodResumesAfterKills) {
  const std::vector<std::vector<std::string>> methods = {
      {"--qat", "octet"},
      {"--qat", "octet", "--weight-bits", "4", "--activation-bits", "4", "--observe-until", "0.5",
       "--freeze-batch-norm-from", "0.4"},
      {"--weights-in", "int8", "--optimizer-bits", "8"},
      {"--weights-in", "int8", "--master"},
      {"--lora", "2"}};
  for (const auto& method : methods) {
    SCOPED_TRACE(method[0] + " " + method[1] + " " + (method.size() > 2 ? method[2] : ""));
    check_resuming(
        [&](const char* output, const char* log) {
          std::vector<std::string> list = words(output, log);
          if (method[0] == "--weights-in") list.erase(std::find(list.begin(), list.end(), "--ema"), list.end() - 3);
          list.insert(list.end(), method.begin(), method.end());
          return list;
        },
        4);
  }
}

TEST_F(TrainCli, ASignalStopsBehindACheckpoint) {
  auto list = words("out.onnx", "out.jsonl");
  *std::find(list.begin(), list.end(), "4") = "400";
  list.insert(list.end(), {"--checkpoint", "ck"});
  for (const auto& [number, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
    fs::remove_all(at("ck"));
    const pid_t child = start(list);
    for (int i = 0; i < 600 && log_size() < 400; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(child, number);
    EXPECT_EQ(wait_for(child), code);
    EXPECT_FALSE(fs::exists(at("out.onnx")));
    EXPECT_TRUE(fs::exists(at("ck")) && !fs::is_empty(at("ck")));
    fs::remove(at("out.jsonl"));
  }
}

TEST_F(TrainCli, ACheckpointOfAnotherSettingIsBadInput) {
  auto list = words("out.onnx", "out.jsonl");
  list.insert(list.end(), {"--checkpoint", "ck"});
  ASSERT_EQ(octet(list).code, 0);
  list.insert(list.end(), {"--resume", "--label-smoothing", "0.1"});
  const json error = octet_json(list, 3)["error"];
  EXPECT_EQ(error["value"].get<std::string>().size(), 64u);
  EXPECT_EQ(error["expected"].get<std::string>().size(), 64u);
  EXPECT_NE(error["value"], error["expected"]);
}

TEST_F(TrainCli, ANaNStopsWithTheLayerAndTheCheckpoint) {
  auto list = words("out.onnx", "out.jsonl");
  *std::find(list.begin(), list.end(), "0.01") = "1e30";
  list.insert(list.end(), {"--checkpoint", "ck", "--checkpoint-every", "1"});
  *std::find(list.begin(), list.end(), "adamw") = "sgd";
  const json error = octet_json(list, 1)["error"];
  EXPECT_FALSE(error["node"].get<std::string>().empty());
  EXPECT_THAT(error["hint"].get<std::string>(), HasSubstr("checkpoint"));
  EXPECT_FALSE(fs::exists(at("out.onnx")));
}

TEST_F(TrainCli, WhatCannotBeIsSaid) {
  const auto fails = [&](std::vector<std::string> more, int code, const std::string& text) {
    std::vector<std::string> list{"train", "model.onnx", "--data", "train.npz", "-o", "x.onnx"};
    list.insert(list.end(), more.begin(), more.end());
    const Finished finished = octet(list);
    EXPECT_EQ(finished.code, code) << finished.errors;
    EXPECT_THAT(finished.errors, HasSubstr(text));
    EXPECT_FALSE(fs::exists(at("x.onnx")));
  };
  fails({"--resume"}, 2, "--checkpoint");
  fails({"--freeze", "*"}, 3, "train");
  fails({"--loss", "mse"}, 2, "octet.target");
  fails({"--output-name", "nothing"}, 2, "nothing");
  fails({"--teacher", "model.onnx"}, 2, "--distill");
  folder.write("wrong.toml", "epoch = 3\n");
  fails({"--config", "wrong.toml"}, 2, "epoch");
  EXPECT_EQ(octet({"train"}).code, 2);
  EXPECT_EQ(octet({"train", "model.onnx", "--data", "train.npz", "-o", "model.onnx"}).code, 2);
}

TEST_F(TrainCli, FrozenParametersStay) {
  ASSERT_EQ(
      octet({"train", "model.onnx", "--data", "train.npz", "-o", "out.onnx", "--epochs", "1", "--freeze", "conv*"})
          .code,
      0);
  const Graph before = load_onnx(at("model.onnx")), after = load_onnx(at("out.onnx"));
  const auto same = [&](const char* name) {
    const Tensor &a = *before.initializer(before.find(name)), &b = *after.initializer(after.find(name));
    return std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
  };
  EXPECT_TRUE(same("conv.weight"));
  EXPECT_FALSE(same("fc.weight"));
  EXPECT_FALSE(same("norm.running_mean"));
}

TEST_F(TrainCli, DistillsWithoutLabels) {
  NamedTensors unlabelled = pictures(100, 4);
  unlabelled.pop_back();
  save_npz(at("unlabelled.npz"), unlabelled);
  const json done = octet_json(
      {"train", "model.onnx", "--data", "unlabelled.npz", "-o", "out.onnx", "--epochs", "1", "--distill", "1"});
  EXPECT_LT(done["train_loss"].get<double>(), 0.5);
}

}  // namespace
}  // namespace octet
