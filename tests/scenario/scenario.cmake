# scenarios: the real programs together

# mesh_add_scenario(<name> <seconds> [FILE <file>] [KEYWORD <pytest -k>] [LEVEL ci|all]
#                   [BUILD <variant>] [WATCHED_BY thread|valgrind] [AIDER <venv below build/>]
#                   [NEEDS <fixture>] [ALONE]
#                   [PROPERTIES <name> <value>...])
# tests/scenario/test_<name>.py, or those tests of FILE that KEYWORD names, becomes the test
# scenario.<name>. It waits more than it computes, so it takes one place of ctest's two a core.
# ALONE: nothing else runs meanwhile, and what is promised of seconds is held against them.
function(mesh_add_scenario name seconds)
    cmake_parse_arguments(ARG "ALONE" "FILE;KEYWORD;LEVEL;BUILD;WATCHED_BY;AIDER;NEEDS" "PROPERTIES" ${ARGN})
    if(NOT ARG_FILE)
        set(ARG_FILE test_${name}.py)
    endif()
    if(NOT ARG_LEVEL)
        set(ARG_LEVEL ci)
    endif()
    set(fixtures packages ${ARG_NEEDS})
    set(bin ${PROJECT_BINARY_DIR}/bin)
    set(sanitizer "${MESH_SANITIZE}")
    if(ARG_BUILD)
        if(NOT MESH_CHECKS)
            return()    # needs another build, which only tests/run.sh makes
        endif()
        set(bin ${PROJECT_SOURCE_DIR}/build/${ARG_BUILD}/bin)
        set(sanitizer "${ARG_WATCHED_BY}")
        list(APPEND fixtures build_${ARG_BUILD})
    endif()
    set(selection "")
    if(ARG_KEYWORD)
        set(selection -k ${ARG_KEYWORD})
    endif()
    add_test(NAME scenario.${name}
        COMMAND ${PROJECT_SOURCE_DIR}/tests/scenario/pytest.sh
            ${PROJECT_SOURCE_DIR}/tests/scenario/${ARG_FILE} ${selection}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set(aider "")
    if(ARG_AIDER)
        set(aider ";AIDERMESH_TEST_AIDER=${PROJECT_SOURCE_DIR}/build/${ARG_AIDER}/bin/aider")
    endif()
    set(alone "")
    if(ARG_ALONE)
        set(alone ";MESH_TEST_ALONE=1")
        list(APPEND ARG_PROPERTIES RUN_SERIAL TRUE)
    endif()
    # The time-out is for what hangs: a busy machine may take three times as long.
    math(EXPR timeout "3 * ${seconds}")
    set_tests_properties(scenario.${name} PROPERTIES LABELS "${ARG_LEVEL}" TIMEOUT ${timeout}
        ENVIRONMENT "AIDERMESH_BIN=${bin};MESH_TEST_SANITIZER=${sanitizer}${aider}${alone}"
        FIXTURES_REQUIRED "${fixtures}" COST ${seconds} ${ARG_PROPERTIES})
endfunction()

# What the acceptance tests stand on: the provider they script, the runner, the kept captures.
mesh_add_scenario(fake_llm 60)
mesh_add_scenario(aider_run 60)
mesh_add_scenario(captures 30)
mesh_add_scenario(aider_sources 90)
# Every case live, the handful of them in CI; then again with an aider of 2025.
mesh_add_scenario(aider_cases 240 KEYWORD core)
mesh_add_scenario(aider_cases_other 3600 FILE test_aider_cases.py KEYWORD other LEVEL all)
mesh_add_scenario(aider_cases_old 5400 FILE test_aider_cases.py LEVEL all AIDER aider-venv-0.81
    NEEDS old_aider)
# A person's keys, bare and wrapped: three states in CI.
mesh_add_scenario(aider_keyboard 240 KEYWORD core)
mesh_add_scenario(aider_keyboard_other 180 FILE test_aider_keyboard.py KEYWORD "not core"
    LEVEL all)
mesh_add_scenario(acceptance_rate_limits 180)
mesh_add_scenario(acceptance_giving_up 180)
mesh_add_scenario(acceptance_hidden_retries 120)
mesh_add_scenario(acceptance_held_request 180)
mesh_add_scenario(acceptance_same_bytes 120 KEYWORD "not piped and not under_a_terminal")
mesh_add_scenario(acceptance_same_bytes_piped 240 FILE test_acceptance_same_bytes.py
    KEYWORD piped)
mesh_add_scenario(acceptance_same_bytes_terminal 240 FILE test_acceptance_same_bytes.py
    KEYWORD under_a_terminal)
mesh_add_scenario(access 180)
mesh_add_scenario(acceptance_readers 180)
mesh_add_scenario(acceptance_failures 600)
mesh_add_scenario(mcp_clients 300)
mesh_add_scenario(mcp_2026 120 NEEDS mcp_packages)
mesh_add_scenario(health 240)
# Named within three seconds, of what is installed.
mesh_add_scenario(health_plain 240 FILE test_health.py LEVEL all BUILD plain ALONE)
mesh_add_scenario(keys 180)
mesh_add_scenario(monitor 240 KEYWORD "not again_and_again")
mesh_add_scenario(monitor_killed 300 FILE test_monitor.py KEYWORD again_and_again LEVEL all)
# How late a report may be, and how soon a key is out, of what is installed.
mesh_add_scenario(monitor_plain 240 FILE test_monitor.py KEYWORD "silent or lost" LEVEL all
    BUILD plain PROPERTIES RUN_SERIAL TRUE)
mesh_add_scenario(keys_plain 120 FILE test_keys.py KEYWORD revoked LEVEL all BUILD plain
    PROPERTIES RUN_SERIAL TRUE)
mesh_add_scenario(strangers 180)
mesh_add_scenario(strangers_plain 60 FILE test_strangers.py KEYWORD prefixes BUILD plain)
# Sanitizers cannot live with a limit on address space.
mesh_add_scenario(memory_limit 120 KEYWORD publish BUILD plain)
mesh_add_scenario(memory_limit_full 240 FILE test_memory_limit.py LEVEL all BUILD plain)
mesh_add_scenario(idle_connections 180 KEYWORD short)
# The form whose use of a core is held against the promise.
mesh_add_scenario(idle_connections_full 600 FILE test_idle_connections.py KEYWORD full LEVEL all
    BUILD plain PROPERTIES RUN_SERIAL TRUE)
mesh_add_scenario(limits 300)
mesh_add_scenario(journal 240 KEYWORD "not clock")
# libfaketime and sanitizers do not go together.
mesh_add_scenario(journal_clock 60 FILE test_journal.py KEYWORD clock BUILD plain)
mesh_add_scenario(journal_cursors 180)
mesh_add_scenario(clock 120 BUILD plain)
mesh_add_scenario(late_joiners 180)
mesh_add_scenario(first_and_last 120 KEYWORD short)
mesh_add_scenario(first_and_last_full 600 FILE test_first_and_last.py KEYWORD full LEVEL all)
mesh_add_scenario(long_run 180 KEYWORD short)
mesh_add_scenario(long_run_full 600 FILE test_long_run.py KEYWORD full LEVEL all)
# The form whose latency is held against the promise.
mesh_add_scenario(long_run_plain 600 FILE test_long_run.py KEYWORD full LEVEL all BUILD plain
    PROPERTIES RUN_SERIAL TRUE)
mesh_add_scenario(protocol_pyzmq 120)
mesh_add_scenario(link 180)
mesh_add_scenario(broker_restart 180)
mesh_add_scenario(schema 30)
mesh_add_scenario(spool 180)
mesh_add_scenario(stdio_modes 120)
mesh_add_scenario(stdio_relay 120)
# Memory is bounded of what is installed.
mesh_add_scenario(stdio_long 600 LEVEL all BUILD plain)
mesh_add_scenario(stdio_faults 120 KEYWORD "disk_that or pseudo")
mesh_add_scenario(stdio_faults_aider 120 FILE test_stdio_faults.py KEYWORD history LEVEL all)
mesh_add_scenario(stdio_faults_plain 60 FILE test_stdio_faults.py KEYWORD hung BUILD plain)
mesh_add_scenario(stdio_bridge_bugs 120)
mesh_add_scenario(other_bridges 120)
mesh_add_scenario(stopping 60)
# A second is promised of what is installed; sanitizers look for leaks in that second.
mesh_add_scenario(stopping_plain 60 FILE test_stopping.py BUILD plain)
mesh_add_scenario(chain_tsan 120 FILE test_chain.py BUILD tsan WATCHED_BY thread)
mesh_add_scenario(chain_valgrind 240 FILE test_chain.py BUILD plain WATCHED_BY valgrind
    KEYWORD ndjson_brings PROPERTIES PROCESSORS ${MESH_PLACES_BUSY})
mesh_add_scenario(chain 60)
mesh_add_scenario(cli 240)
mesh_add_scenario(readme 60)
# Builds once more, as a newcomer does; the mesh it starts is not watched by a sanitizer.
mesh_add_scenario(deploy_run 300 PROPERTIES PROCESSORS ${MESH_PLACES_BUILD})
# Two minutes are promised.
mesh_add_scenario(deploy_run_alone 300 FILE test_deploy_run.py KEYWORD once LEVEL all ALONE)
mesh_add_scenario(sse_streams 240)
mesh_add_scenario(snapshots 60)
mesh_add_scenario(stream_past 180)
mesh_add_scenario(stream_life 120)
mesh_add_scenario(conformance 120)
mesh_add_scenario(verdicts 120)
mesh_add_scenario(cloudevents 120 NEEDS api_packages)
mesh_add_scenario(openapi 120 KEYWORD "not random" NEEDS api_packages)
mesh_add_scenario(openapi_random 600 FILE test_openapi.py KEYWORD random LEVEL all
    NEEDS api_packages)
mesh_add_scenario(http_abuse 120 KEYWORD "not twenty")
mesh_add_scenario(http_abuse_full 600 FILE test_http_abuse.py KEYWORD twenty LEVEL all BUILD plain
    PROPERTIES RUN_SERIAL TRUE)
# Ten thousand clients are too many for a sanitizer on a machine that does other work.
mesh_add_scenario(crowd 180 KEYWORD short BUILD plain PROPERTIES PROCESSORS ${MESH_PLACES_BUSY})
mesh_add_scenario(crowd_full 600 FILE test_crowd.py KEYWORD full LEVEL all BUILD plain
    PROPERTIES PROCESSORS ${MESH_PLACES_BUSY})
mesh_add_scenario(compression 180)
mesh_add_scenario(tls 180 KEYWORD "not nothing_at_all")
# Ten seconds are given to one that does not read even the goodbye.
mesh_add_scenario(tls_cut 60 FILE test_tls.py KEYWORD nothing_at_all LEVEL all)
mesh_add_scenario(api_events 180)
mesh_add_scenario(api_lists 120)
mesh_add_scenario(throttling 90)
mesh_add_scenario(wrong_settings 120)
mesh_add_scenario(forget 180)
mesh_add_scenario(found 240)
# Within one interval, of what is installed.
mesh_add_scenario(found_alone 60 FILE test_found.py KEYWORD one_interval LEVEL all BUILD plain
    ALONE)
# Two brokers that become one: most of the threads, and ciphers in libzmq's.
mesh_add_scenario(found_tsan 120 FILE test_found.py KEYWORD "two_brokers or forgotten" LEVEL all
    BUILD tsan WATCHED_BY thread)

if(MESH_CHECKS)
    mesh_add_check(bench.line_to_curl 120
        COMMAND ${MESH_TEST_PYTHON} ${PROJECT_SOURCE_DIR}/tests/bench/line_to_curl.py
            --bin ${PROJECT_SOURCE_DIR}/build/plain/bin
        PROPERTIES FIXTURES_REQUIRED build_plain RUN_SERIAL TRUE)
    set_property(TEST bench.line_to_curl APPEND PROPERTY FIXTURES_REQUIRED packages)
endif()
