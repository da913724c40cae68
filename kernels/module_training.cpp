// The Python module mtml_ros._kernels: what training alone needs.
#include "arrays.hpp"
#include "normalization.hpp"

namespace mtml {
namespace {

// A Normalization or NormalizationGradient of y (rows, columns) and gamma.
template <class Job, class T>
Job job_of(const Array<T>& y, const Array<T>& gamma, T epsilon) {
  if (y.ndim() != 2 || y.shape(0) < 1) refuse("y: no rows");
  Job job;
  job.rows = y.shape(0);
  job.columns = static_cast<int>(y.shape(1));
  job.epsilon = epsilon;
  job.y = read_matrix(y, "y", job.rows, job.columns);
  job.gamma = read_vector(gamma, "gamma", job.columns);
  return job;
}

template <class T>
void bind_normalization(py::module_& m) {
  m.def(
      "normalize",
      [](const Array<T>& y, const Array<T>& gamma, const Array<T>& beta,
         const std::optional<Array<T>>& residual, T epsilon) {
        auto job = job_of<Normalization<T>>(y, gamma, epsilon);
        job.beta = read_vector(beta, "beta", job.columns);
        if (residual) job.residual = read_matrix(*residual, "residual", job.rows, job.columns);
        Array<T> out({y.shape(0), y.shape(1)}), mean(y.shape(1)), variance(y.shape(1));
        job.out = out.mutable_data();
        job.mean = mean.mutable_data();
        job.variance = variance.mutable_data();
        {
          py::gil_scoped_release free;
          normalize(job);
        }
        return py::make_tuple(out, mean, variance);
      },
      py::arg("y").noconvert(), py::arg("gamma").noconvert(), py::arg("beta").noconvert(),
      py::arg("residual").noconvert().none(true), py::arg("epsilon"));
  m.def(
      "normalize_backward",
      [](const Array<T>& grad, const Array<T>& y, const Array<T>& out, const Array<T>& gamma,
         const Array<T>& mean, const Array<T>& variance, T epsilon, bool with_residual) {
        auto job = job_of<NormalizationGradient<T>>(y, gamma, epsilon);
        job.grad = read_matrix(grad, "grad", job.rows, job.columns);
        job.out = read_matrix(out, "out", job.rows, job.columns);
        job.mean = read_vector(mean, "mean", job.columns);
        job.variance = read_vector(variance, "variance", job.columns);
        Array<T> grad_y({y.shape(0), y.shape(1)}), grad_gamma(y.shape(1)), grad_beta(y.shape(1));
        std::optional<Array<T>> grad_residual;
        if (with_residual) {
          grad_residual = Array<T>({y.shape(0), y.shape(1)});
          job.grad_residual = grad_residual->mutable_data();
        }
        job.grad_y = grad_y.mutable_data();
        job.grad_gamma = grad_gamma.mutable_data();
        job.grad_beta = grad_beta.mutable_data();
        {
          py::gil_scoped_release free;
          normalize_backward(job);
        }
        return py::make_tuple(grad_y, grad_gamma, grad_beta, grad_residual);
      },
      py::arg("grad").noconvert(), py::arg("y").noconvert(), py::arg("out").noconvert(),
      py::arg("gamma").noconvert(), py::arg("mean").noconvert(), py::arg("variance").noconvert(),
      py::arg("epsilon"), py::arg("with_residual"));
}

}  // namespace

void bind_training(py::module_& m);
void bind_training(py::module_& m) {
  bind_normalization<float>(m);
  bind_normalization<double>(m);
}

}  // namespace mtml
