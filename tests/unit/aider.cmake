# unit tests and fuzzers of the AIDER observer
mesh_add_unit_test(aider_files aider_parts)
mesh_add_unit_test(aider_options aider_parts)
mesh_add_unit_test(aider_patterns aider_parts)
mesh_add_unit_test(aider_session aider_parts)
mesh_add_unit_test(file_follower aider_parts)
mesh_add_unit_test(line_reader aider_parts)
mesh_add_unit_test(ndjson_event aider_parts)
mesh_add_unit_test(terminal_text aider_parts)

mesh_add_fuzzer(aider_files aider_parts)
mesh_add_fuzzer(aider_session aider_parts)
mesh_add_fuzzer(ndjson_event aider_parts)
mesh_add_fuzzer(terminal_text aider_parts)
