// Octet in one header: load a network or build one, train it, quantize it, run it, save it.
//
//   auto model = octet::load_onnx("resnet.onnx");
//   auto result = octet::quantize(model, octet::Static{.calibration = images});
//   octet::save_onnx(result.model, "resnet.int8.onnx");
//   octet::Session session(result.model, {.threads = 2});
//   auto outputs = session.run({{"input", x}});
//
//   octet::train::Trainer trainer(octet::make_trainable(model), octet::train::Adam{.lr = 1e-3}, {.epochs = 3});
//   trainer.fit(octet::train::Samples(octet::open_dataset("train.npz", model, "resnet.onnx", {})));
//   octet::save_onnx(trainer.trained(), "trained.onnx");
#pragma once

#include "octet/autograd/autograd.h"
#include "octet/formats/data/dataset.h"
#include "octet/formats/npz/npz.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/graph/graph.h"
#include "octet/nn/nn.h"
#include "octet/quant/qat/qat.h"
#include "octet/quant/quantize.h"
#include "octet/quant/weights.h"
#include "octet/rewrite/rewrite.h"
#include "octet/runtime/session.h"
#include "octet/train/eight_bit.h"
#include "octet/train/lora.h"
#include "octet/train/trainer.h"

namespace octet {

using formats::load_npz;
using formats::load_onnx;
using formats::open_dataset;
using formats::save_npz;
using formats::save_onnx;

}  // namespace octet
