#include "octet/quant/qat/qconfig.h"

#include <nlohmann/json.hpp>

#include "octet/base/error.h"

namespace octet {
namespace {

using nlohmann::json;

FakeQuantConfig torch_activation(bool reduce_range) {
  return {.qmax = reduce_range ? 127 : 255, .averaging_constant = 0.01F, .expand = false, .fused = true};
}

FakeQuantConfig torch_weight(bool per_channel) {
  return {.qmin = -128,
          .qmax = 127,
          .symmetric = true,
          .per_channel = per_channel,
          .averaging_constant = 0.01F,
          .expand = false,
          .fused = true};
}

QConfig octet_config(const QConfigOptions& options) {
  const auto half = [](int bits) { return (std::int32_t{1} << (bits - 1)) - 1; };
  QConfig config;
  config.activation.qmax = (std::int32_t{1} << options.activation_bits) - 1;
  config.activation.power_of_two = config.weight.power_of_two = options.power_of_two;
  config.weight.qmin = -half(options.weight_bits);
  config.weight.qmax = half(options.weight_bits);
  config.weight.symmetric = config.weight.per_channel = true;
  config.weight.source = RangeSource::current;
  if (options.learned || options.activation_bits < 8) config.activation.source = RangeSource::learned;
  if (options.learned || options.weight_bits < 8) config.weight.source = RangeSource::learned;
  return config;
}

json to_json_value(const FakeQuantConfig& c) {
  return {{"qmin", c.qmin},
          {"qmax", c.qmax},
          {"symmetric", c.symmetric},
          {"per_channel", c.per_channel},
          {"source", static_cast<int>(c.source)},
          {"averaging_constant", c.averaging_constant},
          {"expand", c.expand},
          {"fused", c.fused},
          {"epsilon", c.epsilon},
          {"power_of_two", c.power_of_two}};
}

FakeQuantConfig role_from(const json& j) {
  FakeQuantConfig c;
  j.at("qmin").get_to(c.qmin);
  j.at("qmax").get_to(c.qmax);
  j.at("symmetric").get_to(c.symmetric);
  j.at("per_channel").get_to(c.per_channel);
  c.source = static_cast<RangeSource>(j.at("source").get<int>());
  j.at("averaging_constant").get_to(c.averaging_constant);
  j.at("expand").get_to(c.expand);
  j.at("fused").get_to(c.fused);
  j.at("epsilon").get_to(c.epsilon);
  j.at("power_of_two").get_to(c.power_of_two);
  return c;
}

}  // namespace

const std::vector<std::string>& qconfig_names() {
  static const std::vector<std::string> names = {"octet", "x86", "fbgemm", "onednn", "qnnpack"};
  return names;
}

QConfig qconfig(const std::string& name, const QConfigOptions& options) {
  for (const int bits : {options.weight_bits, options.activation_bits}) {
    if (bits < 2 || bits > 8) {
      throw Error(ErrorKind::usage, "fake quantization has 2 to 8 bits").value(std::to_string(bits));
    }
  }
  if (name == "octet") return octet_config(options);
  const bool x86 = name == "x86" || name == "fbgemm";
  if (!x86 && name != "onednn" && name != "qnnpack") {
    throw Error(ErrorKind::usage, "unknown preset of quantization-aware training")
        .value(name)
        .expected("octet, x86, fbgemm, onednn or qnnpack");
  }
  if (options.weight_bits != 8 || options.activation_bits != 8 || options.learned) {
    throw Error(ErrorKind::usage, "torch's presets have 8 bits and ranges that are observed")
        .value(name)
        .hint("the preset octet takes 2 to 8 bits and learned scales");
  }
  QConfig config;
  config.name = name;
  config.activation = torch_activation(x86);
  config.weight = torch_weight(name != "qnnpack");
  config.activation.power_of_two = config.weight.power_of_two = options.power_of_two;
  config.places = QConfig::Places::modules;
  return config;
}

std::string to_json(const QConfig& c) {
  const json out = {{"name", c.name},
                    {"activation", to_json_value(c.activation)},
                    {"weight", to_json_value(c.weight)},
                    {"modules", c.places == QConfig::Places::modules},
                    {"schedule", {c.schedule.observe_from, c.schedule.observe_until, c.schedule.quantize_from}},
                    {"exclude",
                     {{"first", c.exclude.first},
                      {"last", c.exclude.last},
                      {"nodes", c.exclude.nodes},
                      {"operators", c.exclude.operators}}}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

QConfig qconfig_from_json(const std::string& text) {
  try {
    const json j = json::parse(text);
    QConfig c;
    j.at("name").get_to(c.name);
    c.activation = role_from(j.at("activation"));
    c.weight = role_from(j.at("weight"));
    c.places = j.at("modules").get<bool>() ? QConfig::Places::modules : QConfig::Places::engine;
    const json& schedule = j.at("schedule");
    c.schedule = {schedule.at(0).get<std::int64_t>(), schedule.at(1).get<std::int64_t>(),
                  schedule.at(2).get<std::int64_t>()};
    const json& exclude = j.at("exclude");
    exclude.at("first").get_to(c.exclude.first);
    exclude.at("last").get_to(c.exclude.last);
    exclude.at("nodes").get_to(c.exclude.nodes);
    exclude.at("operators").get_to(c.exclude.operators);
    return c;
  } catch (const json::exception& e) {
    throw Error(ErrorKind::bad_input, std::string("the metadata of a prepared graph cannot be read: ") + e.what())
        .tensor("octet.qat");
  }
}

}  // namespace octet
