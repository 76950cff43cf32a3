// Octet in one header: load a network, quantize it, run it, save it.
//
//   auto model = octet::load_onnx("resnet.onnx");
//   auto result = octet::quantize(model, octet::Static{.calibration = images});
//   octet::save_onnx(result.model, "resnet.int8.onnx");
//   octet::Session session(result.model, {.threads = 2});
//   auto outputs = session.run({{"input", x}});
#pragma once

#include "octet/formats/data/dataset.h"
#include "octet/formats/npz/npz.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/graph/graph.h"
#include "octet/quant/quantize.h"
#include "octet/rewrite/rewrite.h"
#include "octet/runtime/session.h"

namespace octet {

using formats::load_npz;
using formats::load_onnx;
using formats::open_dataset;
using formats::save_npz;
using formats::save_onnx;

}  // namespace octet
