// Which instruction sets this machine has, and which of them the inner loops run on.
#include "instruction_sets.hpp"

#include <atomic>

namespace mtml {

#define MTML_DECLARE(SET)   \
  namespace SET {           \
  extern const Tiles tiles; \
  extern const Balls balls; \
  }
MTML_DECLARE(baseline)
#ifdef MTML_X86
MTML_DECLARE(avx2)
MTML_DECLARE(avx512)
#endif

namespace {

std::vector<InstructionSet> find_sets() {
  std::vector<InstructionSet> sets;
#ifdef MTML_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    if (__builtin_cpu_supports("avx512f"))
      sets.push_back({"avx512", &avx512::tiles, &avx512::balls});
    sets.push_back({"avx2", &avx2::tiles, &avx2::balls});
  }
#endif
  sets.push_back({"baseline", &baseline::tiles, &baseline::balls});
  return sets;
}

std::atomic<const InstructionSet*> in_use{nullptr};

}  // namespace

const std::vector<InstructionSet>& instruction_sets() {
  static const auto sets = find_sets();
  return sets;
}

const InstructionSet& instruction_set() {
  const auto* const chosen = in_use.load();
  return chosen ? *chosen : instruction_sets().front();
}

void use_instruction_set(const InstructionSet& set) { in_use = &set; }

}  // namespace mtml
