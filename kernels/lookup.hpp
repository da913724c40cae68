// Where keys stand among others, what they stand for, and whether they are what they were.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace mtml {

// known[i]: whether values[i] is among `ascending`; place[i]: where, else any place that there is (0
// of none). Where the values ascend too, time follows the number of both.
void find(const std::int64_t* ascending, std::int64_t count, const std::int64_t* values,
          std::int64_t wanted, std::int64_t* place, bool* known);

// The indices (count, 3) that keys stand for, each in `bits` bits and half of their range below 0.
void unpack(const std::int64_t* keys, std::int64_t count, int bits, std::int32_t* indices);

// Cells of 2^shift indices a side: the keys, ascending, of those that indices (count, 3) lie in, and
// which of them each does.
struct Cells {
  std::vector<std::int64_t> keys, which;
};
Cells cells(const std::int32_t* indices, std::int64_t count, int shift, int bits);

// The rows of each group 0..count - 1, ascending, one group after another, and where each begins;
// those of group -1 are in none.
struct Groups {
  std::vector<std::int64_t> rows, starts;
};
Groups grouped(const std::int64_t* group, std::int64_t size, std::int64_t count);

// 128 bits that differ where keys and labels at these rows do, but for one chance in 2^64 or less.
std::array<std::uint64_t, 2> fingerprint(const std::int64_t* keys, const std::uint8_t* labels,
                                         const std::int64_t* rows, std::int64_t count);

}  // namespace mtml
