"""Which tests hold each clause of the checklist: line → clause → tests of this tree.

A clause is what stands between two `;` or `,` of a line, and is named by the words that it begins with; the order is
that of the text. The rule of this file: a clause without a test is named in NOT_HELD, with what is lacking and why.
"""

from collections.abc import Iterator, Mapping

_BAD = "tests/cwmp/test_bad_input.py::"
_SESSIONS = "tests/services/test_sessions.py::"
_IDENTITY = "tests/services/test_identity.py::"
_CALLS = "tests/services/test_connection_requests.py::"
_CLAUSES = "tests/security/test_clauses.py::"
_ROWS = "tests/security/test_rows.py::"
_TLS = "tests/server/test_tls.py::"
_GUARD = "tests/services/test_guard.py::"
_FILES = "tests/server/test_files.py::"
_HOOKS = "tests/api/test_hooks.py::"
_REFUSED = "tests/api/test_every_refusal.py::"
_WATCH = "tests/services/test_security_watch.py::"
_STEPS = "tests/services/test_campaign_steps.py::"
_FLEET = "tests/server/test_fleet_alarms.py::"

#: line → clause, by its first words → the tests that hold it
CHECKLIST: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "XML": {
        "refuse DOCTYPE": (_BAD + "test_a_document_type_is_refused_in_every_encoding",),
        "lxml": (_CLAUSES + "test_every_parser_of_xml_leaves_entities_the_network_and_huge_trees_alone",),
        "cap bytes": (
            _BAD + "test_a_body_over_the_byte_limit_is_refused_before_it_is_read",
            "tests/server/test_hostile.py::test_a_bad_body_is_refused_and_told_once",
        ),
        "depth": (_BAD + "test_deep_nesting_is_refused",),
        "element count": (
            _BAD + "test_five_megabytes_of_elements_are_refused",
            _BAD + "test_a_pile_of_attributes_is_refused",
        ),
        "parameter count": (_CLAUSES + "test_an_inform_with_too_many_parameters_is_a_fault_and_nothing_is_stored",),
        "string length": (_BAD + "test_a_text_over_its_limit_is_refused",),
        "reject unknown encodings": (_BAD + "test_what_is_no_message_is_refused",),
        "never echo raw input": (
            _CLAUSES + "test_what_a_device_says_makes_no_line_of_its_own_in_the_log",
            _ROWS + "test_row_12_pages_run_no_script",
            _BAD + "test_an_envelope_id_of_a_megabyte_is_not_echoed",
        ),
    },
    "Session": {
        "server-minted id": (
            _ROWS + "test_row_1_a_session_is_named_by_chance",
            _SESSIONS + "test_a_forged_cookie_is_never_adopted",
        ),
        "cookie": ("tests/conformance/test_transport.py::test_012_cookies_of_every_style",),
        "state machine per CWMP": (
            "tests/cwmp/test_session.py::test_any_walk_stays_legal_at_both_ends",
            "tests/cwmp/test_session.py::test_a_cpe_that_is_held_sends_no_request",
            "tests/conformance/test_session.py::test_042_only_an_inform_opens_a_session",
            "tests/conformance/test_session.py::test_045_the_acs_waits_for_its_turn",
        ),
        "idle": (
            "tests/conformance/test_transport.py::test_015_a_silent_cpe_fails_the_session",
            "tests/server/test_hostile.py::test_an_idle_connection_is_closed",
        ),
        "one live session per device": (
            "tests/conformance/test_session.py::test_050_a_second_inform_replaces_the_session",
            _IDENTITY + "test_a_cloned_identity_raises_one_alarm",
        ),
        "max RPCs": (_SESSIONS + "test_a_session_that_never_ends_is_ended",),
        "the DeviceId in Inform": (
            "tests/conformance/test_identity.py::test_022_the_name_is_the_device",
            _IDENTITY + "test_an_own_credential_is_good_for_its_device_alone",
        ),
    },
    "CPE auth": {
        "Digest": (
            _IDENTITY + "test_sha_256_is_offered_where_it_is_wanted",
            _IDENTITY + "test_every_form_of_digest_is_verified",
            _TLS + "test_a_client_certificate_that_names_the_device_needs_no_password",
            _TLS + "test_a_certificate_of_another_authority_is_refused",
            _TLS + "test_a_revoked_certificate_is_refused_and_others_are_not",
        ),
        "unique secret per device": (
            _IDENTITY + "test_a_device_is_given_a_credential_and_the_shared_one_is_refused_once_it_was_used",
        ),
        "rotated at BOOTSTRAP": (_IDENTITY + "test_a_credential_is_renewed_while_the_old_one_is_good",),
        "nonce": ("tests/cwmp/test_auth.py::test_a_nonce_proves_its_age_and_its_maker",),
        "`nc` monotonic": (
            _IDENTITY + "test_an_answer_that_comes_twice_is_stale_and_a_higher_count_is_taken",
            _IDENTITY + "test_processes_share_what_was_used",
        ),
        "uri and method checked": (
            "tests/conformance/test_identity.py::test_019_forms_of_digest",
            _CLAUSES + "test_an_answer_is_good_for_its_own_method_and_uri_alone",
        ),
        "`stale=true` on expiry": ("tests/conformance/test_identity.py::test_020_replay_is_stale",),
        "constant-time compare": (_CLAUSES + "test_secrets_are_compared_in_constant_time",),
        "Basic only inside TLS": (
            _TLS + "test_basic_is_asked_for_and_taken_over_tls_alone",
            _IDENTITY + "test_a_profiles_policy_comes_before_that_of_the_network",
        ),
        "lockout": (
            _GUARD + "test_an_address_that_tries_many_names_is_held_up_as_a_whole",
            _GUARD + "test_a_name_that_is_tried_everywhere_is_held_up_but_not_where_it_lives",
        ),
        "failed-auth metrics": (_FLEET + "test_wrong_passwords_of_cpes_and_wrong_tokens_are_told",),
    },
    "TLS": {
        "1.2+": (_TLS + "test_older_versions_are_refused",),
        "cert valid": (),
        "HTTP listener optional": (
            _CLAUSES + "test_the_plain_port_can_stand_in_a_network_of_its_own",
            _CLAUSES + "test_the_plain_port_can_be_left_out",
        ),
    },
    "Connection request": {
        "URL must be http/https": (_CALLS + "test_a_url_that_is_none_of_a_cpe_is_refused",),
        "IP literal": (_CALLS + "test_only_the_device_itself_or_allowed_networks_are_called",),
        "no userinfo": (_CALLS + "test_a_url_that_is_none_of_a_cpe_is_refused",),
        "no redirects": (
            "tests/conformance/test_waking.py::test_100_targets_are_checked",
            _CALLS + "test_each_answer_has_its_meaning",
        ),
        "no DNS names": (_CALLS + "test_ports_can_be_limited_and_every_address_of_a_name_is_checked",),
        "allowed ports": (_CALLS + "test_ports_can_be_limited_and_every_address_of_a_name_is_checked",),
        "1–3 s connect cap": (_CALLS + "test_a_connection_that_is_not_taken_is_given_up_soon",),
        "tiny response cap": (_CALLS + "test_each_answer_has_its_meaning",),
        "rate": (
            _CALLS + "test_a_device_is_called_so_often_a_minute_and_no_more",
            "tests/services/test_reach.py::test_calls_in_all_are_spread_after_a_second_s_worth",
        ),
        "digest `nc` grows": (_CALLS + "test_each_answer_to_a_challenge_is_of_its_own",),
        "cnonce fresh": (_CALLS + "test_each_answer_to_a_challenge_is_of_its_own",),
        "unique CR username/password": (
            _SESSIONS + "test_a_new_device_gets_credentials_and_a_periodic_inform",
            _CLAUSES + "test_each_device_is_given_a_password_of_its_own_for_calls",
        ),
        "set by ACS at first contact": (
            _SESSIONS + "test_a_new_device_gets_credentials_and_a_periodic_inform",
            _SESSIONS + "test_first_contact_is_done_again_when_the_session_breaks",
        ),
        "UDP CR: HMAC-SHA1": (
            "tests/conformance/test_waking.py::test_101_udp_requests",
            "tests/cwmp/test_udp_request.py::test_the_vector_of_the_fact_sheet",
        ),
        "monotonic ts/id": (_CLAUSES + "test_datagrams_carry_times_and_numbers_that_never_go_back",),
        "STUN server rate-limited": (
            "tests/server/test_stun.py::test_one_address_is_not_heard_beyond_its_rate",
            "tests/server/test_stun.py::test_forged_addresses_take_bounded_memory_and_the_total_is_bounded",
            "tests/conformance/test_waking.py::test_105_response_address",
        ),
        "XMPP: JID allow-list": (
            "tests/server/test_xmpp.py::test_a_cpe_behind_nat_gets_an_account_and_is_woken_by_xmpp",
        ),
    },
    "Authorisation and safety": {
        "RBAC": (
            _REFUSED + "test_a_foreign_regions_token_gets_nothing_of_another_region",
            "tests/api/test_refused_each_time.py::test_the_next_lower_role_is_refused_and_audited_each_time",
        ),
        "separate right to see secrets": (_ROWS + "test_row_12_secrets_are_masked_and_shown_by_right_alone",),
        "write-deny list": (
            "tests/services/test_protected.py::test_what_is_protected",
            "tests/services/test_protected.py::test_one_proposes_another_approves_and_it_is_written_once",
        ),
        "confirmations": (
            "tests/cli/test_demo.py::test_a_reboot_asks_first",
            "tests/cli/test_every_rpc.py::test_what_disturbs_asks_first",
        ),
        "reboot cool-down": (
            "tests/services/test_actions.py::test_a_fourth_restart_within_a_day_is_refused",
            _HOOKS + "test_a_restart_that_has_not_ended_is_not_asked_for_again",
        ),
        "bulk cap": (
            "tests/services/test_approvals.py::test_a_campaign_for_very_many_devices_takes_two_persons",
            _STEPS + "test_no_step_goes_beyond_its_limits",
        ),
        "canary": (_STEPS + "test_canaries_go_first_and_alone",),
        "failure stop": (
            "tests/services/test_campaigns.py::test_a_canary_that_fails_stops_the_campaign",
            _STEPS + "test_failures_stop_it",
        ),
        "window": ("tests/services/test_campaigns.py::test_outside_of_its_hours_nothing_is_begun",),
        "dry run/diff": ("tests/services/test_provisioning.py::test_a_plan_shows_what_would_be_done_and_does_nothing",),
        "freeze switch": (
            _HOOKS + "test_the_freeze_stops_what_writes_and_lets_what_reads_go_on",
            "tests/server/test_freeze.py::test_what_was_queued_before_the_switch_waits_for_it",
        ),
    },
    "Ticket hooks": {
        "signed": (
            _ROWS + "test_a_replayed_signature_is_refused_and_audited",
            "tests/api/test_refused_each_time.py::test_a_replayed_signature_is_refused_everywhere_and_audited_each_time",
        ),
        "idempotency key": (
            _HOOKS + "test_the_same_key_and_body_is_one_reboot_and_one_answer",
            _HOOKS + "test_another_body_under_a_known_key_is_refused",
        ),
        "allow-list of verbs": (_CLAUSES + "test_hooks_are_four_verbs_and_no_other",),
        "bound to line id": (_HOOKS + "test_the_device_must_be_clear",),
        "rate-limited": (_HOOKS + "test_a_line_and_a_ticket_are_rebooted_so_often_and_no_more",),
        "replay cache": (
            _ROWS + "test_a_replayed_signature_is_refused_and_audited",
            "tests/services/test_pruning.py::test_signatures_are_remembered_as_long_as_they_could_be_replayed",
        ),
    },
    "Files": {
        "per-device one-time signed URLs": (
            _FILES + "test_only_a_signed_address_is_served",
            _FILES + "test_a_device_fetches_a_file_whole_and_once",
            _FILES + "test_an_address_expires",
        ),
        "TLS": (_FILES + "test_the_same_over_tls",),
        "hash recorded": (_FILES + "test_a_device_sends_a_file", _FILES + "test_a_damaged_file_is_not_stored"),
        "image model check": (_FILES + "test_a_file_for_another_model_is_refused",),
        "no directory listing": (
            _FILES + "test_only_a_signed_address_is_served",
            _FILES + "test_bad_requests_get_an_answer",
        ),
    },
    "Probes": {
        "SNMPv3": ("tests/probes/test_snmpd.py::test_version_3_reads_with_every_protection",),
        "v2c communities as secrets": (
            "tests/services/test_secrets.py::test_the_credentials_of_a_node_never_come_out",
            "tests/store/test_vault.py::test_access_node_credentials_are_kept_sealed",
        ),
        "read-only by default": (
            "tests/probes/test_gentle.py::test_a_set_needs_the_switch_its_own_credentials_and_an_hour_that_is_not_quiet",
        ),
        "write": (
            "tests/probes/test_gentle.py::test_a_set_needs_the_switch_its_own_credentials_and_an_hour_that_is_not_quiet",
            "tests/probes/test_snmpd.py::test_a_set_writes_with_its_own_credentials",
        ),
        "ping/ICMP only": (
            "tests/services/test_line_tests.py::test_all_sources_are_asked_side_by_side_and_their_facts_stored",
            "tests/services/test_path_sources.py::test_without_the_privilege_it_is_missing_and_no_failure",
        ),
        "scapy processes": (
            "tests/probes/test_capture.py::test_the_server_side_loads_no_scapy",
            "tests/probes/test_capture.py::test_without_privilege_the_remedy_is_named",
        ),
        "SNMP walks limited": ("tests/probes/test_client.py::test_a_walk_of_more_rows_than_allowed_says_so",),
    },
    "Data": {
        "secrets encrypted at rest": (
            "tests/server/test_secrets_at_rest.py::test_a_secret_that_a_cpe_reports_is_nowhere_in_the_store_in_clear",
            "tests/store/test_vault.py::test_device_credentials_are_kept_sealed",
        ),
        "masked in UI/logs/exports": (
            "tests/test_log.py::test_a_secret_field_is_hidden_and_the_rest_is_json",
            "tests/services/test_secrets.py::test_the_arguments_of_an_operation_show_no_secret",
            _ROWS + "test_row_12_secrets_are_masked_and_shown_by_right_alone",
        ),
        "append-only audit": (
            "tests/store/test_audit_chain.py::test_tampering_is_seen",
            "tests/store/test_audit_chain.py::test_an_export_is_whole_and_can_be_checked_by_anybody",
        ),
        "retention": (
            "tests/store/test_audit_chain.py::test_retention_takes_the_beginning_and_the_rest_still_holds",
            "tests/services/test_pruning.py::test_calls_of_hooks_are_kept_as_long_as_the_configuration_says",
        ),
        "personal data": ("tests/services/test_pruning.py::test_sessions_of_subscribers",),
    },
    "Ops": {
        "no default passwords": (_ROWS + "test_row_8_defaults_are_safe", _ROWS + "test_row_8_a_new_store_knows_nobody"),
        "UI/API on another port": (_ROWS + "test_row_11_nothing_is_open_unless_somebody_says_so",),
        "CSP": (_ROWS + "test_row_12_pages_run_no_script", "tests/api/test_pages.py::test_a_page_may_nothing"),
        "CSRF": (_CLAUSES + "test_no_cookie_is_set_and_none_is_believed",),
        "SameSite": (_CLAUSES + "test_no_cookie_is_set_and_none_is_believed",),
        "per-IP and per-identity rate limits": (
            "tests/api/test_rights.py::test_guessing_tokens_is_slowed_down",
            "tests/services/test_people.py::test_guessing_closes_the_account_for_a_while",
            _GUARD + "test_informs_are_counted_by_device_and_minute",
        ),
        "accept-queue limits": (
            "tests/server/test_hostile.py::test_connections_beyond_the_limit_get_503_with_retry_after",
            "tests/conformance/test_transport.py::test_025_overload_is_503",
        ),
        "alarms: management lost": (_WATCH + "test_a_fleet_that_falls_silent_is_an_alarm",),
        "auth-failure spikes": (
            _WATCH + "test_many_wrong_passwords_are_one_alarm_that_grows_and_ends_with_its_evidence",
            _FLEET + "test_wrong_passwords_of_cpes_and_wrong_tokens_are_told",
        ),
        "unknown-device spikes": (_WATCH + "test_devices_that_nobody_knew_are_an_alarm_when_they_come_in_mass",),
        "parameter `ManagementServer.URL` changed": (
            _WATCH + "test_a_device_that_tells_another_address_of_management_is_an_alarm_until_it_is_back",
            _FLEET + "test_strangers_new_firmware_and_another_address_of_management_are_told",
        ),
        "new firmware seen": (_WATCH + "test_firmware_that_nobody_planned_is_an_alarm_for_its_model",),
    },
}

