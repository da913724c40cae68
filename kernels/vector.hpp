// Vectors of the instruction set that a file is compiled for. CMake compiles the files that include
// this once for each, with MTML_SET naming it and MTML_VECTOR_BYTES its vectors' width.
//
// Those files include nothing of the standard library that has code: the linker keeps one copy of
// an inline function, and one compiled for AVX-512 would end the process on a machine without.
#pragma once

namespace mtml {
namespace {

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(MTML_VECTOR_BYTES)));
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int LANES = MTML_VECTOR_BYTES / sizeof(T);

template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
inline void store(T* to, Vector<T> v) {
  __builtin_memcpy(to, &v, sizeof v);
}

}  // namespace
}  // namespace mtml
