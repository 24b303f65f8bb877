# unit tests and fuzzers of stdio-bridge
mesh_add_unit_test(copy relay_parts)
mesh_add_unit_test(mcp_call stdio_bridge_parts)
mesh_add_unit_test(mcp_gate relay_parts)
mesh_add_unit_test(mcp_session stdio_bridge_parts)
mesh_add_unit_test(mcp_sieve relay_parts)
mesh_add_unit_test(plain_lines stdio_bridge_parts)

mesh_add_unit_test(session_labels relay_parts)
mesh_add_unit_test(session_place stdio_bridge_parts)
mesh_add_unit_test(tap relay_parts)
mesh_add_unit_test(tap_record relay_parts)
mesh_add_unit_test(wiring relay_parts)
mesh_add_unit_test(wrapped_command relay_parts)

mesh_add_fuzzer(mcp_session stdio_bridge_parts)
mesh_add_fuzzer(mcp_sieve relay_parts)
mesh_add_fuzzer(tap_record relay_parts)
