#include "octet/ops/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "octet/base/error.h"

namespace octet::ops {
namespace {

constexpr std::int64_t kGrainBytes = 1 << 16;  // less than this is not worth another thread
constexpr std::int64_t kTile = 32;  // edge of a transpose tile: two tiles of 8-byte items fit the first cache

}  // namespace

std::array<std::int64_t, Shape::kMaxRank> strides_of(const Shape& shape) {
  std::array<std::int64_t, Shape::kMaxRank> out{};
  std::int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    out[static_cast<std::size_t>(i)] = stride;
    stride *= std::max<std::int64_t>(shape[i], 1);
  }
  return out;
}

void StridedCopy::add(std::int64_t dim, std::int64_t from, std::int64_t to) {
  empty_ = empty_ || dim == 0;
  if (dim > 1) append({dim, from, to});
}

void StridedCopy::append(const Axis& axis) {
  if (rank_ > 0) {
    Axis& last = axes_[static_cast<std::size_t>(rank_ - 1)];
    if (last.from == axis.from * axis.dim && last.to == axis.to * axis.dim) {
      last = {last.dim * axis.dim, axis.from, axis.to};
      return;
    }
  }
  if (rank_ == kMaxAxes) throw Error(ErrorKind::internal, "a strided copy has too many axes");
  axes_[static_cast<std::size_t>(rank_++)] = axis;
}

// Steps through all indices of the first `rank` axes in order, keeping both offsets.
struct StridedCopy::Walker {
  const Axis* axes;
  int rank;
  std::array<std::int64_t, kMaxAxes> at{};
  std::int64_t from = 0, to = 0;

  Walker(const Axis* a, int r, std::int64_t position) : axes(a), rank(r) {
    for (int i = rank - 1; i >= 0; --i) {
      at[static_cast<std::size_t>(i)] = position % axes[i].dim;
      position /= axes[i].dim;
      from += at[static_cast<std::size_t>(i)] * axes[i].from;
      to += at[static_cast<std::size_t>(i)] * axes[i].to;
    }
  }
  void next() {
    for (int i = rank - 1; i >= 0; --i) {
      std::int64_t& index = at[static_cast<std::size_t>(i)];
      from += axes[i].from;
      to += axes[i].to;
      if (++index < axes[i].dim) return;
      from -= index * axes[i].from;
      to -= index * axes[i].to;
      index = 0;
    }
  }
};

// The loops for items of one size; a fixed size makes each memcpy a single move.
template <std::size_t kItem>
struct StridedCopy::Loops {
  static constexpr auto kBytes = static_cast<std::int64_t>(kItem);

  static void row(const Axis& axis, const std::byte* from, std::byte* to) {
    if (axis.from == 1 && axis.to == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(axis.dim) * kItem);
      return;
    }
    const std::int64_t step_from = axis.from * kBytes, step_to = axis.to * kBytes;
    for (std::int64_t i = 0; i < axis.dim; ++i) std::memcpy(to + i * step_to, from + i * step_from, kItem);
  }

  static void rows(ThreadPool& threads, const Axis* axes, int rank, const std::byte* from, std::byte* to) {
    const Axis& inner = axes[rank - 1];
    std::int64_t count = 1;
    for (int i = 0; i < rank - 1; ++i) count *= axes[i].dim;
    if (count == 1) {
      threads.parallel_for(inner.dim, kGrainBytes / kBytes, [&](std::int64_t begin, std::int64_t end) {
        row({end - begin, inner.from, inner.to}, from + begin * inner.from * kBytes, to + begin * inner.to * kBytes);
      });
      return;
    }
    const std::int64_t grain = std::max<std::int64_t>(1, kGrainBytes / kBytes / inner.dim);
    threads.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      Walker walker(axes, rank - 1, begin);
      for (std::int64_t i = begin; i < end; ++i, walker.next()) {
        row(inner, from + walker.from * kBytes, to + walker.to * kBytes);
      }
    });
  }

  // to[r * to_stride + c] = from[c * from_stride + r] for r in [0, rows), c in [0, columns): the tile keeps
  // both sides in the cache, where either plain order would miss on each element of one side.
  static void tile(std::int64_t rows, std::int64_t columns, std::int64_t from_stride, std::int64_t to_stride,
                   const std::byte* from, std::byte* to) {
    for (std::int64_t c0 = 0; c0 < columns; c0 += kTile) {
      const std::int64_t c1 = std::min(columns, c0 + kTile);
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::byte* source = from + r * kBytes;
        std::byte* target = to + r * to_stride * kBytes;
        for (std::int64_t c = c0; c < c1; ++c) {
          std::memcpy(target + c * kBytes, source + c * from_stride * kBytes, kItem);
        }
      }
    }
  }

  // The last two axes are (rows: contiguous in `from`, columns: contiguous in `to`).
  static void transpose(ThreadPool& threads, const Axis* axes, int rank, const std::byte* from, std::byte* to) {
    const Axis &row_axis = axes[rank - 2], &column_axis = axes[rank - 1];
    const std::int64_t tiles = (row_axis.dim + kTile - 1) / kTile;
    std::int64_t count = tiles;
    for (int i = 0; i < rank - 2; ++i) count *= axes[i].dim;
    const std::int64_t grain = std::max<std::int64_t>(1, kGrainBytes / kBytes / kTile / column_axis.dim);
    threads.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      Walker walker(axes, rank - 2, begin / tiles);
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % tiles * kTile;
        tile(std::min(kTile, row_axis.dim - first), column_axis.dim, column_axis.from, row_axis.to,
             from + (walker.from + first) * kBytes, to + (walker.to + first * row_axis.to) * kBytes);
        if (i % tiles == tiles - 1) walker.next();
      }
    });
  }

  static void run(ThreadPool& threads, const Axis* axes, int rank, const std::byte* from, std::byte* to) {
    const bool crossed = rank >= 2 && axes[rank - 1].to == 1 && axes[rank - 1].from != 1 && axes[rank - 2].from == 1;
    if (crossed && axes[rank - 1].from > 1) {
      transpose(threads, axes, rank, from, to);
    } else {
      rows(threads, axes, rank, from, to);
    }
  }
};

