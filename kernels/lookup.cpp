// Where keys stand among others, what they stand for, and whether they are what they were.
#include "lookup.hpp"

#include <algorithm>
#include <limits>

namespace mtml {
namespace {

constexpr std::int64_t DENSE_CELLS_AN_INDEX = 8;  // a bounding box with more is not laid out
constexpr std::int64_t ALWAYS_DENSE = 1 << 16;

// The halves of a product of 128 bits, one on the other: every bit of it depends on all of both.
std::uint64_t folded(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

void find(const std::int64_t* ascending, std::int64_t count, const std::int64_t* values,
          std::int64_t wanted, std::int64_t* place, bool* known) {
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < wanted; ++i) {
    const auto value = values[i];
    if (at > 0 && ascending[at - 1] >= value) {
      at = std::lower_bound(ascending, ascending + at, value) - ascending;
    } else {
      // in steps that double from where the last one stood, for the next is not far as a rule
      std::int64_t step = 1;
      while (step <= count - at && ascending[at + step - 1] < value) {
        at += step;
        step *= 2;
      }
      const auto end = std::min(count, at + step);
      at = std::lower_bound(ascending + at, ascending + end, value) - ascending;
    }
    place[i] = std::max<std::int64_t>(0, std::min(at, count - 1));
    known[i] = at < count && ascending[at] == value;
  }
}

void unpack(const std::int64_t* keys, std::int64_t count, int bits, std::int32_t* indices) {
  const std::int64_t mask = (std::int64_t{1} << bits) - 1, half = std::int64_t{1} << (bits - 1);
  for (std::int64_t i = 0; i < count; ++i)
    for (int axis = 0; axis < 3; ++axis)
      indices[3 * i + axis] =
          static_cast<std::int32_t>((keys[i] >> (2 - axis) * bits & mask) - half);
}

Cells cells(const std::int32_t* indices, std::int64_t count, int shift, int bits) {
  std::int64_t low[3], extent[3];
  for (int axis = 0; axis < 3; ++axis) {
    auto least = std::numeric_limits<std::int32_t>::max(), most = -least;
    for (std::int64_t i = 0; i < count; ++i) {
      least = std::min(least, indices[3 * i + axis]);
      most = std::max(most, indices[3 * i + axis]);
    }
    low[axis] = least >> shift;
    extent[axis] = count ? (most >> shift) - low[axis] + 1 : 0;
  }
  const auto half = std::int64_t{1} << (bits - 1);
  const auto key = [&](std::int64_t x, std::int64_t y, std::int64_t z) {
    return ((x + half) << 2 * bits) + ((y + half) << bits) + z + half;
  };
  Cells result;
  result.which.resize(count);
  const auto floor = extent[0] * extent[1], most = DENSE_CELLS_AN_INDEX * count + ALWAYS_DENSE;
  if (floor > most || floor * extent[2] > most) {
    for (std::int64_t i = 0; i < count; ++i)
      result.which[i] = key(indices[3 * i] >> shift, indices[3 * i + 1] >> shift,
                            indices[3 * i + 2] >> shift);
    result.keys = result.which;
    std::sort(result.keys.begin(), result.keys.end());
    result.keys.erase(std::unique(result.keys.begin(), result.keys.end()), result.keys.end());
    for (auto& cell : result.which)
      cell = std::lower_bound(result.keys.begin(), result.keys.end(), cell) - result.keys.begin();
    return result;
  }
  std::vector<std::int32_t> number(floor * extent[2]);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t cell = 0;
    for (int axis = 0; axis < 3; ++axis)
      cell = cell * extent[axis] + (indices[3 * i + axis] >> shift) - low[axis];
    result.which[i] = cell;
    number[cell] = 1;
  }
  std::int64_t cell = 0;
  for (std::int64_t x = 0; x < extent[0]; ++x)
    for (std::int64_t y = 0; y < extent[1]; ++y)
      for (std::int64_t z = 0; z < extent[2]; ++z, ++cell)
        if (number[cell]) {
          number[cell] = static_cast<std::int32_t>(result.keys.size());
          result.keys.push_back(key(x + low[0], y + low[1], z + low[2]));
        }
  for (auto& which : result.which) which = number[which];
  return result;
}

Groups grouped(const std::int64_t* group, std::int64_t size, std::int64_t count) {
  Groups result;
  result.starts.assign(count + 1, 0);
  for (std::int64_t i = 0; i < size; ++i)
    if (group[i] >= 0) ++result.starts[group[i] + 1];
  for (std::int64_t g = 0; g < count; ++g) result.starts[g + 1] += result.starts[g];
  result.rows.resize(result.starts[count]);
  auto next = result.starts;
  for (std::int64_t i = 0; i < size; ++i)
    if (group[i] >= 0) result.rows[next[group[i]]++] = i;
  return result;
}

std::array<std::uint64_t, 2> fingerprint(const std::int64_t* keys, const std::uint8_t* labels,
                                         const std::int64_t* rows, std::int64_t count) {
  // digits of pi and of e
  std::uint64_t a = 0x243f6a8885a308d3, b = 0xb7e151628aed2a6a;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto key = static_cast<std::uint64_t>(keys[rows[i]]);
    const std::uint64_t label = labels[rows[i]];
    a = folded(a ^ key, 0x13198a2e03707344 ^ label);
    b = folded(b ^ key, 0xbf7158809cf4f3c7 + label);
  }
  return {a, folded(b ^ static_cast<std::uint64_t>(count), 0xa4093822299f31d0)};
}

}  // namespace mtml
