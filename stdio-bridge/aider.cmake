# aider: what AIDER's output means; knows no sockets and no processes
add_library(aider_parts STATIC
    aider_account.c
    aider_chain.c
    aider_changes.c
    aider_console.c
    aider_errors.c
    aider_facts.c
    aider_failure.c
    aider_files.c
    aider_fusion.c
    aider_lines.c
    aider_options.c
    aider_patterns.c
    aider_session.c
    aider_table.c
    aider_tally.c
    aider_trouble.c
    aider_turn.c
    aider_user_patterns.c
    event_member.c
    event_payload.c
    event_rules.c
    event_rules_table.c
    file_follower.c
    file_mark.c
    line_reader.c
    ndjson_event.c
    redaction.c
    redaction_bytes.c
    redaction_keys.c
    redaction_rules.c
    terminal_text.c
    user_regex.c
)
target_include_directories(aider_parts PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(aider_parts PUBLIC mesh PRIVATE PkgConfig::PCRE2 mesh_build_flags)
