# checks: what CI asks beside the tests themselves. Each has a share of the time; one that
# outgrows it fails by its name. Only tests/run.sh switches them on (MESH_CHECKS): they build
# again, in build/<variant>, and need what it installs.

set(MESH_TEST_PYTHON ${PROJECT_SOURCE_DIR}/build/aider-venv/bin/python CACHE FILEPATH
    "The Python of the tests, with what tests/requirements.txt says")

# tests/run.sh lets ctest use two places a core: what computes takes two, what waits one, and a
# build, which keeps two cores busy, leaves one place for what waits.
set(MESH_PLACES_BUSY 2)
set(MESH_PLACES_BUILD 3)

# mesh_add_check(<name> <seconds> COMMAND <word>... [PROPERTIES <name> <value>...])
function(mesh_add_check name seconds)
    cmake_parse_arguments(ARG "" "" "COMMAND;PROPERTIES" ${ARGN})
    add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    math(EXPR timeout "3 * ${seconds}")    # for what hangs, not for a busy machine
    set_tests_properties(${name} PROPERTIES LABELS "ci" TIMEOUT ${timeout}
        PROCESSORS ${MESH_PLACES_BUSY} ${ARG_PROPERTIES})
endfunction()

if(NOT MESH_CHECKS)
    return()
endif()

set(checks ${PROJECT_SOURCE_DIR}/tests/checks)

# What comes over the network comes while the compiler works: the scenarios wait for it.
mesh_add_check(packages.tests 480 COMMAND ${checks}/packages.sh tests
    PROPERTIES FIXTURES_SETUP packages PROCESSORS 1 COST 2000)
mesh_add_check(packages.api 300 COMMAND ${checks}/packages.sh api
    PROPERTIES FIXTURES_SETUP api_packages PROCESSORS 1 COST 390)
mesh_add_check(packages.mcp 300 COMMAND ${checks}/packages.sh mcp
    PROPERTIES FIXTURES_SETUP mcp_packages PROCESSORS 1 COST 380)
mesh_add_check(packages.old_aider 600 COMMAND ${checks}/packages.sh old-aider
    PROPERTIES FIXTURES_SETUP old_aider LABELS all PROCESSORS 1)

mesh_add_check(check.format 60 COMMAND ${checks}/format.sh)
mesh_add_check(check.shell 60 COMMAND ${checks}/shell.sh)
mesh_add_check(check.python 60 COMMAND ${checks}/python.sh
    PROPERTIES FIXTURES_REQUIRED packages)
mesh_add_check(check.documents 60 COMMAND ${checks}/documents.py)
mesh_add_check(check.operations 60 COMMAND ${checks}/operations.py)
mesh_add_check(check.schema 60
    COMMAND ${MESH_TEST_PYTHON} ${checks}/schema.py ${PROJECT_SOURCE_DIR}/docs/events.schema.json
    PROPERTIES FIXTURES_REQUIRED packages)
mesh_add_check(check.tidy 480 COMMAND ${checks}/tidy.py ${PROJECT_BINARY_DIR} 2
    PROPERTIES PROCESSORS ${MESH_PLACES_BUILD} COST 500)

# The other builds, each a fixture of the tests that use it.
foreach(variant plain tsan fuzz)
    mesh_add_check(build.${variant} 480 COMMAND ${checks}/build.sh ${variant}
        PROPERTIES FIXTURES_SETUP build_${variant} PROCESSORS ${MESH_PLACES_BUILD} COST 400
        ENVIRONMENT "MESH_BUILD_JOBS=2")
endforeach()

mesh_add_check(install.programs 60
    COMMAND ${checks}/install.sh ${PROJECT_SOURCE_DIR}/build/plain ${PROJECT_VERSION}
    PROPERTIES FIXTURES_REQUIRED build_plain)

# Every unit test under valgrind is a long form: CI has them under ASan and UBSan, and the whole
# chain under valgrind (scenario.chain_valgrind). So are those without threads under TSan.
foreach(variant plain tsan)
    mesh_add_check(build.${variant}_unit_tests 480 COMMAND ${checks}/build.sh ${variant} unit_tests
        PROPERTIES FIXTURES_SETUP build_${variant}_unit_tests FIXTURES_REQUIRED build_${variant}
        LABELS all PROCESSORS ${MESH_PLACES_BUILD} COST 350 ENVIRONMENT "MESH_BUILD_JOBS=2")
endforeach()
mesh_add_check(valgrind.unit 300 COMMAND ${checks}/valgrind.sh ${PROJECT_SOURCE_DIR}/build/plain
    PROPERTIES FIXTURES_REQUIRED build_plain_unit_tests LABELS all
    PROCESSORS ${MESH_PLACES_BUILD} COST 300)
mesh_add_check(tsan.unit 180 COMMAND ${checks}/tsan.sh unit ${PROJECT_SOURCE_DIR}/build/tsan
    PROPERTIES FIXTURES_REQUIRED build_tsan_unit_tests LABELS all)
mesh_add_check(tsan.threads 400 COMMAND ${checks}/tsan.sh threads ${PROJECT_SOURCE_DIR}/build/tsan
    PROPERTIES FIXTURES_REQUIRED build_tsan COST 150)
mesh_add_check(check.threads 60 COMMAND ${checks}/threads.sh ${PROJECT_BINARY_DIR}
    PROPERTIES PROCESSORS 1)
mesh_add_check(tsan.own_race_is_reported 60
    COMMAND ${checks}/tsan.sh own-race ${PROJECT_SOURCE_DIR}/build/tsan
    PROPERTIES FIXTURES_REQUIRED build_tsan)

get_property(fuzzers GLOBAL PROPERTY MESH_FUZZERS)
foreach(fuzzer ${fuzzers})
    mesh_add_check(fuzz.${fuzzer} 60
        COMMAND ${checks}/fuzz.sh ${PROJECT_SOURCE_DIR}/build/fuzz ${fuzzer} 5
        PROPERTIES FIXTURES_REQUIRED build_fuzz COST 60)
    add_test(NAME fuzz_long.${fuzzer} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
        COMMAND ${checks}/fuzz.sh ${PROJECT_SOURCE_DIR}/build/fuzz ${fuzzer} 600)
    set_tests_properties(fuzz_long.${fuzzer} PROPERTIES LABELS "all" TIMEOUT 700
        PROCESSORS ${MESH_PLACES_BUSY} FIXTURES_REQUIRED build_fuzz)
endforeach()
