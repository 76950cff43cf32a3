#include "octet/quant/prepare.h"
namespace octet {
QuantizeResult quantize(const Graph&, const Dynamic&, const QuantizeOptions&) { throw Error(ErrorKind::unsupported, "later"); }
}
