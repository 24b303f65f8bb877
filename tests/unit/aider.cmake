# unit tests and fuzzers of the AIDER observer
mesh_add_unit_test(aider_session aider_parts)
