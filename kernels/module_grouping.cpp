// The Python module mtml_ros._kernels: mean-shift, components, suppression.
#include <cmath>

#include "arrays.hpp"
#include "components.hpp"
#include "mean_shift.hpp"
#include "suppression.hpp"

namespace mtml {
namespace {

using Integers = Array<std::int64_t>;

const std::int64_t* read_integers(const Integers& a, const char* name, std::int64_t size) {
  if (a.ndim() != 1 || !(a.flags() & py::array::c_style) || (size >= 0 && a.size() != size))
    refuse(std::string(name) + ": not integers in a row, as many as wanted");
  return a.data();
}

// Masks over `voxels` voxels, none empty.
Masks read_masks(const Integers& voxel, const Integers& starts, std::int64_t voxels) {
  const auto* const v = read_integers(voxel, "voxel", -1);
  const auto* const s = read_integers(starts, "starts", -1);
  const auto count = static_cast<std::int64_t>(starts.size()) - 1;
  if (count < 0 || s[0] != 0 || s[count] != voxel.size()) refuse("starts: not those of the masks");
  for (std::int64_t p = 0; p < count; ++p)
    if (s[p] >= s[p + 1]) refuse("starts: an empty mask");
  for (py::ssize_t i = 0; i < voxel.size(); ++i)
    if (v[i] < 0 || v[i] >= voxels) refuse("voxel: out of range");
  return {count, s, v};
}

const Edge* read_edges(const Integers& edges, std::int64_t voxels) {
  if (edges.ndim() != 2 || edges.shape(1) != 2 || !(edges.flags() & py::array::c_style))
    refuse("edges: not pairs in a row");
  const auto* const e = edges.data();
  for (py::ssize_t i = 0; i < edges.size(); ++i)
    if (e[i] < 0 || e[i] >= voxels) refuse("edges: out of range");
  return reinterpret_cast<const Edge*>(e);
}

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

void bind_components(py::module_& m) {
  m.def(
      "neighbor_edges",
      [](const Keys& keys, int bits) {
        const auto* const k = checked_keys(keys);
        if (bits < 2 || bits > 21) refuse("bits: not in 2..21");
        const auto count = static_cast<std::int64_t>(keys.size());
        std::vector<std::int64_t> flat;
        {
          py::gil_scoped_release free;
          const auto edges = neighbor_edges(k, count, bits);
          flat.reserve(2 * edges.size());
          for (const auto& edge : edges) flat.insert(flat.end(), edge.begin(), edge.end());
        }
        const auto count_of_edges = static_cast<py::ssize_t>(flat.size() / 2);
        return to_numpy(std::move(flat)).reshape({count_of_edges, py::ssize_t(2)});
      },
      py::arg("keys").noconvert(), py::arg("bits"));
  m.def(
      "label_components",
      [](const Integers& edges, const Integers& labels) {
        const auto* const l = read_integers(labels, "labels", -1);
        const auto count = static_cast<std::int64_t>(labels.size());
        const auto* const e = read_edges(edges, count);
        const auto size = edges.shape(0);
        auto found = [&] {
          py::gil_scoped_release free;
          return label_components(e, size, l, count);
        }();
        return to_numpy(std::move(found));
      },
      py::arg("edges").noconvert(), py::arg("labels").noconvert());
}

void bind_suppression(py::module_& m) {
  m.def(
      "suppress",
      [](const Integers& voxel, const Integers& starts, const Integers& order, std::int64_t voxels,
         double iou) {
        const auto masks = read_masks(voxel, starts, voxels);
        const auto* const o = read_integers(order, "order", masks.count);
        for (std::int64_t i = 0; i < masks.count; ++i)
          if (o[i] < 0 || o[i] >= masks.count) refuse("order: out of range");
        auto found = [&] {
          py::gil_scoped_release free;
          return suppress(masks, o, voxels, iou);
        }();
        return py::make_tuple(to_numpy(std::move(found.kept)), to_numpy(std::move(found.greatest)));
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("order").noconvert(),
      py::arg("voxels"), py::arg("iou"));
}

}  // namespace

void bind_grouping(py::module_& m);
void bind_grouping(py::module_& m) {
  bind_points(m);
  bind_components(m);
  bind_suppression(m);
}

}  // namespace mtml
