// What the sweep cannot see: shapes kept through exporters' idioms, and what hostile values get.
#include "octet/ops/movement.h"

#include <gtest/gtest.h>

#include "octet/ops/samples.h"

namespace octet::ops {
namespace {

Attributes attribute(const char* name, AttributeValue value) {
  Attributes out;
  out.set(name, std::move(value));
  return out;
}

// Builds graphs whose inputs have symbolic dimensions, and shows the shape inferred for a value.
class Shapes : public ::testing::Test {
 protected:
  Shapes() { graph.opsets[""] = 17; }

  ValueId input(SymbolicShape shape, DType dtype = DType::f32) { return graph.add_input({}, dtype, std::move(shape)); }
  ValueId ints(std::initializer_list<std::int64_t> values) { return graph.add_initializer({}, int64_tensor(values)); }
  ValueId number(std::int64_t value) { return graph.add_initializer({}, Tensor::scalar(value)); }
  ValueId node(const char* op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph.add_node(op, std::move(inputs), std::move(attributes));
  }
  std::string inferred(ValueId id) {
    graph.outputs = {id};
    infer_shapes(graph);
    const auto& shape = graph.value(id).type.shape;
    return shape ? to_string(*shape) : "unknown rank";
  }

  Graph graph;
};

// x.view(x.size(0), -1) as torch writes it.
TEST_F(Shapes, ViewKeepsTheBatch) {
  const ValueId x = input({Dim("N"), 3, 4, 5});
  const ValueId batch = node("Gather", {node("Shape", {x}), number(0)}, attribute("axis", std::int64_t{0}));
  const ValueId shape =
      node("Concat", {node("Unsqueeze", {batch, ints({0})}), ints({-1})}, attribute("axis", std::int64_t{0}));
  EXPECT_EQ(inferred(node("Reshape", {x, shape})), "Nx60");
}

// Attention heads: [N, T, 64] -> [N, T, 4, 16] -> [N, 4, T, 16] -> back, sizes sliced out of Shape.
TEST_F(Shapes, AttentionHeadsKeepBatchAndLength) {
  const ValueId x = input({Dim("N"), Dim("T"), 64});
  const ValueId sizes = node("Shape", {x});
  const ValueId two = node("Slice", {sizes, ints({0}), ints({2}), ints({0})});
  const ValueId split = node("Reshape", {x, node("Concat", {two, ints({4, 16})}, attribute("axis", std::int64_t{0}))});
  const ValueId heads = node("Transpose", {split}, attribute("perm", std::vector<std::int64_t>{0, 2, 1, 3}));
  const ValueId back = node("Transpose", {heads}, attribute("perm", std::vector<std::int64_t>{0, 2, 1, 3}));
  const ValueId joined = node("Reshape", {back, node("Concat", {two, ints({-1})}, attribute("axis", std::int64_t{0}))});
  EXPECT_EQ(inferred(heads), "Nx4xTx16");
  EXPECT_EQ(inferred(joined), "NxTx64");
}

TEST_F(Shapes, ReshapeFindsTheOpenDimension) {
  EXPECT_EQ(inferred(node("Reshape", {input({Dim("N"), 8, Dim("T")}), ints({0, 0, -1})})), "Nx8xT");
  EXPECT_EQ(inferred(node("Reshape", {input({Dim("N"), 8, 6}), ints({0, -1, 4})})), "Nx12x4");
  EXPECT_EQ(inferred(node("Reshape", {input({Dim(), 8, 6}), ints({0, -1})})), "?x48");
  EXPECT_EQ(inferred(node("Reshape", {input({Dim("N"), 1, 6}), ints({-1, 6})})), "Nx6");
  EXPECT_EQ(inferred(node("Reshape", {input({Dim("N"), Dim("T"), 6}), ints({-1, 6})})), "?x6");
  EXPECT_EQ(inferred(node("Reshape", {input({Dim("N"), 8, 6}), ints({-1, 4})})), "?x4");
}

TEST_F(Shapes, MasksAndPositionsKeepTheLength) {
  const ValueId x = input({Dim("N"), Dim("T")});
  const ValueId length = node("Gather", {node("Shape", {x}), number(1)});
  EXPECT_EQ(inferred(node("Range", {number(0), length, number(1)})), "T");
  EXPECT_EQ(inferred(node("ConstantOfShape", {node("Shape", {x})})), "NxT");
  const ValueId one = input({1, Dim("T")});
  EXPECT_EQ(inferred(node("Expand", {one, node("Shape", {x})})), "NxT");
  const ValueId table = input({1, 512});
  const ValueId end = node("Unsqueeze", {length, ints({0})});
  EXPECT_EQ(inferred(node("Slice", {table, ints({0}), end, ints({1})})), "1x?");
  EXPECT_EQ(inferred(node("Slice", {x, ints({0}), end, ints({1})})), "NxT");
}

TEST_F(Shapes, ResizeToTheSizeOfAnotherTensor) {
  const ValueId x = input({Dim("N"), 8, 7, 7}), other = input({Dim("N"), 4, Dim("H"), Dim("W")});
  const ValueId space = node("Slice", {node("Shape", {other}), ints({2}), ints({4}), ints({0})});
  const ValueId own = node("Slice", {node("Shape", {x}), ints({0}), ints({2}), ints({0})});
  const ValueId sizes = node("Concat", {own, space}, attribute("axis", std::int64_t{0}));
  EXPECT_EQ(inferred(node("Resize", {x, kNoValue, kNoValue, sizes})), "Nx8xHxW");
}

TEST_F(Shapes, ContradictionsAreFoundBeforehand) {
  EXPECT_THROW(inferred(node("Reshape", {input({2, 3}), ints({4, 2})})), Error);
  EXPECT_THROW(inferred(node("Concat", {input({2, 3}), input({2, 4})}, attribute("axis", std::int64_t{0}))), Error);
}

// One operator on tensors; the error it must throw.
Error failure(const char* op, const std::vector<Tensor>& inputs, Attributes attributes = {}, int opset = 17) {
  Node node;
  node.op_type = op;
  node.name = "the_node";
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < inputs.size(); ++i) node.inputs.push_back(static_cast<ValueId>(i));
  node.outputs = {static_cast<ValueId>(inputs.size())};
  ThreadPool threads(2);
  try {
    evaluate(*find(op, "", opset), node, opset, inputs, threads);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << op << " did not fail";
  return Error(ErrorKind::internal, "no failure");
}

TEST(HostileIndices, NameNodeIndexAndRange) {
  const Tensor x = iota_tensor(DType::f32, {3, 2});
  const struct {
    const char* op;
    Tensor indices;
  } cases[] = {{"Gather", int64_tensor({0, 3})},
               {"GatherElements", Tensor::from<std::int64_t>({1, 1}, {3})},
               {"GatherND", Tensor::from<std::int64_t>({1, 1}, {3})}};
  for (const auto& [op, indices] : cases) {
    const Error error = failure(op, {x, indices});
    EXPECT_EQ(error.info().kind, ErrorKind::bad_input) << op;
    EXPECT_EQ(error.info().node, "the_node") << op;
    EXPECT_EQ(error.info().value, "3") << op;
    EXPECT_EQ(error.info().expected, "between -3 and 2") << op;
  }
  const Tensor update = Tensor::from<float>({1, 1}, {1});
  EXPECT_EQ(failure("ScatterElements", {x, Tensor::from<std::int64_t>({1, 1}, {-4}), update}).info().value, "-4");
  EXPECT_EQ(
      failure("ScatterND", {x, Tensor::from<std::int64_t>({1, 2}, {0, 2}), Tensor::from<float>({1}, {1})}).info().value,
      "2");
  EXPECT_EQ(failure("Gather", {Tensor(DType::f32, {0, 2}), int64_tensor({0})}).info().kind, ErrorKind::bad_input);
}

TEST(HostileSizes, AreRefusedWithoutTryingThem) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 60;
  const Tensor one = Tensor::from<float>({1}, {1});
  EXPECT_EQ(failure("ConstantOfShape", {int64_tensor({kHuge / 16})}).info().kind, ErrorKind::limit);
  EXPECT_EQ(failure("Expand", {one, int64_tensor({kHuge / 16})}).info().kind, ErrorKind::limit);
  EXPECT_EQ(failure("Tile", {one, int64_tensor({kHuge / 16})}).info().kind, ErrorKind::limit);
  EXPECT_EQ(
      failure("Range", {Tensor::scalar<std::int64_t>(0), Tensor::scalar(kHuge / 16), Tensor::scalar<std::int64_t>(1)})
          .info()
          .kind,
      ErrorKind::limit);
  EXPECT_EQ(failure("Expand", {one, int64_tensor({kHuge, kHuge})}).info().kind, ErrorKind::bad_input);
  EXPECT_EQ(failure("ConstantOfShape", {int64_tensor({-1})}).info().kind, ErrorKind::bad_input);
  EXPECT_EQ(failure("Pad", {one, int64_tensor({INT64_MAX, INT64_MAX})}).info().kind, ErrorKind::bad_input);
  EXPECT_EQ(failure("Pad", {one, int64_tensor({kHuge / 16, 0})}).info().kind, ErrorKind::limit);
}

TEST(HostileAttributes, AreRefused) {
  const Tensor x = iota_tensor(DType::f32, {1, 4, 2, 2});
  EXPECT_EQ(failure("Transpose", {x}, attribute("perm", std::vector<std::int64_t>{0, 1, 1, 2})).info().kind,
            ErrorKind::bad_input);
  EXPECT_EQ(failure("DepthToSpace", {x}, attribute("blocksize", std::int64_t{0})).info().kind, ErrorKind::bad_input);
  EXPECT_EQ(failure("Resize", {x, Tensor(), Tensor::from<float>({4}, {1, 1, -1, 2})}).info().kind,
            ErrorKind::bad_input);
  EXPECT_EQ(
      failure("Slice", {x, int64_tensor({0}), int64_tensor({1}), int64_tensor({0}), int64_tensor({0})}).info().kind,
      ErrorKind::bad_input);
  EXPECT_EQ(failure("Reshape", {x, int64_tensor({-1, -1})}).info().kind, ErrorKind::bad_input);
  EXPECT_EQ(failure("Split", {x}, attribute("axis", std::int64_t{9})).info().kind, ErrorKind::bad_input);
  const Tensor nan = Tensor::scalar(std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(failure("RoiAlign", {x, nan.reshaped({1, 1}).reshaped({1}), int64_tensor({0})}).info().kind,
            ErrorKind::bad_input);
}

// Views share memory with what they view.
TEST(Views, ReshapeCopiesNothing) {
  const Tensor x = iota_tensor(DType::f32, {2, 3});
  Node node;
  node.op_type = "Reshape";
  node.inputs = {0, 1};
  node.outputs = {2};
  ThreadPool threads(1);
  const std::vector<Tensor> y = evaluate(*find("Reshape", "", 17), node, 17, {x, int64_tensor({3, 2})}, threads);
  EXPECT_EQ(y[0].identity(), x.identity());
}

}  // namespace
}  // namespace octet::ops
