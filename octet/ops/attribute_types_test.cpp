#include "octet/ops/attribute_types.h"

#include <gtest/gtest.h>

#include "octet/ops/op.h"

namespace octet::ops {
namespace {

TEST(AttributeTypes, EveryAttributeOfEveryOperatorHasOne) {
  for (const OpDef& op : all()) {
    if (!op.domain.empty()) continue;
    for (const std::string& name : op.attributes) {
      EXPECT_TRUE(attribute_type(op.name, name).has_value())
          << op.name << "." << name << ": add it to attribute_types.cpp";
    }
  }
}

TEST(AttributeTypes, SamplesAgree) {
  Random random(1);
  for (const OpDef& op : all()) {
    if (!op.domain.empty() || !op.samples) continue;
    for (const Sample& sample : op.samples(random)) {
      for (const auto& [name, value] : sample.attributes) {
        const auto type = attribute_type(op.name, name);
        ASSERT_TRUE(type.has_value()) << op.name << "." << name;
        EXPECT_EQ(static_cast<std::size_t>(*type), value.index())
            << op.name << "." << name << " is " << to_string(*type);
      }
    }
  }
}

}  // namespace
}  // namespace octet::ops
