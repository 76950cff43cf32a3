#include "octet/formats/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "octet/base/testing.h"
#include "octet/formats/npz/npz.h"

namespace octet::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

Graph network(SymbolicShape shape, DType dtype = DType::f32, const std::string& name = "x") {
  Graph graph;
  graph.opsets[""] = 13;
  graph.outputs.push_back(graph.add_node("Relu", {graph.add_input(name, dtype, std::move(shape))}));
  return graph;
}

Tensor counting(const Shape& shape) {
  Tensor out(DType::f32, shape);
  std::iota(out.data<float>(), out.data<float>() + out.elements(), 0.0f);
  return out;
}

Tensor labels(std::int64_t count) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  return Tensor::from<std::int64_t>({count}, std::span<const std::int64_t>(out));
}

// All samples, as the first number of each and its label.
std::vector<double> firsts(Dataset& data, std::int64_t batch, std::vector<std::int64_t>* found_labels = nullptr) {
  std::vector<double> out;
  for (std::int64_t at = 0; at < data.size();) {
    const Feed feed = data.read(at, batch);
    EXPECT_GT(feed.next, at);
    at = feed.next;
    if (feed.samples == 0) continue;
    const Tensor& x = feed.inputs.front().second;
    const std::vector<double> values = x.to_double();
    for (std::int64_t i = 0; i < feed.samples; ++i)
      out.push_back(values[static_cast<std::size_t>(i * x.elements() / feed.samples)]);
    if (found_labels != nullptr) {
      for (const std::int64_t label : feed.target.to_int64()) found_labels->push_back(label);
    }
  }
  return out;
}

ErrorInfo failure(const std::string& path, const Graph& graph, const DatasetOptions& options = {},
                  const std::string& model = {}) {
  try {
    const auto data = open_dataset(path, graph, model, options);
    for (std::int64_t at = 0; at < data->size();) at = data->read(at, 4).next;
  } catch (const Error& error) {
    return error.info();
  }
  ADD_FAILURE() << path << " was read";
  return {};
}

