#include "apps/octet/command.h"

namespace octet::app {

const std::vector<Command>& commands() {
  static const std::vector<Command> list = {
      {"quantize",
       "make a network smaller and faster in 8 bits",
       {"octet quantize model.onnx --calibrate images/ -o model.int8.onnx",
        "octet quantize model.onnx --dynamic -o model.int8.onnx",
        "octet quantize model.onnx --weights int8 -o model.int8.onnx",
        "octet quantize model.onnx --weights int4 --group 64 -o model.int4.onnx",
        "octet quantize model.onnx --calibrate data.npz --dry-run"},
       add_quantize},
      {"train",
       "fine-tune a network on data",
       {"octet train model.onnx --data train.npz --eval val.npz -o trained.onnx --lr 1e-3 --epochs 3 --batch 128",
        "octet train model.onnx --data train.npz -o tuned.onnx --optimizer sgd --lr 0.01 --checkpoint ck",
        "octet train --config train.toml --resume"},
       add_train},
      {"run", "run a network on the arrays of an .npz", {"octet run model.onnx --input x.npz --output y.npz"}, add_run},
      {"eval",
       "measure a network's accuracy, alone or against another",
       {"octet eval model.onnx --data data.npz --metric top1",
        "octet eval model.int8.onnx --data data.npz --against model.onnx"},
       add_eval},
      {"bench",
       "measure a network's latency and memory",
       {"octet bench model.onnx --threads 1", "octet bench model.int8.onnx --against model.onnx --profile"},
       add_bench},
      {"inspect",
       "show operators, shapes, sizes and how each layer is quantized",
       {"octet inspect model.onnx"},
       add_inspect},
      {"verify",
       "check the integer results against the fake-quantized float network",
       {"octet verify model.int8.onnx", "octet verify model.int8.onnx --data data.npz --samples 4"},
       add_verify},
      {"doctor", "show what this machine offers and which kernels are chosen, and why", {"octet doctor"}, add_doctor},
      {"demo", "quantize and run a network that comes with Octet, in all ways", {"octet demo"}, add_demo},
  };
  return list;
}

}  // namespace octet::app
