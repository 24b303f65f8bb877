# unit tests and fuzzers of mesh
mesh_add_unit_test(cursor)
mesh_add_unit_test(log)
mesh_add_unit_test(paths)
mesh_add_unit_test(program)
mesh_add_unit_test(ready)
mesh_add_unit_test(settings)
mesh_add_unit_test(signals)
mesh_add_unit_test(token)
mesh_add_unit_test(topic)
mesh_add_unit_test(uuid)
mesh_add_unit_test(wire)

mesh_add_fuzzer(settings mesh)
