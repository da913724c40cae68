// Rows as the inner loops want them (tiles.hpp: PADDING).
#pragma once

#include <cstdint>
#include <memory>

namespace mtml {

// Rows (count, width) with zeros after the first `channels` values.
template <class T>
std::unique_ptr<T[]> with_padding(const T* rows, std::int64_t stride, std::int64_t count,
                                  int channels, int width) {
  std::unique_ptr<T[]> result(new T[count * width]());
  for (std::int64_t i = 0; i < count; ++i)
    for (int c = 0; c < channels; ++c) result[i * width + c] = rows[i * stride + c];
  return result;
}

}  // namespace mtml
