// A pool of threads that sleep while there is nothing to do.
#include "thread_pool.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace mtml {
namespace {

std::atomic<int> at_work{0};

}  // namespace

void enter_work() { ++at_work; }

void leave_work() { --at_work; }

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(state_);
    ends_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::run(std::int64_t count, const std::function<void(std::int64_t)>& task) {
  std::unique_lock<std::mutex> mine(one_call_, std::try_to_lock);
  const int wanted = static_cast<int>(threads_.size()) - std::max(at_work.load() - 1, 0);
  if (wanted < 1 || count < 2 || !mine) {
    for (std::int64_t i = 0; i < count; ++i) task(i);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(state_);
    task_ = &task;
    count_ = count;
    next_ = 0;
    failure_ = nullptr;
    open_ = true;
    wanted_ = wanted;
    ++call_;
  }
  wake_.notify_all();
  work();
  std::unique_lock<std::mutex> lock(state_);
  open_ = false;  // who has not woken up by now has nothing left to do
  idle_.wait(lock, [this] { return working_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

void ThreadPool::serve() {
  std::uint64_t seen = 0;
  std::unique_lock<std::mutex> lock(state_);
  for (;;) {
    wake_.wait(lock, [&] { return ends_ || (open_ && call_ != seen); });
    if (ends_) return;
    seen = call_;
    if (wanted_-- <= 0) continue;
    ++working_;
    lock.unlock();
    work();
    lock.lock();
    if (--working_ == 0) idle_.notify_one();
  }
}

void ThreadPool::work() {
  try {
    for (;;) {
      const auto i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= count_) return;
      (*task_)(i);
    }
  } catch (...) {
    next_ = count_;
    std::lock_guard<std::mutex> lock(state_);
    if (!failure_) failure_ = std::current_exception();
  }
}

namespace {

int available_cores() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
  return static_cast<int>(std::thread::hardware_concurrency());
}

struct Shared {
  std::mutex guard;
  int threads = available_cores();
  pid_t process = 0;
  std::shared_ptr<ThreadPool> pool;
};

// Never destroyed: threads that still wait when the process ends need not be joined.
Shared& shared() {
  static auto* const it = new Shared;
  return *it;
}

std::shared_ptr<ThreadPool> current_pool() {
  auto& s = shared();
  std::lock_guard<std::mutex> lock(s.guard);
  if (s.pool && s.process != getpid()) {
    // after a fork: the threads stayed with the parent, and cannot be joined here
    new std::shared_ptr<ThreadPool>(std::move(s.pool));
    s.pool = nullptr;
  }
  if (!s.pool) {
    s.pool = std::make_shared<ThreadPool>(s.threads);
    s.process = getpid();
  }
  return s.pool;
}

}  // namespace

void parallel(std::int64_t count, const std::function<void(std::int64_t)>& task) {
  current_pool()->run(count, task);
}

void set_threads(int threads) {
  if (threads < 1) throw std::invalid_argument("threads must be at least 1");
  std::shared_ptr<ThreadPool> old;
  auto& s = shared();
  std::lock_guard<std::mutex> lock(s.guard);
  if (threads == s.threads) return;
  s.threads = threads;
  if (s.pool && s.process != getpid()) new std::shared_ptr<ThreadPool>(s.pool);
  s.pool = nullptr;  // its threads end with the last call that uses it
}

int get_threads() {
  auto& s = shared();
  std::lock_guard<std::mutex> lock(s.guard);
  return s.threads;
}

}  // namespace mtml
