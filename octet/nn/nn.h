// Everything of octet::nn.
#pragma once

#include "octet/nn/activations.h"
#include "octet/nn/attention.h"
#include "octet/nn/functional.h"
#include "octet/nn/init.h"
#include "octet/nn/layers.h"
#include "octet/nn/module.h"
#include "octet/nn/normalization.h"
#include "octet/nn/recurrent.h"