TEST(NpzDataset, GivesBatchesWithLabels) {
  const octet::testing::TemporaryDirectory folder;
  const std::string path = folder.file("d.npz");
  save_npz(path, {{"x", counting({5, 3})}, {"labels", labels(5)}, {"other", labels(2)}});
  const auto data = open_dataset(path, network({Dim("N"), 3}), "", {});
  EXPECT_EQ(data->size(), 5);
  std::vector<std::int64_t> found;
  EXPECT_THAT(firsts(*data, 2, &found), ElementsAre(0, 3, 6, 9, 12));
  EXPECT_THAT(found, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(data->read(0, 4).inputs[0].second.shape(), (Shape{4, 3}));
  EXPECT_THAT(data->warnings(), ElementsAre(HasSubstr("'other'")));
}

TEST(NpzDataset, TakesOffsetSamplesAndSeed) {
  const octet::testing::TemporaryDirectory folder;
  const std::string path = folder.file("d.npz");
  save_npz(path, {{"x", counting({6, 1})}});
  const Graph graph = network({Dim("N"), 1});
  EXPECT_THAT(firsts(*open_dataset(path, graph, "", {.samples = 2, .offset = 3}), 8), ElementsAre(3, 4));
  EXPECT_THAT(firsts(*open_dataset(path, graph, "", {.samples = 9, .offset = 4}), 1), ElementsAre(4, 5));
  const std::vector<double> shuffled = firsts(*open_dataset(path, graph, "", {.seed = 7}), 4);
  EXPECT_THAT(shuffled, ::testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_NE(shuffled, (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(firsts(*open_dataset(path, graph, "", {.seed = 7}), 1), shuffled);
  EXPECT_EQ(failure(path, graph, {.offset = 6}).kind, ErrorKind::bad_input);
}

TEST(NpzDataset, FeedsAFixedBatchOneByOne) {
  const octet::testing::TemporaryDirectory folder;
  const std::string path = folder.file("d.npz");
  save_npz(path, {{"x", counting({3, 2})}});
  const auto one = open_dataset(path, network({1, 2}), "", {});
  EXPECT_EQ(one->read(0, 16).inputs[0].second.shape(), (Shape{1, 2}));
  EXPECT_THAT(firsts(*one, 16), ElementsAre(0, 2, 4));
  const auto pairs = open_dataset(path, network({2, 2}), "", {});
  EXPECT_THAT(firsts(*pairs, 16), ElementsAre(0, 2));
  EXPECT_THAT(pairs->warnings(), ElementsAre(HasSubstr("the last 1 samples")));
}

TEST(NpzDataset, TakesWholeInputsAndSingleFeeds) {
  const octet::testing::TemporaryDirectory folder;
  Graph graph = network({1, 4});
  graph.add_input("state", DType::f32, {2, 1, 3});
  graph.add_input("rate", DType::i64, {});
  save_npz(
      folder.file("many.npz"),
      {{"x", counting({5, 1, 4})}, {"state", counting({5, 2, 1, 3})}, {"rate", Tensor::scalar<std::int64_t>(16000)}});
  const auto many = open_dataset(folder.file("many.npz"), graph, "", {});
  EXPECT_EQ(many->size(), 5);
  const Feed feed = many->read(2, 16);
  EXPECT_TRUE(feed.single);
  EXPECT_EQ(feed.samples, 1);
  EXPECT_EQ(feed.inputs[0].second.shape(), (Shape{1, 4}));
  EXPECT_EQ(feed.inputs[1].second.shape(), (Shape{2, 1, 3}));
  EXPECT_EQ(feed.inputs[1].second.data<float>()[0], 12);
  EXPECT_EQ(feed.inputs[2].second.rank(), 0);
  save_npz(
      folder.file("one.npz"),
      {{"x", counting({1, 4})}, {"state", counting({2, 1, 3})}, {"rate", Tensor::from<std::int64_t>({1}, {16000})}});
  const ErrorInfo rank = failure(folder.file("one.npz"), graph);  // a rate of rank 1 is not a scalar
  EXPECT_EQ(rank.kind, ErrorKind::bad_input);
  save_npz(folder.file("one.npz"),
           {{"x", counting({1, 4})}, {"state", counting({2, 1, 3})}, {"rate", Tensor::scalar<std::int64_t>(16000)}});
  EXPECT_EQ(open_dataset(folder.file("one.npz"), graph, "", {})->size(), 1);
}

TEST(NpzDataset, ConvertsTypesWithAWarningAndRefusesLosses) {
  const octet::testing::TemporaryDirectory folder;
  save_npz(folder.file("double.npz"), {{"x", counting({2, 3}).cast(DType::f64)}});
  const auto data = open_dataset(folder.file("double.npz"), network({Dim("N"), 3}), "", {});
  EXPECT_EQ(data->read(0, 2).inputs[0].second.dtype(), DType::f32);
  EXPECT_THAT(data->warnings(), ElementsAre(HasSubstr("float64")));
  save_npz(folder.file("float.npz"), {{"x", counting({2, 3})}});
  const ErrorInfo info = failure(folder.file("float.npz"), network({Dim("N"), 3}, DType::i64));
  EXPECT_EQ(info.kind, ErrorKind::bad_input);
  EXPECT_EQ(info.tensor, "x");
  save_npz(folder.file("int.npz"), {{"x", Tensor::from<std::int64_t>({1}, {std::int64_t{1} << 40})}});
  EXPECT_EQ(failure(folder.file("int.npz"), network({Dim("N")}, DType::i32)).kind, ErrorKind::bad_input);
}

TEST(NpzDataset, RefusesWhatDoesNotFit) {
  const octet::testing::TemporaryDirectory folder;
  const Graph graph = network({Dim("N"), 3});
  save_npz(folder.file("name.npz"), {{"y", counting({2, 3})}});
  EXPECT_EQ(failure(folder.file("name.npz"), graph).value, "y");
  save_npz(folder.file("shape.npz"), {{"x", counting({2, 4})}});
  EXPECT_EQ(failure(folder.file("shape.npz"), graph).value, "2x4");
  save_npz(folder.file("labels.npz"), {{"x", counting({2, 3})}, {"labels", labels(3)}});
  EXPECT_EQ(failure(folder.file("labels.npz"), graph).tensor, "labels");
  save_npz(folder.file("empty.npz"), {{"x", counting({0, 3})}});
  const ErrorInfo empty = failure(folder.file("empty.npz"), graph);
  EXPECT_EQ(empty.kind, ErrorKind::bad_input);
  EXPECT_THAT(empty.message, HasSubstr("no samples"));
  EXPECT_EQ(failure(folder.file("missing.npz"), graph).kind, ErrorKind::io);
  EXPECT_EQ(failure(folder.write("a.txt", "hello"), graph).kind, ErrorKind::bad_input);
}

TEST(NpzFolder, GivesOneFileAFeed) {
  const octet::testing::TemporaryDirectory folder;
  save_npz(folder.file("b.npz"), {{"x", counting({1, 5})}, {"targets", counting({1})}});
  save_npz(folder.file("a.npz"), {{"x", counting({1, 2})}});
  const auto data = open_dataset(folder.path().string(), network({Dim("N"), Dim("T")}), "", {});
  EXPECT_EQ(data->size(), 2);
  EXPECT_EQ(data->read(0, 16).inputs[0].second.shape(), (Shape{1, 2}));
  const Feed feed = data->read(1, 16);
  EXPECT_EQ(feed.inputs[0].second.shape(), (Shape{1, 5}));
  EXPECT_TRUE(feed.target.defined());
  EXPECT_EQ(failure(folder.path().string(), network({Dim("N"), 3})).kind, ErrorKind::bad_input);
}

class Pictures : public ::testing::Test {
 protected:
  Pictures() {
    for (const char* name : {"cat", "dog"}) fs::create_directory(folder.path() / name);
    corpus = octet::testing::source_dir("tests/corpus/images");
    folder.write("preprocess.json", R"({"resize": {"width": 4, "height": 2}})");
  }
  void copy(const std::string& from, const std::string& to) { fs::copy_file(corpus / from, folder.path() / to); }

  octet::testing::TemporaryDirectory folder;
  fs::path corpus;
  std::string model = folder.file("model.onnx");
  Graph graph = network({Dim("N"), 3, 2, 4});
};

TEST_F(Pictures, ClassesAreTheSortedFolders) {
  copy("rgb.png", "dog/b.png");
  copy("444.jpg", "dog/a.jpg");
  copy("420.jpg", "cat/z.jpg");
  const auto data = open_dataset(folder.path().string(), graph, model, {});
  const Feed feed = data->read(0, 16);
  EXPECT_EQ(feed.inputs[0].second.shape(), (Shape{3, 3, 2, 4}));
  EXPECT_THAT(feed.target.to_int64(), ElementsAre(0, 1, 1));
  EXPECT_THAT(feed.names, ElementsAre("z.jpg", "a.jpg", "b.png"));
  const auto first = open_dataset(folder.path().string(), graph, model, {.samples = 1});
  EXPECT_TRUE(first->warnings().empty());
}

TEST_F(Pictures, LabelsComeFromACsv) {
  fs::remove(folder.path() / "dog");
  fs::remove(folder.path() / "cat");
  copy("rgb.png", "b.png");
  copy("444.jpg", "a,1.jpg");
  const std::string csv = folder.write("l.csv", "label,file,more\r\n7,b.png,x\r\n3,\"a,1.jpg\",y\r\n");
  const auto data = open_dataset(folder.path().string(), graph, model, {.labels = csv});
  EXPECT_THAT(data->read(0, 16).target.to_int64(), ElementsAre(7, 3));
  const auto plain = open_dataset(folder.path().string(), graph, model, {});
  EXPECT_FALSE(plain->read(0, 16).target.defined());
  EXPECT_EQ(plain->size(), 2);
  EXPECT_EQ(
      failure(folder.path().string(), graph, {.labels = folder.write("bad.csv", "file,label\nb.png,cat\n")}, model)
          .kind,
      ErrorKind::bad_input);
  EXPECT_EQ(failure(folder.path().string(), graph, {.labels = folder.write("none.csv", "a,b\n")}, model).kind,
            ErrorKind::bad_input);
}

TEST_F(Pictures, DamagedOnesAreCountedAndLeftOut) {
  copy("rgb.png", "cat/a.png");
  copy("cmyk.jpg", "cat/c.jpg");
  copy("grey.jpg", "dog/d.jpg");
  const std::string text = octet::testing::read_file(corpus / "444.jpg");
  folder.write("cat/b.jpg", text.substr(0, text.size() / 2));
  folder.write("dog/huge.ppm", "P6 40000 40000 255\n");
  const auto data = open_dataset(folder.path().string(), graph, model, {});
  EXPECT_EQ(data->size(), 5);
  std::vector<std::int64_t> found;
  EXPECT_EQ(firsts(*data, 2, &found).size(), 3u);
  EXPECT_THAT(found, ElementsAre(0, 0, 1));
  EXPECT_EQ(firsts(*data, 2).size(), 3u);  // the count does not grow with a second pass
  EXPECT_THAT(data->warnings(),
              ElementsAre(HasSubstr("2 of 5 pictures could not be read"), HasSubstr("1 pictures are CMYK")));
}

TEST_F(Pictures, TooManyDamagedOnesAreAnError) {
  for (int i = 0; i < 12; ++i) folder.write("cat/" + std::to_string(i) + ".jpg", "no picture");
  copy("rgb.png", "dog/a.png");
  const ErrorInfo info = failure(folder.path().string(), graph, {}, model);
  EXPECT_EQ(info.kind, ErrorKind::bad_input);
  EXPECT_THAT(info.value, HasSubstr("11 of 13"));
}

TEST_F(Pictures, OtherSizesMakeFeedsOfTheirOwn) {
  copy("rgb.png", "cat/a.png");
  copy("rgb.png", "cat/b.png");
  fs::remove(folder.path() / "preprocess.json");
  const std::string plain = folder.write("p.json", "{}");
  const ErrorInfo info = failure(folder.path().string(), graph, {.preprocess = plain}, model);
  EXPECT_EQ(info.value, "2x3x23x37");
  EXPECT_EQ(
      open_dataset(folder.path().string(), network({Dim("N"), 3, Dim("H"), Dim("W")}), model, {.preprocess = plain})
          ->read(0, 9)
          .samples,
      2);
}

TEST_F(Pictures, NeedPreprocessingAndOneInput) {
  copy("rgb.png", "cat/a.png");
  Graph two = network({Dim("N"), 3, 2, 4});
  two.add_input("y", DType::f32, {1});
  EXPECT_EQ(failure(folder.path().string(), two, {}, model).kind, ErrorKind::usage);
  fs::remove(folder.path() / "preprocess.json");
  EXPECT_EQ(failure(folder.path().string(), graph, {}, model).kind, ErrorKind::usage);
  graph.info.set_metadata(kPreprocessMetadata, R"({"resize": {"width": 4, "height": 2}})");
  EXPECT_EQ(open_dataset(folder.path().string(), graph, model, {})->read(0, 1).samples, 1);
  folder.write("preprocess.json", R"({"resize": {"width": 4, "height": 2}, "scale": 2})");
  const auto data = open_dataset(folder.path().string(), graph, model, {});
  EXPECT_THAT(data->warnings(), ElementsAre(HasSubstr("preprocess.json is used")));
}

TEST_F(Pictures, AnEmptyFolderHoldsNoSamples) {
  const ErrorInfo info = failure(folder.path().string(), graph, {}, model);
  EXPECT_EQ(info.kind, ErrorKind::bad_input);
  EXPECT_THAT(info.message, HasSubstr("no samples"));
}

}  // namespace
}  // namespace octet::formats
