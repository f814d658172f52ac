# What `cmake --install` lays down: the library, its public headers, the program, the bundled
# package, and the files that find_package(glint) reads.

include(CMakePackageConfigHelpers)

# A bundled package is found beside the program, in the build tree as in the installed one.
set(glint_share ${PROJECT_BINARY_DIR}/share/glint)
file(MAKE_DIRECTORY ${glint_share})
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/models/tiny-clip.glint ${glint_share}/tiny-clip.glint
     SYMBOLIC)

# The programs find libglint beside themselves, wherever the tree is moved to. LibTorch stays where
# it was found, so its folder is recorded too.
get_filename_component(libtorch_dir "${LibTorch_CPU_LIBRARY}" DIRECTORY)
set_target_properties(glint PROPERTIES INSTALL_RPATH "$ORIGIN;${libtorch_dir}")
if(TARGET glint_cli)
  set_target_properties(
    glint_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${libtorch_dir}")
endif()

install(TARGETS glint EXPORT glint_targets)
if(TARGET glint_cli)
  install(TARGETS glint_cli)
endif()
install(DIRECTORY include/glint TYPE INCLUDE)
install(DIRECTORY models/tiny-clip.glint DESTINATION ${CMAKE_INSTALL_DATADIR}/glint)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/glint)
install(EXPORT glint_targets FILE glint-targets.cmake NAMESPACE glint:: DESTINATION ${config_dir})
configure_package_config_file(cmake/glint-config.cmake.in glint-config.cmake
                              INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(glint-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/glint-config.cmake
              ${PROJECT_BINARY_DIR}/glint-config-version.cmake DESTINATION ${config_dir})
