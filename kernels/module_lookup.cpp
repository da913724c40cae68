// The Python module mtml_ros._kernels: keys, looked up and told apart.
#include "arrays.hpp"
#include "lookup.hpp"

namespace mtml {

void bind_lookup(py::module_& m);
void bind_lookup(py::module_& m) {
  m.def(
      "find",
      [](const Keys& ascending, const Keys& values) {
        const auto* const a = read_integers(ascending, "ascending", -1);
        const auto* const v = read_integers(values, "values", -1);
        py::array_t<std::int64_t> place(values.size());
        py::array_t<bool> known(values.size());
        auto* const p = place.mutable_data();
        auto* const k = known.mutable_data();
        {
          py::gil_scoped_release free;
          find(a, ascending.size(), v, values.size(), p, k);
        }
        return py::make_tuple(known, place);
      },
      py::arg("ascending").noconvert(), py::arg("values").noconvert());
  m.def(
      "unpack",
      [](const Keys& keys, int bits) {
        const auto* const k = read_integers(keys, "keys", -1);
        if (bits < 2 || bits > 21) refuse("bits: not in 2..21");
        py::array_t<std::int32_t> indices({keys.size(), py::ssize_t(3)});
        auto* const out = indices.mutable_data();
        {
          py::gil_scoped_release free;
          unpack(k, keys.size(), bits, out);
        }
        return indices;
      },
      py::arg("keys").noconvert(), py::arg("bits"));
  m.def(
      "cells",
      [](const Array<std::int32_t>& indices, int shift, int bits) {
        const auto* const c = read_matrix(indices, "indices", indices.shape(0), 3);
        if (bits < 2 || bits > 21) refuse("bits: not in 2..21");
        if (shift < 0 || shift >= bits) refuse("shift: not in 0..bits - 1");
        const auto half = std::int32_t{1} << (bits - 1);
        for (py::ssize_t i = 0; i < indices.size(); ++i)
          if (c[i] < -half || c[i] >= half) refuse("indices: out of range");
        auto found = [&] {
          py::gil_scoped_release free;
          return cells(c, indices.shape(0), shift, bits);
        }();
        return py::make_tuple(to_numpy(std::move(found.keys)), to_numpy(std::move(found.which)));
      },
      py::arg("indices").noconvert(), py::arg("shift"), py::arg("bits"));
  m.def(
      "grouped",
      [](const Integers& group, std::int64_t count) {
        const auto* const g = read_integers(group, "group", -1);
        if (count < 0) refuse("count: below 0");
        for (py::ssize_t i = 0; i < group.size(); ++i)
          if (g[i] < -1 || g[i] >= count) refuse("group: out of range");
        auto found = [&] {
          py::gil_scoped_release free;
          return grouped(g, group.size(), count);
        }();
        return py::make_tuple(to_numpy(std::move(found.rows)), to_numpy(std::move(found.starts)));
      },
      py::arg("group").noconvert(), py::arg("count"));
  m.def(
      "fingerprint",
      [](const Keys& keys, const Array<std::uint8_t>& labels, const Integers& rows) {
        const auto* const k = read_integers(keys, "keys", -1);
        const auto* const l = read_vector(labels, "labels", keys.size());
        const auto* const r = read_integers(rows, "rows", -1);
        for (py::ssize_t i = 0; i < rows.size(); ++i)
          if (r[i] < 0 || r[i] >= keys.size()) refuse("rows: out of range");
        const auto found = fingerprint(k, l, r, rows.size());
        return py::bytes(reinterpret_cast<const char*>(found.data()), sizeof found);
      },
      py::arg("keys").noconvert(), py::arg("labels").noconvert(), py::arg("rows").noconvert());
}

}  // namespace mtml
