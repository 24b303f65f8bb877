# benchmarks: what they are made of. No test fails on a time; the figures are in
# docs/PERFORMANCE.md.
add_executable(mesh_load
    bench/latency.c
    bench/load.c
    bench/mesh_ends.c
    bench/mesh_load.c
    bench/nats_ends.c
    bench/raw_ends.c
    bench/replay.c
    bench/subscribers.c
    bench/tally.c)
target_link_libraries(mesh_load PRIVATE mesh mesh_build_flags)
add_executable(zmq_proxy bench/zmq_proxy.c)
target_link_libraries(zmq_proxy PRIVATE PkgConfig::CZMQ mesh_build_flags)
add_executable(aider_parse bench/aider_parse.c)
target_link_libraries(aider_parse PRIVATE aider_parts mesh_build_flags)
set_target_properties(aider_parse mesh_load zmq_proxy PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)

mesh_add_unit_test(tally)
target_sources(test_tally PRIVATE bench/latency.c bench/tally.c)
target_include_directories(test_tally PRIVATE bench)

# ninja bench: the broker beside zmq_proxy and nats-server, in about a quarter of an hour.
add_custom_target(bench
    COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/broker.py --build ${PROJECT_BINARY_DIR}
    DEPENDS aidermesh-broker aidermesh-sse-bridge aidermesh-monitor mesh_load zmq_proxy
        journal_append
    USES_TERMINAL)

add_test(NAME bench.aider_parse_short COMMAND aider_parse --seconds 0)
set_tests_properties(bench.aider_parse_short PROPERTIES LABELS "ci" TIMEOUT 60)

# That the benchmark itself works; what it measures beside other tests means nothing.
add_test(NAME bench.broker_short WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/broker.py --short --build ${PROJECT_BINARY_DIR})
set_tests_properties(bench.broker_short PROPERTIES LABELS "all" TIMEOUT 180 PROCESSORS 2)

# Clients of event streams by the thousand, and the least that a server of them can cost.
set(sse_load_parts
    bench/latency.c
    bench/sse_clients.c
    bench/sse_ledger.c
    bench/sse_message.c
    bench/sse_scan.c
    bench/sse_tls.c
    bench/sse_unzip.c)
add_library(sse_load_parts STATIC ${sse_load_parts})
target_include_directories(sse_load_parts PUBLIC bench)
target_link_libraries(sse_load_parts PUBLIC mesh PRIVATE PkgConfig::GNUTLS PkgConfig::ZLIB
    mesh_build_flags)
add_executable(sse_load bench/sse_feed.c bench/sse_load.c bench/sse_process.c bench/sse_run.c)
target_link_libraries(sse_load PRIVATE sse_load_parts mesh_build_flags)
add_executable(sse_loop bench/sse_loop.c)
target_link_libraries(sse_loop PRIVATE mesh_build_flags)
set_target_properties(sse_load sse_loop PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)

# The same clients for a scenario, which has them where the programs are.
add_executable(sse_crowd support/sse_crowd.c)
target_link_libraries(sse_crowd PRIVATE probe sse_load_parts mesh_build_flags)

mesh_add_unit_test(sse_ledger sse_load_parts)
mesh_add_unit_test(sse_scan sse_load_parts)
mesh_add_unit_test(sse_unzip sse_load_parts PkgConfig::ZLIB)

# ninja bench_sse: the sse-bridge beside its peers, in some five minutes.
add_custom_target(bench_sse
    COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/sse.py --build ${PROJECT_BINARY_DIR}
    DEPENDS aidermesh-broker aidermesh-sse-bridge sse_load sse_loop
    USES_TERMINAL)
add_test(NAME bench.sse_short WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/sse.py --short --build ${PROJECT_BINARY_DIR})
set_tests_properties(bench.sse_short PROPERTIES LABELS "all" TIMEOUT 600 PROCESSORS 2)
