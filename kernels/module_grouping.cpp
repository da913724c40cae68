// The Python module mtml_ros._kernels: mean-shift, neighbours and their components, boxes.
#include <cmath>

#include "arrays.hpp"
#include "boxes.hpp"
#include "components.hpp"
#include "growth.hpp"
#include "mean_shift.hpp"

namespace mtml {
namespace {

void bind_points(py::module_& m) {
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
}

py::array_t<std::int64_t> pairs_of(const Neighbors& neighbors) {
  std::vector<std::int64_t> flat;
  for (std::int64_t v = 0; v < neighbors.voxels(); ++v)
    for (auto i = neighbors.starts[v]; i < neighbors.starts[v + 1]; ++i)
      if (v < neighbors.index[i]) {
        flat.push_back(v);
        flat.push_back(neighbors.index[i]);
      }
  const auto count = static_cast<py::ssize_t>(flat.size() / 2);
  return to_numpy(std::move(flat)).reshape({count, py::ssize_t(2)});
}

py::array_t<std::int64_t> counts_of(const Neighbors& neighbors) {
  std::vector<std::int64_t> flat;
  for (std::int64_t v = 0; v < neighbors.voxels(); ++v)
    flat.insert(flat.end(), {neighbors.starts[v + 1] - neighbors.starts[v], neighbors.level[v],
                             neighbors.upright[v]});
  return to_numpy(std::move(flat)).reshape({py::ssize_t(neighbors.voxels()), py::ssize_t(3)});
}

void bind_components(py::module_& m) {
  py::class_<Neighbors>(m, "Neighbors")
      .def_property_readonly("voxels", &Neighbors::voxels)
      .def("pairs", &pairs_of)
      .def("counts", &counts_of);
  m.def(
      "touching",
      [](const Keys& keys, int bits) {
        const auto* const k = checked_keys(keys);
        if (bits < 2 || bits > 21) refuse("bits: not in 2..21");
        const auto count = static_cast<std::int64_t>(keys.size());
        py::gil_scoped_release free;
        return touching(k, count, bits);
      },
      py::arg("keys").noconvert(), py::arg("bits"));
  m.def(
      "label_components",
      [](const Neighbors& neighbors, const Integers& labels) {
        const auto count = neighbors.voxels();
        if (labels.ndim() != 2 || labels.shape(1) != count || !(labels.flags() & py::array::c_style))
          refuse("labels: not (K, V) in a row, V as of the neighbours");
        const auto* const l = labels.data();
        const auto number = labels.shape(0);
        auto found = [&] {
          py::gil_scoped_release free;
          return label_components(neighbors, l, number);
        }();
        return to_numpy(std::move(found)).reshape({number, py::ssize_t(count)});
      },
      py::arg("neighbors"), py::arg("labels").noconvert());
  m.def(
      "grow",
      [](const Neighbors& neighbors, const Integers& cost, const Integers& seed,
         const Integers& group) {
        const auto count = neighbors.voxels();
        const auto* const c = read_integers(cost, "cost", count);
        const auto* const s = read_integers(seed, "seed", count);
        const auto* const g = read_integers(group, "group", count);
        for (std::int64_t v = 0; v < count; ++v)
          if (c[v] < 0 || c[v] > (1LL << 31)) refuse("cost: not from 0 to 2^31");
        auto found = [&] {
          py::gil_scoped_release free;
          return grow(neighbors, c, s, g);
        }();
        return to_numpy(std::move(found));
      },
      py::arg("neighbors"), py::arg("cost").noconvert(), py::arg("seed").noconvert(),
      py::arg("group").noconvert());
}

void bind_boxes(py::module_& m) {
  m.def(
      "least_box",
      [](const Integers& coordinates) {
        const auto count = coordinates.ndim() == 2 ? coordinates.shape(0) : 0;
        if (count < 1) refuse("coordinates: not (n, 3), n at least 1");
        const auto* const c = read_matrix(coordinates, "coordinates", count, 3);
        for (py::ssize_t i = 0; i < coordinates.size(); ++i)
          if (c[i] < -(1 << 20) || c[i] >= 1 << 20) refuse("coordinates: not of 21 bits");
        const auto box = [&] {
          py::gil_scoped_release free;
          return least_box(c, count);
        }();
        return py::make_tuple(to_numpy(std::vector<double>(box.center, box.center + 3)),
                              to_numpy(std::vector<double>(box.size, box.size + 3)), box.yaw);
      },
      py::arg("coordinates").noconvert());
}

}  // namespace

void bind_grouping(py::module_& m);
void bind_grouping(py::module_& m) {
  bind_points(m);
  bind_components(m);
  bind_boxes(m);
}

}  // namespace mtml
