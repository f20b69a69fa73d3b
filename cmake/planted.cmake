# The module with bugs that can be planted (cpp/base/plants.def): built only when asked for, `--target planted`, into a tree
# of its own. Only the rooms that have sites are compiled once more; everything else is the objects of _core.
set(planted_rooms wire policy storage http engine)

function(jst_room_target result room)
  if(room IN_LIST planted_rooms)
    set(${result} jst_${room}_planted PARENT_SCOPE)
  else()
    set(${result} jst_${room} PARENT_SCOPE)
  endif()
endfunction()

function(jst_planted_room room)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/cpp/${room}/*.cpp")
  add_library(jst_${room}_planted STATIC EXCLUDE_FROM_ALL ${sources})
  target_compile_definitions(jst_${room}_planted PRIVATE JST_PLANTED)
  target_compile_options(jst_${room}_planted PRIVATE -O1 -g0)  # it proves tests: what counts is how soon it is built
  foreach(needed IN LISTS ARGN)
    set(target "${needed}")
    if(NOT needed MATCHES "::")
      jst_room_target(target "${needed}")
    endif()
    target_link_libraries(jst_${room}_planted PUBLIC ${target})
  endforeach()
endfunction()

jst_planted_room(wire base codec)
jst_planted_room(policy base)
jst_planted_room(storage base codec)
jst_planted_room(http base ZLIB::ZLIB)
jst_planted_room(engine base codec storage wire http tracker policy runtime)

set(planted_own "${CMAKE_SOURCE_DIR}/cpp/bind/bind_lab_plants.cpp")
pybind11_add_module(_core_planted MODULE EXCLUDE_FROM_ALL NO_EXTRAS "${planted_own}"
                    "$<FILTER:$<TARGET_OBJECTS:_core>,EXCLUDE,bind_lab_plants>")
target_compile_definitions(_core_planted PRIVATE JST_PLANTED)
target_link_libraries(_core_planted PRIVATE jst_engine_planted ${bind_worlds})
if(UNIX AND NOT APPLE)
  target_link_options(_core_planted PRIVATE "LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/exports.map")
endif()
set_target_properties(_core_planted PROPERTIES OUTPUT_NAME _core
                      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/planted/jstorrent")

file(GLOB package_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/python/jstorrent/*")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/planted/jstorrent")
foreach(entry IN LISTS package_files)
  get_filename_component(name "${entry}" NAME)
  if(NOT name MATCHES "\\.so$|^__pycache__$")
    file(CREATE_LINK "${entry}" "${CMAKE_BINARY_DIR}/planted/jstorrent/${name}" SYMBOLIC)
  endif()
endforeach()
add_custom_target(planted DEPENDS _core_planted)
