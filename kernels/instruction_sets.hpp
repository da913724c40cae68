// Which instruction sets this machine has, and which of them the inner loops run on.
#pragma once

#include <vector>

#include "balls.hpp"
#include "tiles.hpp"

namespace mtml {

struct InstructionSet {
  const char* name;
  const Tiles* tiles;
  const Balls* balls;
};

// Those that this machine has, the fastest first, and the one in use: at first the fastest.
const std::vector<InstructionSet>& instruction_sets();
const InstructionSet& instruction_set();
void use_instruction_set(const InstructionSet& set);

}  // namespace mtml
