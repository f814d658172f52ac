// glint_bench [--package=PKG] [--threads=N] [--benchmark_filter=REGEX] [...]
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "bench_package.h"

namespace glint::bench {
namespace {

std::string g_package = GLINT_BENCH_PACKAGE;
int g_threads = 0;

// Takes our own flags out of argv; what is left is Google Benchmark's.
int take_flags(int argc, char** argv) {
  if (const char* package = std::getenv("GLINT_BENCH_PACKAGE")) g_package = package;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    constexpr std::string_view kPackage = "--package=", kThreads = "--threads=";
    if (flag.starts_with(kPackage)) {
      g_package = flag.substr(kPackage.size());
    } else if (flag.starts_with(kThreads)) {
      g_threads = std::stoi(std::string(flag.substr(kThreads.size())));
    } else {
      argv[kept++] = argv[i];
    }
  }
  return kept;
}

}  // namespace

const char* package_path() { return g_package.c_str(); }

int threads() {
  return g_threads > 0 ? g_threads : static_cast<int>(std::thread::hardware_concurrency());
}

const Model& model() {
  static const Model loaded = Model::load(g_package, {.threads = g_threads});
  return loaded;
}

}  // namespace glint::bench

int main(int argc, char** argv) try {
  argc = glint::bench::take_flags(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("glint_package", glint::bench::package_path());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
