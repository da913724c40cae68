// The Python module mtml_ros._kernels: samples on surfaces and the simulated depth sensor.
#include "arrays.hpp"
#include "depth_images.hpp"
#include "patch_samples.hpp"

#include <tuple>

namespace mtml {

void bind_simulation(py::module_& m);
void bind_simulation(py::module_& m) {
  using Floats = Array<float>;
  m.attr("NEAR_PIXELS") = NEAR_PIXELS;
  m.def(
      "see",
      [](const Floats& xyz, const Integers& starts, const Floats& normal, const Floats& offset,
         const Floats& center, const Floats& radius, const Floats& position, const Floats& axes,
         std::pair<int, int> shape, float pixel, std::pair<float, float> range, float grazing) {
        SampledPatches patches{};
        patches.patches = offset.size();
        patches.xyz = read_matrix(xyz, "xyz", xyz.shape(0), 3);
        patches.starts = read_integers(starts, "starts", patches.patches + 1);
        patches.normal = read_matrix(normal, "normal", patches.patches, 3);
        patches.offset = read_vector(offset, "offset", patches.patches);
        patches.center = read_matrix(center, "center", patches.patches, 3);
        patches.radius = read_vector(radius, "radius", patches.patches);
        for (std::int64_t i = 0; i < patches.patches; ++i)
          if (patches.starts[i] > patches.starts[i + 1]) refuse("starts: not ascending");
        if (patches.starts[0] != 0 || patches.starts[patches.patches] != xyz.shape(0))
          refuse("starts: not from 0 to the number of samples");
        DepthCamera camera{};
        camera.position = read_vector(position, "position", 3);
        camera.axes = read_matrix(axes, "axes", 3, 3);
        std::tie(camera.rows, camera.columns) = shape;
        for (const int side : {camera.rows, camera.columns})
          if (side < NEAR_PIXELS || side % NEAR_PIXELS || side > 1 << 12)
            refuse("shape: not multiples of NEAR_PIXELS up to 4096");
        if (!(pixel > 0)) refuse("pixel: not above 0");
        camera.pixel = pixel;
        std::tie(camera.min_range, camera.max_range) = range;
        camera.grazing = grazing;
        auto seen = [&] {
          py::gil_scoped_release free;
          return see(patches, camera);
        }();
        return py::make_tuple(to_numpy(std::move(seen.sample)), to_numpy(std::move(seen.depth)),
                              to_numpy(std::move(seen.edge)).attr("view")("bool"));
      },
      py::arg("xyz").noconvert(), py::arg("starts").noconvert(), py::arg("normal").noconvert(),
      py::arg("offset").noconvert(), py::arg("center").noconvert(), py::arg("radius").noconvert(),
      py::arg("position").noconvert(), py::arg("axes").noconvert(), py::arg("shape"),
      py::arg("pixel"), py::arg("range"), py::arg("grazing"));
  m.def(
      "sample_patches",
      [](const Floats& patches, const Integers& count, const Floats& wanted,
         const Array<std::uint8_t>& disc, const Floats& share, const Floats& chance) {
        PatchCells cells{};
        cells.number = wanted.size();
        cells.patches = read_matrix(patches, "patches", cells.number, 9);
        cells.count = read_matrix(count, "count", cells.number, 2);
        cells.wanted = read_vector(wanted, "wanted", cells.number);
        cells.disc = read_vector(disc, "disc", cells.number);
        cells.share = read_matrix(share, "share", chance.size(), 2);
        cells.chance = read_vector(chance, "chance", chance.size());
        std::int64_t left = chance.size();
        for (std::int64_t i = 0; i < cells.number; ++i) {
          const auto rows = cells.count[2 * i], columns = cells.count[2 * i + 1];
          if (rows < 1 || columns < 1 || rows > left / columns) refuse("count: not as many as cells");
          left -= rows * columns;
        }
        if (left) refuse("count: not as many as cells");
        auto samples = [&] {
          py::gil_scoped_release free;
          return sample_patches(cells);
        }();
        return py::make_tuple(to_numpy(std::move(samples.xyz)), to_numpy(std::move(samples.patch)));
      },
      py::arg("patches").noconvert(), py::arg("count").noconvert(), py::arg("wanted").noconvert(),
      py::arg("disc").noconvert(), py::arg("share").noconvert(), py::arg("chance").noconvert());
}

}  // namespace mtml
