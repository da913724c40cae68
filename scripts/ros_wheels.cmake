# For building against the ros-* wheels: -DCMAKE_PROJECT_INCLUDE=<this file>.
#
# The CMake targets that the wheels export name include folders of the machine they were built on.
# CMake refuses folders that do not exist, so those are dropped once everything is configured.

function(drop_missing_includes)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders "${target}" INTERFACE_INCLUDE_DIRECTORIES)
    if(folders)
      set(present "")
      foreach(folder IN LISTS folders)
        if(folder MATCHES "\\$<" OR EXISTS "${folder}")
          list(APPEND present "${folder}")
        endif()
      endforeach()
      set_target_properties("${target}" PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${present}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL drop_missing_includes)
