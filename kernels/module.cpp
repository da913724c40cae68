// The Python module mtml_ros._kernels: threads, instruction sets, convolutions, dense layers. Calls
// release Python's lock.
#include "arrays.hpp"
#include "instruction_sets.hpp"
#include "map.hpp"
#include "perceptron.hpp"
#include "thread_pool.hpp"

namespace py = pybind11;
using namespace mtml;

namespace mtml {
void bind_grouping(py::module_& m);    // module_grouping.cpp
void bind_lookup(py::module_& m);      // module_lookup.cpp
void bind_masks(py::module_& m);       // module_masks.cpp
void bind_simulation(py::module_& m);  // module_simulation.cpp
void bind_training(py::module_& m);    // module_training.cpp
}

namespace {

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
        job.inputs = map ? map->inputs : job.outputs;
        job.x = read_rows(x, "x", job.inputs, job.channels);
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
        job.inputs = map ? map->inputs : job.outputs;
        job.x = read_rows(x, "x", job.inputs, job.channels);
        job.grad = read_rows(grad, "grad", job.outputs, job.out_channels);
        job.gradient = out.mutable_data();
        py::gil_scoped_release free;
        weight_gradient(job);
      },
      py::arg("x").noconvert(), py::arg("grad").noconvert(), py::arg("map").none(true),
      py::arg("out").noconvert());
}

void bind_perceptrons(py::module_& m) {
  m.def(
      "perceptrons",
      [](const Array<float>& x, const std::vector<Array<float>>& weights,
         const std::vector<Array<float>>& shifts) {
        if (x.ndim() != 2 || weights.empty() || weights.size() != shifts.size())
          refuse("x, weights, shifts: not rows, and as many shifts as weights");
        const auto members = weights[0].ndim() == 3 ? weights[0].shape(0) : 0;
        std::vector<DenseLayer> layers;
        auto inputs = x.shape(1);
        for (std::size_t l = 0; l < weights.size(); ++l) {
          const auto& w = weights[l];
          if (members < 1 || w.ndim() != 3 || w.shape(0) != members || w.shape(1) != inputs ||
              w.shape(2) < 1 || !(w.flags() & py::array::c_style))
            refuse("weights: not (members, inputs, outputs) of layer after layer");
          const auto* const shift = read_matrix(shifts[l], "shifts", members, w.shape(2));
          layers.push_back({int(inputs), int(w.shape(2)), w.data(), shift});
          inputs = w.shape(2);
        }
        const auto rows = read_rows(x, "x", x.shape(0), x.shape(1));
        const auto count = x.shape(0);
        auto found = [&] {
          py::gil_scoped_release free;
          return perceptrons(rows, count, layers, int(members));
        }();
        return to_numpy(std::move(found)).reshape({count, inputs});
      },
      py::arg("x").noconvert(), py::arg("weights").noconvert(), py::arg("shifts").noconvert());
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
  m.def("enter_work", &enter_work);
  m.def("leave_work", &leave_work);
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
      [](const Keys& keys) {
        const auto* const k = checked_keys(keys);
        const auto count = static_cast<std::int64_t>(keys.size());
        py::gil_scoped_release free;
        return neighbor_map(k, count);
      },
      py::arg("keys").noconvert());
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
  bind_grouping(m);
  bind_lookup(m);
  bind_masks(m);
  bind_simulation(m);
  bind_training(m);
  bind_convolve<float>(m);
  bind_convolve<double>(m);
  bind_perceptrons(m);
}