// Turns a short contiguous run into one wider item where all other strides allow it.
bool StridedCopy::widen(std::size_t& item) {
  const Axis& inner = axes_[static_cast<std::size_t>(rank_ - 1)];
  const std::size_t wide = item * static_cast<std::size_t>(inner.dim);
  if (inner.from != 1 || inner.to != 1 || inner.dim > 16 || (wide != 2 && wide != 4 && wide != 8 && wide != 16)) {
    return false;
  }
  for (int i = 0; i < rank_ - 1; ++i) {
    const Axis& axis = axes_[static_cast<std::size_t>(i)];
    if (axis.from % inner.dim != 0 || axis.to % inner.dim != 0) return false;
  }
  --rank_;
  for (int i = 0; i < rank_; ++i) {
    Axis& axis = axes_[static_cast<std::size_t>(i)];
    axis.from /= inner.dim;
    axis.to /= inner.dim;
  }
  item = wide;
  return true;
}

void StridedCopy::run(ThreadPool& threads, std::size_t item, const void* from, void* to) const {
  if (empty_) return;
  if (rank_ == 0) {
    std::memcpy(to, from, item);
    return;
  }
  // Any order of axes copies the same; writing forwards is best, and may merge more.
  std::array<Axis, kMaxAxes> sorted = axes_;
  std::sort(sorted.begin(), sorted.begin() + rank_, [](const Axis& a, const Axis& b) { return a.to > b.to; });
  StridedCopy plan;
  for (int i = 0; i < rank_; ++i) plan.append(sorted[static_cast<std::size_t>(i)]);
  if (plan.widen(item) && plan.rank_ == 0) {
    std::memcpy(to, from, item);
    return;
  }
  // For a transpose the axis that `from` walks contiguously goes beside the one that `to` does.
  for (int i = 0; i < plan.rank_ - 2; ++i) {
    if (plan.axes_[static_cast<std::size_t>(i)].from == 1) {
      std::rotate(plan.axes_.begin() + i, plan.axes_.begin() + i + 1, plan.axes_.begin() + plan.rank_ - 1);
      break;
    }
  }
  const auto* source = static_cast<const std::byte*>(from);
  auto* target = static_cast<std::byte*>(to);
  switch (item) {
    case 1:
      return Loops<1>::run(threads, plan.axes_.data(), plan.rank_, source, target);
    case 2:
      return Loops<2>::run(threads, plan.axes_.data(), plan.rank_, source, target);
    case 4:
      return Loops<4>::run(threads, plan.axes_.data(), plan.rank_, source, target);
    case 8:
      return Loops<8>::run(threads, plan.axes_.data(), plan.rank_, source, target);
    case 16:
      return Loops<16>::run(threads, plan.axes_.data(), plan.rank_, source, target);
    default:
      throw Error(ErrorKind::internal, "strided copy of an unknown item size");
  }
}

}  // namespace octet::ops
