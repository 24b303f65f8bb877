# unit tests and fuzzers of broker
mesh_add_unit_test(sequencer broker_parts)
target_sources(test_sequencer PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/source_model.c)

mesh_add_fuzzer(discovery broker_parts)
mesh_add_fuzzer(sequencer broker_parts)
if(MESH_FUZZ)
    target_sources(fuzz_sequencer PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/source_model.c)
    target_include_directories(fuzz_sequencer PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
endif()
