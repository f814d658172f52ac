# How every target of this project is compiled.

# glint_compile(TARGET): warnings, hidden symbols, sanitizers; no fused multiply-add that the source
# does not spell, because results are compared bit for bit.
function(glint_compile target)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden
                                             VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           -Wno-sign-conversion -ffp-contract=off)
  if(GLINT_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(GLINT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  endif()
  if(GLINT_LIBFUZZER)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# Whether there are kernels for x86's instruction sets.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(GLINT_X86_KERNELS ON)
endif()

# glint_kernel(SOURCE FLAG...): a file of glint_objects that is compiled for one instruction set.
# GCC 12 takes its own intrinsics' "undefined" operands for mistakes (GCC bug 105593).
function(glint_kernel source)
  set_source_files_properties(
    ${source} TARGET_DIRECTORY glint_objects
    PROPERTIES COMPILE_OPTIONS "${ARGN};-Wno-uninitialized;-Wno-maybe-uninitialized")
endfunction()

# glint_chooses_kernels(SOURCE): the file that asks the CPU which of them it can run.
function(glint_chooses_kernels source)
  set_source_files_properties(${source} TARGET_DIRECTORY glint_objects
                              PROPERTIES COMPILE_DEFINITIONS GLINT_X86_KERNELS)
endfunction()

set(GLINT_AVX512 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)

# glint_add_test(NAME SOURCE...): a GoogleTest program over all objects of the library, internal
# ones included. Its cases become ctest cases with the label quick.
function(glint_add_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE glint_internal GTest::gtest_main
                                        nlohmann_json::nlohmann_json)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(
    ${name} PRIVATE GLINT_TEST_DATA="${PROJECT_SOURCE_DIR}/tests"
                    GLINT_MODELS="${PROJECT_SOURCE_DIR}/models")
  glint_compile(${name})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS quick TIMEOUT 300)
endfunction()

# glint_add_fuzz(NAME SOURCE CORPUS PATH... RUNS N): the program fuzz_NAME over a libFuzzer target,
# and a ctest case, label quick, that runs the corpus and N mutations of it (about two seconds; the
# environment variable GLINT_FUZZ_FACTOR multiplies them). With clang and GLINT_LIBFUZZER the same
# source is a libFuzzer program instead.
function(glint_add_fuzz name source)
  cmake_parse_arguments(PARSE_ARGV 2 fuzz "" RUNS CORPUS)
  set(target fuzz_${name})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE glint_internal)
  glint_compile(${target})
  if(GLINT_LIBFUZZER)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/driver.cpp)
  add_test(NAME ${target} COMMAND ${target} --runs ${fuzz_RUNS} ${fuzz_CORPUS})
  set_tests_properties(${target} PROPERTIES LABELS "quick;fuzz" TIMEOUT 1200)
endfunction()
