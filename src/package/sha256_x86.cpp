// The SHA extensions of x86: two rounds an instruction, and two for the next four words of the
// message schedule (Intel 64 and IA-32 Architectures Software Developer's Manual, SHA256RNDS2).
#include <immintrin.h>

#include "package/sha256_blocks.h"

namespace glint::sha256 {
namespace {

// Two words a half, highest first: the order that the instructions want.
struct State {
  __m128i abef;
  __m128i cdgh;
};

State arranged(const std::uint32_t* state) {
  const __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));
  const __m128i efgh = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));
  const __m128i cdab = _mm_shuffle_epi32(abcd, 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(efgh, 0x1b);
  return {_mm_alignr_epi8(cdab, hgfe, 8), _mm_blend_epi16(hgfe, cdab, 0xf0)};
}

void store(const State& from, std::uint32_t* state) {
  const __m128i feba = _mm_shuffle_epi32(from.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(from.cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// Words 4 i to 4 i + 3 of the message, from big-endian bytes.
__m128i words(const std::byte* block, std::size_t i) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* at = reinterpret_cast<const __m128i*>(block + 16 * i);
  return _mm_shuffle_epi8(_mm_loadu_si128(at), swap);
}

// The next four words of the schedule from the sixteen before them, oldest first.
__m128i next_words(__m128i a, __m128i b, __m128i c, __m128i d) {
  const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
  return _mm_sha256msg2_epu32(sum, d);
}

void four_rounds(State& state, __m128i w, std::size_t i) {
  const __m128i wk =
      _mm_add_epi32(w, _mm_loadu_si128(reinterpret_cast<const __m128i*>(kRound + 4 * i)));
  state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, wk);
  state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

void add_block(State& state, const std::byte* block) {
  const State before = state;
  __m128i w[4] = {words(block, 0), words(block, 1), words(block, 2), words(block, 3)};
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; ++i) {
    four_rounds(state, w[i % 4], i);
    if (i < 12) w[i % 4] = next_words(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
  }
  state.abef = _mm_add_epi32(state.abef, before.abef);
  state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
}

void add(std::uint32_t* state, const std::byte* blocks, std::size_t count) {
  State arranged_state = arranged(state);
  for (std::size_t i = 0; i < count; ++i) {
    add_block(arranged_state, blocks + i * kSha256BlockBytes);
  }
  store(arranged_state, state);
}

}  // namespace

const Sha256Blocks kX86{"x86 sha", add};

}  // namespace glint::sha256
