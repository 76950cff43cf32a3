// What `octet train` trains: the float network, one with fake quantization, weights in eight bits, adapters.
#pragma once

#include <string>
#include <vector>

#include "apps/octet/train_options.h"
#include "octet/train/trainer.h"

namespace octet::app {

/// The network as the options say, from its training form, and how to give it out; sets what the trainer needs for
/// that. `data` sets the first ranges of learned scales. Adds what there is to warn of.
Trainable apply_method(const TrainOptions& options, const Trainable& model, const train::Samples& data,
                       train::TrainerOptions& trainer, std::vector<std::string>& warnings);
/// "float32", "qat x86 w8a8", "weights in int8", "lora 8 on int8"
std::string method_name(const TrainOptions& options);

}  // namespace octet::app
