// Checks of arrays from Python, and arrays for Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "convolution.hpp"

namespace py = pybind11;

namespace mtml {

template <class T>
using Array = py::array_t<T>;
using Keys = Array<std::int64_t>;

template <class T>
py::array_t<T> to_numpy(std::vector<T>&& values) {
  auto held = std::make_unique<std::vector<T>>(std::move(values));
  auto* const data = held->data();
  const auto size = static_cast<py::ssize_t>(held->size());
  py::capsule owner(held.release(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return py::array_t<T>(size, data, owner);
}

[[noreturn]] inline void refuse(const std::string& what) { throw std::invalid_argument(what); }

inline const std::int64_t* checked_keys(const Keys& keys) {
  if (keys.ndim() != 1 || !(keys.flags() & py::array::c_style)) refuse("keys: not (V,) in a row");
  const auto* const k = keys.data();
  for (py::ssize_t i = 1; i < keys.size(); ++i)
    if (k[i - 1] >= k[i]) refuse("keys: not in ascending order, each once");
  return k;
}

// A matrix (rows, columns) whose rows are each without gaps.
template <class T>
void check_rows(const Array<T>& a, const char* name, std::int64_t rows, std::int64_t columns) {
  if (a.ndim() != 2 || a.shape(0) != rows || a.shape(1) != columns)
    refuse(std::string(name) + ": not of shape (" + std::to_string(rows) + ", " +
           std::to_string(columns) + ")");
  const auto size = static_cast<py::ssize_t>(sizeof(T));
  if (rows && ((columns > 1 && a.strides(1) != size) || a.strides(0) % size || a.strides(0) < 0))
    refuse(std::string(name) + ": its rows are not each without gaps");
}

template <class T>
Rows<const T> read_rows(const Array<T>& a, const char* name, std::int64_t rows, std::int64_t columns) {
  check_rows(a, name, rows, columns);
  return {a.data(), a.strides(0) / static_cast<py::ssize_t>(sizeof(T))};
}

template <class T>
Rows<T> write_rows(Array<T>& a, const char* name, std::int64_t rows, std::int64_t columns) {
  check_rows(a, name, rows, columns);
  return {a.mutable_data(), a.strides(0) / static_cast<py::ssize_t>(sizeof(T))};
}

// A matrix (rows, columns) without gaps at all.
template <class T>
const T* read_matrix(const Array<T>& a, const char* name, std::int64_t rows, std::int64_t columns) {
  if (a.ndim() != 2 || a.shape(0) != rows || a.shape(1) != columns ||
      !(a.flags() & py::array::c_style))
    refuse(std::string(name) + ": not of shape (" + std::to_string(rows) + ", " +
           std::to_string(columns) + ") without gaps");
  return a.data();
}

template <class T>
const T* read_vector(const Array<T>& a, const char* name, std::int64_t size) {
  if (a.ndim() != 1 || a.size() != size || !(a.flags() & py::array::c_style))
    refuse(std::string(name) + ": not of shape (" + std::to_string(size) + ",)");
  return a.data();
}

template <class T>
const T* read_vector(const std::optional<Array<T>>& a, const char* name, std::int64_t size) {
  return a ? read_vector(*a, name, size) : nullptr;
}

using Integers = Array<std::int64_t>;

inline const std::int64_t* read_integers(const Integers& a, const char* name, std::int64_t size) {
  if (a.ndim() != 1 || !(a.flags() & py::array::c_style) || (size >= 0 && a.size() != size))
    refuse(std::string(name) + ": not integers in a row, as many as wanted");
  return a.data();
}

}  // namespace mtml
