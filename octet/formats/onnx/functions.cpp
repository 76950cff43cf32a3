#include "octet/formats/onnx/functions.h"

#include "octet/base/error.h"

namespace octet::formats {
namespace {

constexpr int kMaxDepth = 100;

std::string key(const std::string& domain, const std::string& name, const std::string& overload) {
  return (domain == "ai.onnx" ? "" : domain) + '\0' + name + '\0' + overload;
}

void check_recursion(const ::onnx::FunctionProto& function, const ::onnx::NodeProto& call, const Frame& caller) {
  std::string chain = function_name(function);
  for (const Frame* f = &caller; f->function != nullptr; f = f->caller) {
    if (f->depth + 10 > caller.depth) chain.insert(0, function_name(*f->function) + " -> ");
    if (f->function != &function) continue;
    throw Error(ErrorKind::bad_input, "a function calls itself").node(call.name()).value(chain);
  }
  if (caller.depth >= kMaxDepth) {
    throw Error(ErrorKind::bad_input, "functions call each other more than 100 deep").node(call.name()).value(chain);
  }
}

}  // namespace

FunctionTable::FunctionTable(const ::onnx::ModelProto& model) {
  for (const auto& function : model.functions()) {
    if (!functions_.emplace(key(function.domain(), function.name(), function.overload()), &function).second) {
      throw Error(ErrorKind::bad_input, "two functions have the same name").value(function_name(function));
    }
  }
}

const ::onnx::FunctionProto* FunctionTable::find(const ::onnx::NodeProto& call) const {
  if (functions_.empty()) return nullptr;
  const auto it = functions_.find(key(call.domain(), call.op_type(), call.overload()));
  return it == functions_.end() ? nullptr : it->second;
}

std::string function_name(const ::onnx::FunctionProto& function) {
  const std::string domain = function.domain().empty() ? "" : function.domain() + ".";
  return domain + function.name() + (function.overload().empty() ? "" : ":" + function.overload());
}

std::string TakenNames::take(const std::string& wanted) {
  const auto [first, fresh] = taken_.try_emplace(wanted, 1);
  if (fresh) return wanted;
  std::string name;
  do {
    name = wanted + "_" + std::to_string(taken_[wanted]++);
  } while (!taken_.try_emplace(name, 1).second);
  return name;
}

void TakenNames::collect(const ::onnx::GraphProto& graph) {
  for (const auto& value : graph.input()) taken_.emplace(value.name(), 1);
  for (const auto& tensor : graph.initializer()) taken_.emplace(tensor.name(), 1);
  for (const auto& node : graph.node()) {
    for (const auto& name : node.input()) taken_.emplace(name, 1);
    for (const auto& name : node.output()) taken_.emplace(name, 1);
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) collect(attribute.g());
    }
  }
}

std::string resolve_name(Frame& frame, const std::string& name, TakenNames& taken) {
  if (frame.function == nullptr || name.empty()) return name;
  const auto [it, fresh] = frame.names.try_emplace(name);
  if (fresh) it->second = taken.take(frame.prefix + name);
  return it->second;
}

const ::onnx::AttributeProto* resolve_attribute(const ::onnx::AttributeProto& attribute, const Frame*& origin) {
  if (attribute.ref_attr_name().empty()) return &attribute;
  if (origin->function == nullptr) {
    throw Error(ErrorKind::bad_input,
                "attribute '" + attribute.name() + "' refers to an attribute of a function, outside of any");
  }
  const auto it = origin->attributes.find(attribute.ref_attr_name());
  if (it == origin->attributes.end()) return nullptr;
  origin = it->second.second;
  return it->second.first;
}

std::unique_ptr<Frame> enter_function(const ::onnx::FunctionProto& function, const ::onnx::NodeProto& call,
                                      Frame& caller, TakenNames& taken) {
  check_recursion(function, call, caller);
  if (call.input_size() > function.input_size() || call.output_size() > function.output_size()) {
    throw Error(ErrorKind::bad_input, "a call has more inputs or outputs than its function " + function_name(function))
        .node(call.name())
        .value(std::to_string(call.input_size()) + " inputs, " + std::to_string(call.output_size()) + " outputs")
        .expected("at most " + std::to_string(function.input_size()) + " and " +
                  std::to_string(function.output_size()));
  }
  const std::string& name = call.name().empty() ? function.name() : call.name();
  auto frame = std::make_unique<Frame>(Frame{&function, &caller, caller.depth + 1, caller.prefix + name + "/"});
  for (int i = 0; i < function.input_size(); ++i) {
    // An input left out stays left out inside.
    frame->names[function.input(i)] = i < call.input_size() ? resolve_name(caller, call.input(i), taken) : "";
  }
  for (int i = 0; i < call.output_size(); ++i) {
    if (!call.output(i).empty())
      frame->names.try_emplace(function.output(i), resolve_name(caller, call.output(i), taken));
  }
  for (const auto& attribute : function.attribute_proto())
    frame->attributes[attribute.name()] = {&attribute, frame.get()};
  for (const auto& attribute : call.attribute()) {
    const Frame* origin = &caller;
    const ::onnx::AttributeProto* meant = resolve_attribute(attribute, origin);
    if (meant != nullptr) frame->attributes[attribute.name()] = {meant, origin};
  }
  return frame;
}

}  // namespace octet::formats
