# unit tests and fuzzers of cli
mesh_add_unit_test(cli cli_parts THREADS)
mesh_add_unit_test(event_line cli_parts)
mesh_add_unit_test(http_base cli_parts)
mesh_add_unit_test(sse_reader cli_parts)
mesh_add_unit_test(supervisor cli_parts)
mesh_add_unit_test(tail_query cli_parts)
mesh_add_unit_test(up_words cli_parts)

mesh_add_fuzzer(sse_reader cli_parts)
mesh_add_fuzzer(event_line cli_parts)
