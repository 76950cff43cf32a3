// What the two forms of Attention share: where the matrices of their operands lie, and how rows are shared out.
#pragma once

#include <functional>

#include "octet/runtime/ops/linear.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

/// Matrices of an operand: rows and columns, their steps, and the steps of the leading axes (0: repeated).
struct AttentionOperand {
  std::int64_t rows = 0, columns = 0, row_step = 0, column_step = 0;
  std::vector<std::int64_t> lead_steps;
};

class AttentionLayout {
 public:
  explicit AttentionLayout(const PrepareContext& ctx);

  /// Element at which matrix `index` of an operand begins.
  std::int64_t offset(const AttentionOperand& operand, std::int64_t index) const;
  std::int64_t matrices() const { return lead.elements(); }
  /// Rows that share packed keys and values, a multiple of `block`: enough parts for all threads.
  std::int64_t part_rows(std::int64_t block, std::int64_t most, int threads) const;

  Shape lead, output;
  AttentionOperand q, k, v, y;  ///< k [D, S]
  AttentionOperand mask;        ///< row_step 0: the same for every row; without steps: none
};

/// The form of attribute products "s8" (kernels/attention_s8); null where a head is too large for it.
std::unique_ptr<PreparedStep> prepare_attention_s8(const PrepareContext& ctx);

}  // namespace octet::runtime
