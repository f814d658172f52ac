# A program is built against a fresh install; the whole tree is then moved, to a place with a space
# in its name, and has to serve that program, the same program built anew, and its own `glint`.

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nexit ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# expect(WHAT REGEX): what the last run() printed.
function(expect what regex)
  if(NOT output MATCHES "${regex}")
    message(FATAL_ERROR "expected ${what}, which matches \"${regex}\", got: ${output}")
  endif()
endfunction()

set(first "${WORK_DIR}/first")
set(moved "${WORK_DIR}/moved away/glint")
set(consumer "${WORK_DIR}/build/consumer")
set(flags)
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=address,undefined)
endif()

function(build_consumer prefix)
  run(${CMAKE_COMMAND} -S ${CONSUMER_DIR} -B ${WORK_DIR}/build "-DCMAKE_PREFIX_PATH=${prefix}"
      -DREADME_SAMPLE=${WORK_DIR}/readme_sample.cpp -DCMAKE_CXX_COMPILER=${CXX}
      -DCMAKE_BUILD_TYPE=${BUILD_TYPE} ${flags})
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
  file(READ ${WORK_DIR}/build/package_dir package_dir)
  if(NOT package_dir STREQUAL "${prefix}/share/glint")
    message(FATAL_ERROR "expected glint_PACKAGE_DIR in ${prefix}, got: ${package_dir}")
  endif()
endfunction()

# The README's first C++ block, as it stands, is the program.
file(REMOVE_RECURSE ${WORK_DIR})
file(READ ${README} readme)
string(REGEX MATCH "```cpp\n(#include[^`]*)```" found "${readme}")
if(NOT found)
  message(FATAL_ERROR "expected a C++ sample in ${README}")
endif()
file(WRITE ${WORK_DIR}/readme_sample.cpp "${CMAKE_MATCH_1}")

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${first})
build_consumer(${first})
run(${consumer} ${first}/share/glint/tiny-clip.glint ${PHOTO})
expect("the README's sample to answer cat" "^cat ")

# The name that programs record is libglint.so.0.1: a patch release takes its place, a minor one
# does not.
run(${READELF} -d ${first}/${LIBDIR}/libglint.so)
expect("a SONAME with major and minor version" "SONAME[^\n]*\\[libglint\\.so\\.${SOVERSION}\\]")
string(REPLACE ";" ":" runpath "${RUNPATH}")
string(FIND "${output}" "[${runpath}]" at)
if(at EQUAL -1 AND NOT runpath STREQUAL "")
  message(FATAL_ERROR "expected the RUNPATH [${runpath}], got: ${output}")
endif()
run(${READELF} -d ${consumer})
expect("a need for the SONAME" "NEEDED[^\n]*\\[libglint\\.so\\.${SOVERSION}\\]")
file(READ_SYMLINK ${first}/${LIBDIR}/libglint.so.${SOVERSION} real_name)
if(NOT real_name STREQUAL "libglint.so.${VERSION}")
  message(FATAL_ERROR "expected a link to libglint.so.${VERSION}, got: ${real_name}")
endif()

# Nothing in the tree names the prefix it was made for.
execute_process(COMMAND grep -rlF ${first} ${first} OUTPUT_VARIABLE naming)
if(naming)
  message(FATAL_ERROR "expected no file that names ${first}, got:\n${naming}")
endif()

file(MAKE_DIRECTORY "${WORK_DIR}/moved away")
file(RENAME ${first} ${moved})
set(package ${moved}/share/glint/tiny-clip.glint)
run(${CMAKE_COMMAND} -E env "LD_LIBRARY_PATH=${moved}/${LIBDIR}" ${consumer} ${package} ${PHOTO})
expect("the program built before the move to answer cat" "^cat ")
build_consumer(${moved})
run(${consumer} ${package} ${PHOTO})
expect("the program built after the move to answer cat" "^cat ")

# The moved program finds its library and, with no --model, its package; by a link too.
if(EXISTS ${moved}/bin/glint)
  file(CREATE_LINK ${moved}/bin/glint ${WORK_DIR}/linked SYMBOLIC)
  foreach(program ${moved}/bin/glint ${WORK_DIR}/linked)
    run(${CMAKE_COMMAND} -E env --unset=GLINT_PACKAGE_PATH --unset=LD_LIBRARY_PATH ${program}
        classify ${PHOTO} --labels cat,dog,truck --top-k 1)
    expect("the installed program to answer cat" "% +cat")
    run(${program} --version)
    expect("the versions" "^glint ${VERSION}\nLibTorch [0-9.]+ ")
  endforeach()
  run(${READELF} -d ${moved}/bin/glint)
  expect("a place of libglint relative to the program" "RUNPATH[^\n]*\\[\\$ORIGIN/[^/\n]")
endif()