#: (line, clause) → what of it is not held, and why
NOT_HELD: Mapping[tuple[str, str], str] = {
    ("Session", "cookie"): "Path alone: CPEs run no scripts, and some misread any other attribute of a cookie",
    ("CPE auth", "rotated at BOOTSTRAP"): (
        "a device without a credential of its own gets one at its BOOTSTRAP; one that has one keeps it, and a person "
        "renews it: a device that was reset comes with the shared one and must be let in by a person anyway"
    ),
    ("CPE auth", "uri and method checked"): (
        "the URI is part of the digest and not held against the request's: CPEs name another one, and a proxy may "
        "serve another path; each count of a nonce is taken once, so that an answer is of no use elsewhere"
    ),
    ("TLS", "cert valid"): (
        "the server does not know by which name CPEs call it: that stands in the CPEs and in DHCP, and CPEs check it"
    ),
    ("TLS", "HTTP listener optional"): (
        "it can be left out, or stand in a network of its own; but devices that come without TLS are not marked"
    ),
    ("Data", "personal data"): (
        "what a device tells of homes (names of hosts, MACs, SSIDs) is kept as long as the device; sessions and logins "
        "end with their retention"
    ),
}


def clauses() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(line, first words of the clause, tests), in the order of the text."""
    for line, parts in CHECKLIST.items():
        for words, tests in parts.items():
            yield line, words, tests
