// The functions that make the observers; table.cpp names each once.
#pragma once

#include "octet/quant/observer.h"

namespace octet::quant {

std::unique_ptr<ObserverState> make_min_max();
std::unique_ptr<ObserverState> make_moving_average();
std::unique_ptr<ObserverState> make_percentile();
std::unique_ptr<ObserverState> make_histogram();
std::unique_ptr<ObserverState> make_histogram_torch1();
std::unique_ptr<ObserverState> make_entropy();
std::unique_ptr<ObserverState> make_mse();

}  // namespace octet::quant
