// The Python module mtml_ros._kernels: mean-shift, components, and what is measured of masks.
#include <cmath>

#include "arrays.hpp"
#include "blocked_points.hpp"
#include "components.hpp"
#include "masks.hpp"
#include "mean_shift.hpp"

namespace mtml {
namespace {

using Integers = Array<std::int64_t>;

template <class T>
const T* read_matrix(const Array<T>& a, const char* name, std::int64_t rows, std::int64_t columns) {
  if (a.ndim() != 2 || !(a.flags() & py::array::c_style) || (rows >= 0 && a.shape(0) != rows) ||
      (columns >= 0 && a.shape(1) != columns))
    refuse(std::string(name) + ": not a matrix in a row of the shape wanted");
  return a.data();
}

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
  const auto* const e = read_matrix(edges, "edges", -1, 2);
  for (py::ssize_t i = 0; i < edges.size(); ++i)
    if (e[i] < 0 || e[i] >= voxels) refuse("edges: out of range");
  return reinterpret_cast<const Edge*>(e);
}

template <class T>
py::array_t<T> matrix(std::vector<T>&& values, std::int64_t columns) {
  auto flat = to_numpy(std::move(values));
  return flat.reshape({flat.size() / columns, static_cast<py::ssize_t>(columns)});
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
  m.def(
      "count_within",
      [](const Array<float>& points, const Array<float>& centers, float radius) {
        const auto* const p = read_matrix(points, "points", -1, -1);
        const auto* const c = read_matrix(centers, "centers", -1, points.shape(1));
        const auto count = points.shape(0), wanted = centers.shape(0);
        const auto dimensions = static_cast<int>(points.shape(1));
        auto found = [&] {
          py::gil_scoped_release free;
          return count_within(BlockedPoints(p, count, dimensions), c, wanted, radius);
        }();
        return to_numpy(std::move(found));
      },
      py::arg("points").noconvert(), py::arg("centers").noconvert(), py::arg("radius"));
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
        return matrix(std::move(flat), 2);
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

void bind_masks(py::module_& m) {
  m.def(
      "mask_means",
      [](const Integers& voxel, const Integers& starts, const Array<float>& values) {
        const auto* const rows = read_matrix(values, "values", -1, -1);
        const auto masks = read_masks(voxel, starts, values.shape(0));
        const auto columns = static_cast<int>(values.shape(1));
        auto found = [&] {
          py::gil_scoped_release free;
          return mask_means(masks, rows, columns);
        }();
        return matrix(std::move(found), columns);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("values").noconvert());
  m.def(
      "mask_spread",
      [](const Integers& voxel, const Integers& starts, const Array<float>& values,
         const Array<double>& means) {
        const auto* const rows = read_matrix(values, "values", -1, -1);
        const auto masks = read_masks(voxel, starts, values.shape(0));
        const auto columns = static_cast<int>(values.shape(1));
        const auto* const mean = read_matrix(means, "means", masks.count, columns);
        auto found = [&] {
          py::gil_scoped_release free;
          return mask_spread(masks, rows, columns, mean);
        }();
        return matrix(std::move(found), 3);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("values").noconvert(),
      py::arg("means").noconvert());
  m.def(
      "mask_contacts",
      [](const Integers& voxel, const Integers& starts, const Integers& edges,
         const Array<bool>& counted, const Array<float>& values, float most) {
        const auto* const rows = read_matrix(values, "values", -1, -1);
        const auto voxels = static_cast<std::int64_t>(values.shape(0));
        const auto masks = read_masks(voxel, starts, voxels);
        const auto* const e = read_edges(edges, voxels);
        const auto size = edges.shape(0);
        if (counted.ndim() != 1 || counted.size() != voxels ||
            !(counted.flags() & py::array::c_style))
          refuse("counted: not one for each voxel");
        const auto* const in = counted.data();
        const auto columns = static_cast<int>(values.shape(1));
        auto found = [&] {
          py::gil_scoped_release free;
          std::vector<Edge> contacts;
          for (py::ssize_t i = 0; i < size; ++i)
            if (in[e[i][0]] && in[e[i][1]]) contacts.push_back(e[i]);
          return mask_contacts(masks, contacts, voxels, rows, columns, most);
        }();
        return matrix(std::move(found), 2);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("edges").noconvert(),
      py::arg("counted").noconvert(), py::arg("values").noconvert(), py::arg("most"));
  m.def(
      "main_group_shares",
      [](const Integers& voxel, const Integers& starts, const Integers& group) {
        const auto* const g = read_integers(group, "group", -1);
        const auto voxels = static_cast<std::int64_t>(group.size());
        for (std::int64_t v = 0; v < voxels; ++v)
          if (g[v] >= voxels + 256) refuse("group: more groups than voxels and classes");
        const auto masks = read_masks(voxel, starts, voxels);
        auto found = [&] {
          py::gil_scoped_release free;
          return main_group_shares(masks, g, voxels);
        }();
        return matrix(std::move(found), 2);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("group").noconvert());
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
  bind_masks(m);
}

}  // namespace mtml
