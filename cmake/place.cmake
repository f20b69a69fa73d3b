# Where the module goes in the work tree. A plain build places it beside the package, so that `python/` on the path is
# all that is needed; whatever was built last is what is there. A sanitizer's module gets a tree of its own, with links
# to the package's files, since a plain Python cannot load it.
if(JST_SANITIZE)
  set(place "${CMAKE_BINARY_DIR}/python/jstorrent")
  file(MAKE_DIRECTORY "${place}")
  file(GLOB package_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/python/jstorrent/*")
  foreach(entry IN LISTS package_files)
    get_filename_component(name "${entry}" NAME)
    if(NOT name MATCHES "\\.so$|^__pycache__$")
      file(CREATE_LINK "${entry}" "${place}/${name}" SYMBOLIC)
    endif()
  endforeach()
else()
  set(place "${CMAKE_SOURCE_DIR}/python/jstorrent")
endif()
set(place_module "${CMAKE_COMMAND}" -E copy_if_different "$<TARGET_FILE:_core>" "${place}/$<TARGET_FILE_NAME:_core>")
add_custom_command(TARGET _core POST_BUILD COMMAND ${place_module} VERBATIM)
# Also when nothing was rebuilt: another preset may have placed its module since.
add_custom_target(place ALL COMMAND ${place_module} DEPENDS _core VERBATIM)
