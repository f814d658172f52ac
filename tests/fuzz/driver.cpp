// Runs a libFuzzer target without libFuzzer, so that every build can: each file of the corpus as it
// is, then a fixed number of mutations of them. Round r mutates by (seed, r) alone, so a failure is
// repeated by its number:
//
//   fuzz_NAME [--runs N] [--seed S] [--first R] [--save FILE] CORPUS...
//
// --first R starts at round R; --save FILE writes each input there before it is run, so that the
// last one stays. GLINT_FUZZ_FACTOR multiplies the number of runs.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMaxBytes = 1 << 20;

struct Settings {
  std::uint64_t runs = 1000;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;
  std::string save;
  std::vector<std::filesystem::path> corpus;
};

// What is running, for the message of a process that dies.
std::string g_running;

void say_what_was_running() {
  std::fprintf(stderr, "fuzz: died in %s\n", g_running.c_str());
  std::fflush(stderr);
}

Settings read_arguments(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--runs" && has_value) {
      settings.runs = std::stoull(argv[++i]);
    } else if (argument == "--seed" && has_value) {
      settings.seed = std::stoull(argv[++i]);
    } else if (argument == "--first" && has_value) {
      settings.first = std::stoull(argv[++i]);
    } else if (argument == "--save" && has_value) {
      settings.save = argv[++i];
    } else {
      settings.corpus.emplace_back(argument);
    }
  }
  if (const char* factor = std::getenv("GLINT_FUZZ_FACTOR")) settings.runs *= std::stoull(factor);
  return settings;
}

Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("fuzz: cannot read " + path.string());
  Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  bytes.resize(std::min(bytes.size(), kMaxBytes));
  return bytes;
}

// Files in a fixed order, whatever order the folder lists them in.
std::vector<std::filesystem::path> corpus_files(const Settings& settings) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : settings.corpus) {
    if (std::filesystem::is_directory(path)) {
      for (const auto& entry : std::filesystem::directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) throw std::runtime_error("fuzz: expected files in the corpus, got none");
  return files;
}

// Small independent changes; half of the positions lie in the first 64 bytes, where headers are.
class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, std::uint64_t seed, std::uint64_t round)
      : corpus_(corpus), random_(seed * 0x9E3779B97F4A7C15u + round) {}

  Bytes operator()() {
    Bytes bytes = corpus_[below(corpus_.size())];
    for (std::size_t n = 1 + below(6); n > 0; --n) change(bytes);
    bytes.resize(std::min(bytes.size(), kMaxBytes));
    return bytes;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

  std::size_t place(const Bytes& bytes) {
    const std::size_t end = below(2) == 0 ? std::min<std::size_t>(64, bytes.size()) : bytes.size();
    return below(end);
  }

  void overwrite_number(Bytes& bytes, std::size_t at) {
    constexpr std::array<std::uint32_t, 12> kNumbers{
        0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0xffffffff};
    const std::uint32_t value = kNumbers[below(kNumbers.size())];
    const std::size_t size = std::min<std::size_t>(std::size_t{1} << below(3), bytes.size() - at);
    const bool big_endian = below(2) == 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t byte = big_endian ? size - 1 - i : i;
      bytes[at + i] = static_cast<std::uint8_t>(value >> 8 * byte);
    }
  }

  void insert_from(Bytes& bytes, std::size_t at, const Bytes& other) {
    const std::size_t from = below(other.size());
    const std::size_t count = below(std::min<std::size_t>(64, other.size() - from) + 1);
    const Bytes part(other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + count));
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), part.begin(), part.end());
  }

  void change(Bytes& bytes) {
    if (bytes.empty()) bytes.push_back(0);
    const std::size_t at = place(bytes);
    const auto here = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(8)) {
      case 0:
        bytes[at] = static_cast<std::uint8_t>(random_());
        break;
      case 1:
        bytes[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 2:
      case 3:
        overwrite_number(bytes, at);
        break;
      case 4:
        bytes.erase(here, here + static_cast<std::ptrdiff_t>(below(bytes.size() - at)));
        break;
      case 5:
        insert_from(bytes, at, Bytes(bytes));
        break;
      case 6:
        insert_from(bytes, at, corpus_[below(corpus_.size())]);
        break;
      default:
        bytes.resize(at);
    }
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_;
};

void run(const Settings& settings, const Bytes& bytes, std::string name) {
  g_running = std::move(name);
  if (!settings.save.empty()) {
    std::ofstream(settings.save, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  }
  // An exact copy in memory of its own, so that a sanitizer sees a read beyond its end.
  const std::vector<std::uint8_t> input(bytes);
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

void run_all(const Settings& settings) {
  std::vector<Bytes> corpus;
  for (const auto& path : corpus_files(settings)) {
    corpus.push_back(read_bytes(path));
    if (settings.first == 0) run(settings, corpus.back(), path.string());
  }
  for (std::uint64_t i = 0; i < settings.runs; ++i) {
    const std::uint64_t round = settings.first + i;
    run(settings, Mutator(corpus, settings.seed, round)(),
        "round " + std::to_string(round) + " of seed " + std::to_string(settings.seed));
  }
  std::cout << "fuzz: " << corpus.size() << " files and " << settings.runs << " mutations\n";
}

}  // namespace

int main(int argc, char** argv) try {
  std::set_terminate([] {
    say_what_was_running();
    std::abort();
  });
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(say_what_was_running);
  }
  run_all(read_arguments(argc, argv));
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << "; it was running " << (g_running.empty() ? "nothing" : g_running)
            << '\n';
  return 1;
}
