# unit tests and fuzzers of broker
mesh_add_unit_test(sequencer broker_parts)
target_sources(test_sequencer PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/source_model.c)
