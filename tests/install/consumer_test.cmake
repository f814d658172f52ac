function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nexit ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/first)
file(RENAME ${WORK_DIR}/first ${WORK_DIR}/moved)
set(flags)
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=address,undefined)
endif()

# The README's first C++ block, as it stands, is the program.
file(READ ${README} readme)
string(REGEX MATCH "```cpp\n(#include[^`]*)```" found "${readme}")
if(NOT found)
  message(FATAL_ERROR "expected a C++ sample in ${README}")
endif()
file(WRITE ${WORK_DIR}/readme_sample.cpp "${CMAKE_MATCH_1}")

run(${CMAKE_COMMAND} -S ${CONSUMER_DIR} -B ${WORK_DIR}/build -DCMAKE_PREFIX_PATH=${WORK_DIR}/moved
    -DREADME_SAMPLE=${WORK_DIR}/readme_sample.cpp -DCMAKE_CXX_COMPILER=${CXX}
    -DCMAKE_BUILD_TYPE=${BUILD_TYPE} ${flags})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${WORK_DIR}/build/consumer ${WORK_DIR}/moved/share/glint/tiny-clip.glint ${PHOTO})
if(NOT output MATCHES "^cat ")
  message(FATAL_ERROR "expected the README's sample to answer cat, got: ${output}")
endif()
if(EXISTS ${WORK_DIR}/moved/bin/glint)
  run(${WORK_DIR}/moved/bin/glint classify ${PHOTO} --labels cat,dog,truck --top-k 1)
  if(NOT output MATCHES "% +cat")
    message(FATAL_ERROR "expected the installed program to answer cat, got: ${output}")
  endif()
endif()
