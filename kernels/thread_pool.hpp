// A pool of threads that sleep while there is nothing to do: nobody spins, so that a busy machine
// loses to us the time that we compute in and no more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mtml {

// Calls task(i) for each i in 0..count-1, on the caller's thread and those of the pool, each taking
// the next i when it is free. Results must not depend on who does what. While another thread's call
// is under way, a call does all of its work itself. Passes on the first exception of a task.
void parallel(std::int64_t count, const std::function<void(std::int64_t)>& task);

// How many threads a call uses, the caller's among them; at first as many as the process may use
// cores. Raises std::invalid_argument below 1.
void set_threads(int threads);
int get_threads();

// A thread that computes beside others says so: then a call uses a thread fewer for each other one,
// so that all together are as many as were set.
void enter_work();
void leave_work();

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void run(std::int64_t count, const std::function<void(std::int64_t)>& task);

 private:
  void serve();
  void work();

  std::mutex one_call_;  // held through a run
  std::mutex state_;     // guards what follows
  std::condition_variable wake_, idle_;
  std::uint64_t call_ = 0;
  bool open_ = false;  // whether a thread that wakes up may still join the call
  bool ends_ = false;
  int working_ = 0;
  int wanted_ = 0;  // threads that may join the call
  std::exception_ptr failure_;
  const std::function<void(std::int64_t)>* task_ = nullptr;
  std::int64_t count_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::vector<std::thread> threads_;
};

}  // namespace mtml
