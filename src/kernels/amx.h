// Whether AMX's tiles can be used.
#pragma once

namespace glint {

struct Amx {
  bool bf16 = false;
  bool int8 = false;
};

// What the CPU has and the system grants. Asks Linux for the tiles' state, which a process has to
// do once; that it is granted changes nothing for a thread that does not use it.
Amx request_amx();

}  // namespace glint
