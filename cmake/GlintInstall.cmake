# What `cmake --install` lays down: the library, its public headers, the program, the bundled
# package, and the files that find_package(glint) reads.

include(CMakePackageConfigHelpers)

# A bundled package is found beside the program, in the build tree as in the installed one.
set(glint_share ${PROJECT_BINARY_DIR}/share/glint)
file(MAKE_DIRECTORY ${glint_share})
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/models/tiny-clip.glint ${glint_share}/tiny-clip.glint
     SYMBOLIC)

# An installed tree may be moved or copied as a whole: nothing in it names its own place. libglint
# is found relative to the program. LibTorch is not part of the tree, so libglint alone records
# where it is (as RUNPATH, which LD_LIBRARY_PATH goes before).
get_filename_component(libtorch_dir "${LibTorch_CPU_LIBRARY}" DIRECTORY)
set(GLINT_LIBTORCH_RUNPATH "${libtorch_dir}" CACHE STRING
    "Where the installed libglint looks for LibTorch: folders, $ORIGIN being its own; may be empty")
set_target_properties(glint PROPERTIES INSTALL_RPATH "${GLINT_LIBTORCH_RUNPATH}")
target_link_options(glint PRIVATE -Wl,--enable-new-dtags)
if(TARGET glint_cli)
  file(RELATIVE_PATH lib_from_bin "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(glint_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
endif()

install(TARGETS glint EXPORT glint_targets)
if(TARGET glint_cli)
  install(TARGETS glint_cli)
endif()
install(DIRECTORY include/glint TYPE INCLUDE)
set(GLINT_PACKAGE_DIR ${CMAKE_INSTALL_DATADIR}/glint)
install(DIRECTORY models/tiny-clip.glint DESTINATION ${GLINT_PACKAGE_DIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/glint)
install(EXPORT glint_targets FILE glint-targets.cmake NAMESPACE glint:: DESTINATION ${config_dir})
configure_package_config_file(cmake/glint-config.cmake.in glint-config.cmake
                              INSTALL_DESTINATION ${config_dir} PATH_VARS GLINT_PACKAGE_DIR)
write_basic_package_version_file(glint-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/glint-config.cmake
              ${PROJECT_BINARY_DIR}/glint-config-version.cmake DESTINATION ${config_dir})
