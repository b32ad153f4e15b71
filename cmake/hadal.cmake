# Build rules shared by every folder of src/.
#
# A folder src/NAME holds the library hadal::NAME and what belongs to it, told apart by ending:
#   *.cpp        the library
#   *_test.cpp   GoogleTest cases, linked into test_NAME and listed with ctest
#   *_slow_test.cpp  the same in slow_test_NAME, with the label `slow`: left out of `make check`
#   *_bench.cpp  Google Benchmark cases, linked into bench_NAME (make bench)
#   *_fuzz.cpp   one libFuzzer target each (make fuzz)
#   main.cpp     an executable, where the folder is declared as one
# so adding a file needs no edit here.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# The numerics contract: IEEE-754 binary32 with two roundings, never a fused multiply-add.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -ffp-contract=off -fno-math-errno)
if(HADAL_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

if(HADAL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "HADAL_FUZZ needs clang: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_custom_target(fuzzers)
endif()

include(GoogleTest)

function(hadal_sources folder)
  set(dir ${CMAKE_SOURCE_DIR}/src/${folder})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${dir}/*.cpp)
  list(FILTER all EXCLUDE REGEX "/main\\.cpp$")
  foreach(kind slow_test test bench fuzz)  # in this order: the first ending that fits decides
    set(picked ${all})
    list(FILTER picked INCLUDE REGEX "_${kind}\\.cpp$")
    list(FILTER all EXCLUDE REGEX "_${kind}\\.cpp$")
    set(${kind}_sources ${picked} PARENT_SCOPE)
  endforeach()
  set(lib_sources ${all} PARENT_SCOPE)
endfunction()

function(hadal_gtest name folder target)
  cmake_parse_arguments(arg "" "" "SOURCES;PROPERTIES" ${ARGN})
  if(arg_SOURCES)
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${target} GTest::gtest GTest::gtest_main)
    target_compile_definitions(${name} PRIVATE HADAL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(${name} TEST_PREFIX ${folder}. WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                         DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 900 ${arg_PROPERTIES})
  endif()
endfunction()

function(hadal_tests folder target)
  hadal_gtest(test_${folder} ${folder} ${target} SOURCES ${test_sources})
  hadal_gtest(slow_test_${folder} ${folder} ${target} SOURCES ${slow_test_sources} PROPERTIES LABELS slow)
  if(bench_sources)
    find_package(benchmark REQUIRED)
    add_executable(bench_${folder} ${bench_sources})
    target_link_libraries(bench_${folder} PRIVATE ${target} benchmark::benchmark benchmark::benchmark_main)
  endif()
  if(HADAL_FUZZ)
    foreach(src ${fuzz_sources})
      get_filename_component(name ${src} NAME_WE)
      add_executable(${name} ${src})
      target_link_libraries(${name} PRIVATE ${target})
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${name})
    endforeach()
  elseif(fuzz_sources)
    add_library(fuzz_${folder} OBJECT ${fuzz_sources})  # so that an ordinary build notices what no longer compiles
    target_link_libraries(fuzz_${folder} PRIVATE ${target})
  endif()
endfunction()

function(hadal_library folder)
  cmake_parse_arguments(arg "" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  hadal_sources(${folder})
  if(lib_sources)
    add_library(hadal_${folder} STATIC ${lib_sources})
    set(scope PUBLIC)
    target_link_libraries(hadal_${folder} PRIVATE ${arg_PRIVATE_DEPS})
  else()
    add_library(hadal_${folder} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(hadal::${folder} ALIAS hadal_${folder})
  target_include_directories(hadal_${folder} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(hadal_${folder} ${scope} ${arg_DEPS})
  hadal_tests(${folder} hadal::${folder})
endfunction()

# A folder with a main.cpp: everything else in it is its library, so that tests reach that too.
function(hadal_executable folder name)
  hadal_library(${folder} ${ARGN})
  hadal_sources(${folder})
  if(lib_sources)
    target_compile_definitions(hadal_${folder} PRIVATE HADAL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  endif()
  if(EXISTS ${CMAKE_SOURCE_DIR}/src/${folder}/main.cpp)
    add_executable(${name} ${CMAKE_SOURCE_DIR}/src/${folder}/main.cpp)
    target_link_libraries(${name} PRIVATE hadal::${folder})
    target_compile_definitions(${name} PRIVATE HADAL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    foreach(tests test_${folder} slow_test_${folder})  # they may run it
      if(TARGET ${tests})
        add_dependencies(${tests} ${name})
        target_compile_definitions(${tests} PRIVATE HADAL_BINARY="$<TARGET_FILE:${name}>")
      endif()
    endforeach()
  endif()
endfunction()
