// The Python module mtml_ros._kernels: checks of arrays, and calls with Python's lock released.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "convolution.hpp"
#include "instruction_sets.hpp"
#include "map.hpp"
#include "mean_shift.hpp"
#include "thread_pool.hpp"

namespace py = pybind11;
using namespace mtml;

namespace {

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

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

const std::int64_t* checked_keys(const Keys& keys) {
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
  if ((columns > 1 && a.strides(1) != size) || a.strides(0) % size || a.strides(0) < 0)
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

template <class T>
const T* read_vector(const std::optional<Array<T>>& a, const char* name, std::int64_t size) {
  if (!a) return nullptr;
  if (a->ndim() != 1 || a->size() != size || !(a->flags() & py::array::c_style))
    refuse(std::string(name) + ": not of shape (" + std::to_string(size) + ",)");
  return a->data();
}

// Elements, channels in and out of weights (or their gradient), which must suit the map.
template <class T>
void check_weight(const Array<T>& w, const Map* map) {
  if (w.ndim() != 3 || !(w.flags() & py::array::c_style) || w.shape(0) != (map ? map->elements : 1))
    refuse("weight: not (elements of the map, channels, channels out)");
  if (w.shape(1) < 1 || w.shape(2) < 1) refuse("weight: no channels");
}

template <class T>
void bind_convolve(py::module_& m) {
  m.def(
      "convolve",
      [](const Array<T>& x, const Array<T>& weight, const Map* map, Array<T>& out,
         const std::optional<Array<T>>& scale, const std::optional<Array<T>>& shift,
         const std::optional<Array<T>>& residual, bool relu) {
        check_weight(weight, map);
        Convolution<T> job;
        if (map) job.map = map->pairs();
        job.channels = static_cast<int>(weight.shape(1));
        job.out_channels = static_cast<int>(weight.shape(2));
        if (!map && x.ndim() != 2) refuse("x: not of two dimensions");
        job.outputs = map ? map->outputs : x.shape(0);
        job.x = read_rows(x, "x", map ? map->inputs : job.outputs, job.channels);
        job.weight = weight.data();
        job.y = write_rows(out, "out", job.outputs, job.out_channels);
        job.scale = read_vector(scale, "scale", job.out_channels);
        job.shift = read_vector(shift, "shift", job.out_channels);
        if (residual)
          job.residual = read_rows(*residual, "residual", job.outputs, job.out_channels);
        job.relu = relu;
        py::gil_scoped_release free;
        convolve(job);
      },
      py::arg("x").noconvert(), py::arg("weight").noconvert(), py::arg("map").none(true),
      py::arg("out").noconvert(), py::arg("scale").noconvert() = py::none(),
      py::arg("shift").noconvert() = py::none(), py::arg("residual").noconvert() = py::none(),
      py::arg("relu") = false);
  m.def(
      "weight_gradient",
      [](const Array<T>& x, const Array<T>& grad, const Map* map, Array<T>& out) {
        check_weight(out, map);
        WeightGradient<T> job;
        if (map) job.map = map->pairs();
        job.channels = static_cast<int>(out.shape(1));
        job.out_channels = static_cast<int>(out.shape(2));
        if (!map && x.ndim() != 2) refuse("x: not of two dimensions");
        job.outputs = map ? map->outputs : x.shape(0);
        job.x = read_rows(x, "x", map ? map->inputs : job.outputs, job.channels);
        job.grad = read_rows(grad, "grad", job.outputs, job.out_channels);
        job.gradient = out.mutable_data();
        py::gil_scoped_release free;
        weight_gradient(job);
      },
      py::arg("x").noconvert(), py::arg("grad").noconvert(), py::arg("map").none(true),
      py::arg("out").noconvert());
}

py::tuple pairs_of(const Map& map) {
  std::vector<std::int64_t> element, output, input;
  for (std::int64_t tile = 0; tile < map.tiles(); ++tile)
    for (int k = 0; k < map.elements; ++k) {
      const auto run = tile * map.elements + k;
      for (auto p = map.starts[run]; p < map.starts[run + 1]; ++p) {
        element.push_back(k);
        output.push_back(tile * TILE + map.output[p]);
        input.push_back(map.input[p]);
      }
    }
  return py::make_tuple(to_numpy(std::move(element)), to_numpy(std::move(output)),
                        to_numpy(std::move(input)));
}

}  // namespace

PYBIND11_MODULE(_kernels, m) {
  m.doc() = "Compiled kernels; see _kernels.pyi";
  m.def("set_threads", &set_threads, py::arg("threads"));
  m.def("get_threads", &get_threads);
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (const auto& set : instruction_sets()) names.push_back(set.name);
    return names;
  });
  m.def(
      "use_instruction_set",
      [](const std::string& name) {
        for (const auto& set : instruction_sets())
          if (set.name == name) return use_instruction_set(set);
        refuse("this machine has no instruction set " + name);
      },
      py::arg("name"));
  py::class_<Map>(m, "Map")
      .def_readonly("elements", &Map::elements)
      .def_readonly("inputs", &Map::inputs)
      .def_readonly("outputs", &Map::outputs)
      .def_property_readonly("num_pairs", [](const Map& map) { return map.input.size(); })
      .def("pairs", &pairs_of);
  m.def(
      "neighbor_map",
      [](const Keys& keys, int dilation) {
        if (dilation < 1) refuse("dilation: below 1");
        const auto* const k = checked_keys(keys);
        const auto count = static_cast<std::int64_t>(keys.size());
        py::gil_scoped_release free;
        return neighbor_map(k, count, dilation);
      },
      py::arg("keys").noconvert(), py::arg("dilation") = 1);
  m.def(
      "halved",
      [](const Keys& keys) {
        const auto* const k = checked_keys(keys);
        const auto count = static_cast<std::int64_t>(keys.size());
        auto result = [&] {
          py::gil_scoped_release free;
          return halved(k, count);
        }();
        return py::make_tuple(to_numpy(std::move(result.keys)), std::move(result.down),
                              std::move(result.up));
      },
      py::arg("keys").noconvert());
  m.def(
      "mean_shift",
      [](const Array<float>& points, const std::vector<float>& bandwidths, std::int64_t sample,
         int seeds, int max_rounds, int max_steps, float tolerance, float basin, float fringe) {
        if (points.ndim() != 2 || points.shape(0) < 1 || points.shape(1) < 1 ||
            !(points.flags() & py::array::c_style))
          refuse("points: not (V, E) in a row, V and E at least 1");
        if (sample < 1 || seeds < 1 || max_rounds < 1 || max_steps < 1)
          refuse("sample, seeds, max_rounds, max_steps: must be at least 1");
        const auto* const data = points.data();
        const auto count = points.shape(0);
        const auto dimensions = static_cast<int>(points.shape(1));
        auto found = [&] {
          py::gil_scoped_release free;
          for (py::ssize_t i = 0; i < points.size(); ++i)
            if (!std::isfinite(data[i])) refuse("points: not all finite");
          return mean_shift(data, count, dimensions, bandwidths,
                            {sample, seeds, max_rounds, max_steps, tolerance, basin, fringe});
        }();
        py::list results;
        for (auto& one : found) {
          auto modes = to_numpy(std::move(one.modes));
          results.append(py::make_tuple(to_numpy(std::move(one.cluster)),
                                        modes.reshape({modes.size() / dimensions,
                                                       py::ssize_t(dimensions)})));
        }
        return results;
      },
      py::arg("points").noconvert(), py::arg("bandwidths"), py::kw_only(), py::arg("sample"),
      py::arg("seeds"), py::arg("max_rounds"), py::arg("max_steps"), py::arg("tolerance"),
      py::arg("basin"), py::arg("fringe"));
  bind_convolve<float>(m);
  bind_convolve<double>(m);
}
