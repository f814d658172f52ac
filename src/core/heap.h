// What the allocator keeps of memory that was freed.
#pragma once

namespace glint {

// Gives it back to the system where the allocator can be told to (glibc). Takes milliseconds.
void return_freed_memory() noexcept;

}  // namespace glint
