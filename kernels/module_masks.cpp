// The Python module mtml_ros._kernels: masks, what is summed over them, suppression.
#include "arrays.hpp"
#include "borders.hpp"
#include "mask_sums.hpp"
#include "suppression.hpp"

namespace mtml {
namespace {

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

py::array table(std::vector<double>&& values, std::int64_t rows, std::int64_t columns) {
  return to_numpy(std::move(values)).reshape({py::ssize_t(rows), py::ssize_t(columns)});
}

void bind_sums(py::module_& m) {
  m.def(
      "sums_of_rows",
      [](const Integers& voxel, const Integers& starts, const Array<float>& values) {
        if (values.ndim() != 2) refuse("values: not of two dimensions");
        const auto masks = read_masks(voxel, starts, values.shape(0));
        const auto columns = static_cast<int>(values.shape(1));
        const auto rows = read_rows(values, "values", values.shape(0), columns);
        auto sums = [&] {
          py::gil_scoped_release free;
          return sums_of_rows(masks, rows, columns);
        }();
        return table(std::move(sums), masks.count, columns);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("values").noconvert());
  m.def(
      "histogram",
      [](const Integers& voxel, const Integers& starts, const Integers& bin, int bins,
         const std::optional<Array<float>>& weights) {
        const auto* const b = read_integers(bin, "bin", -1);
        const auto masks = read_masks(voxel, starts, bin.size());
        const auto* const w = read_vector(weights, "weights", bin.size());
        if (bins < 1) refuse("bins: below 1");
        for (py::ssize_t v = 0; v < bin.size(); ++v)
          if (b[v] < -1 || b[v] >= bins) refuse("bin: out of range");
        auto counts = [&] {
          py::gil_scoped_release free;
          return histogram(masks, b, bins, w);
        }();
        return table(std::move(counts), masks.count, bins);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("bin").noconvert(),
      py::arg("bins"), py::arg("weights").noconvert() = py::none());
  m.def(
      "spread",
      [](const Integers& voxel, const Integers& starts, const Array<float>& values,
         const Array<double>& centers, const std::vector<double>& radii) {
        if (values.ndim() != 2) refuse("values: not of two dimensions");
        const auto masks = read_masks(voxel, starts, values.shape(0));
        const auto columns = static_cast<int>(values.shape(1));
        const auto rows = read_rows(values, "values", values.shape(0), columns);
        const auto* const c = read_matrix(centers, "centers", masks.count, columns);
        auto found = [&] {
          py::gil_scoped_release free;
          return spread(masks, rows, columns, c, radii);
        }();
        return table(std::move(found), masks.count,
                     columns + static_cast<std::int64_t>(radii.size()));
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("values").noconvert(),
      py::arg("centers").noconvert(), py::arg("radii"));
  m.def(
      "main_bins",
      [](const Integers& voxel, const Integers& starts, const Integers& bin, std::int64_t bins) {
        const auto* const b = read_integers(bin, "bin", -1);
        const auto masks = read_masks(voxel, starts, bin.size());
        for (py::ssize_t v = 0; v < bin.size(); ++v)
          if (b[v] >= bins) refuse("bin: out of range");
        auto found = [&] {
          py::gil_scoped_release free;
          return main_bins(masks, b, bins);
        }();
        return py::make_tuple(to_numpy(std::move(found.bin)), to_numpy(std::move(found.count)));
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("bin").noconvert(),
      py::arg("bins"));
  m.def(
      "shapes",
      [](const Integers& voxel, const Integers& starts, const Array<float>& xyz,
         const Array<float>& direction, int slices, float voxel_size) {
        const auto voxels = xyz.ndim() ? xyz.shape(0) : 0;
        const auto* const places = read_matrix(xyz, "xyz", voxels, 3);
        const auto* const towards = read_matrix(direction, "direction", voxels, 3);
        const auto masks = read_masks(voxel, starts, voxels);
        if (slices < 1) refuse("slices: below 1");
        auto found = [&] {
          py::gil_scoped_release free;
          return shapes(masks, places, towards, slices, voxel_size);
        }();
        return table(std::move(found), masks.count, EXTENTS + slices);
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("xyz").noconvert(),
      py::arg("direction").noconvert(), py::arg("slices"), py::arg("voxel_size"));
}

void bind_borders(py::module_& m) {
  m.def(
      "borders",
      [](const Integers& voxel, const Integers& starts, const Neighbors& neighbors,
         const Array<float>& embedding, const Array<bool>& candidate, const Integers& component,
         const std::optional<Array<float>>& features,
         const std::optional<Array<float>>& probability, float far) {
        const auto voxels = neighbors.voxels();
        const auto masks = read_masks(voxel, starts, voxels);
        VoxelValues values;
        const auto read = [&](const Array<float>& a, const char* name, int& columns) {
          if (a.ndim() != 2) refuse(std::string(name) + ": not a row a voxel");
          columns = static_cast<int>(a.shape(1));
          return read_rows(a, name, voxels, columns);
        };
        values.embedding = read(embedding, "embedding", values.dimensions);
        if (candidate.ndim() != 1 || candidate.size() != voxels ||
            !(candidate.flags() & py::array::c_style))
          refuse("candidate: not one a voxel");
        static_assert(sizeof(bool) == 1);
        values.candidate = reinterpret_cast<const std::uint8_t*>(candidate.data());
        values.component = read_integers(component, "component", voxels);
        if (features) values.deep = read(*features, "features", values.features);
        if (probability) values.probability = read(*probability, "probability", values.classes);
        auto found = [&] {
          py::gil_scoped_release free;
          return borders(masks, neighbors, values, far);
        }();
        return py::make_tuple(
            table(std::move(found.within), masks.count, 2),
            table(std::move(found.crossing), masks.count, crossing_columns(values)));
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("neighbors"),
      py::arg("embedding").noconvert(), py::arg("candidate").noconvert(),
      py::arg("component").noconvert(), py::arg("features").noconvert().none(true),
      py::arg("probability").noconvert().none(true), py::arg("far"));
}

void bind_sets(py::module_& m) {
  m.def(
      "masks_of_partitions",
      [](const Integers& labels, std::int64_t least) {
        if (labels.ndim() != 2 || !(labels.flags() & py::array::c_style))
          refuse("labels: not (K, V) in a row");
        const auto* const l = labels.data();
        const auto number = labels.shape(0), voxels = labels.shape(1);
        for (py::ssize_t i = 0; i < labels.size(); ++i)
          if (l[i] >= voxels) refuse("labels: a label that leaves gaps");
        auto found = [&] {
          py::gil_scoped_release free;
          return masks_of_partitions(l, number, voxels, least);
        }();
        const auto count = static_cast<py::ssize_t>(found.starts.size()) - 1;
        return py::make_tuple(
            to_numpy(std::move(found.voxel)), to_numpy(std::move(found.starts)),
            to_numpy(std::move(found.source)).reshape({count, py::ssize_t(number)}));
      },
      py::arg("labels").noconvert(), py::arg("least"));
  m.def(
      "overlaps",
      [](const Integers& voxel, const Integers& starts, std::int64_t voxels) {
        const auto masks = read_masks(voxel, starts, voxels);
        auto found = [&] {
          py::gil_scoped_release free;
          return overlaps(masks, voxels);
        }();
        return py::make_tuple(to_numpy(std::move(found.first)), to_numpy(std::move(found.second)),
                              to_numpy(std::move(found.shared)));
      },
      py::arg("voxel").noconvert(), py::arg("starts").noconvert(), py::arg("voxels"));
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

void bind_masks(py::module_& m);
void bind_masks(py::module_& m) {
  bind_sums(m);
  bind_borders(m);
  bind_sets(m);
}

}  // namespace mtml
