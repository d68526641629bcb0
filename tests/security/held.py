"""Which tests hold each weakness that was read in other servers: row → tests of this tree.

A row's own tests stand in `test_rows.py`; the checklist is in `checklist.py`.
"""

from collections.abc import Mapping

_SESSIONS = "tests/services/test_sessions.py::"
_IDENTITY = "tests/services/test_identity.py::"
_CALLS = "tests/services/test_connection_requests.py::"
_BAD = "tests/cwmp/test_bad_input.py::"
_REFUSED = "tests/api/test_every_refusal.py::"
_EACH = "tests/api/test_refused_each_time.py::"
_ROWS = "tests/security/test_rows.py::"

#: weaknesses read in peers, in the order of the table
WEAKNESSES: Mapping[int, tuple[str, ...]] = {
    # the session's cookie was the serial number; no authentication: whoever said it got what was queued
    1: (
        _SESSIONS + "test_a_forged_cookie_is_never_adopted",
        _SESSIONS + "test_a_cookie_of_another_devices_session_is_refused",
        _ROWS + "test_row_1_a_session_is_named_by_chance",
    ),
    # the key was the serial alone; any forwarded address was believed; no limit of the body
    2: (
        "tests/server/test_proxy.py::test_headers_of_a_stranger_are_not_believed",
        _BAD + "test_a_body_over_the_byte_limit_is_refused_before_it_is_read",
        _ROWS + "test_row_2_a_device_is_its_maker_its_class_and_its_serial",
    ),
    # connection requests to any URL with one password, redirects followed, 200 without a challenge counted
    3: (
        _CALLS + "test_a_url_that_is_none_of_a_cpe_is_refused",
        _CALLS + "test_only_the_device_itself_or_allowed_networks_are_called",
        _CALLS + "test_each_answer_has_its_meaning",
    ),
    # without a cookie the envelope's id was the session; cookies of the client's choice were taken
    4: (
        "tests/conformance/test_transport.py::test_011_a_session_without_cookies",
        "tests/conformance/test_transport.py::test_013_an_old_cookie_opens_a_new_session",
        _SESSIONS + "test_a_cpe_without_cookies_is_known_by_its_connection",
    ),
    # digest: one credential for all, uri and count not checked, nonces stored
    5: (
        _IDENTITY + "test_an_answer_that_comes_twice_is_stale_and_a_higher_count_is_taken",
        _IDENTITY + "test_a_count_that_is_none_is_refused",
        _IDENTITY + "test_an_own_credential_is_good_for_its_device_alone",
        "tests/cwmp/test_auth.py::test_a_nonce_proves_its_age_and_its_maker",
        "tests/cwmp/test_auth.py::test_any_name_and_password_survive_the_quoting",
    ),
    # Basic first, so that the secret went in clear; an outside program with it on its command line
    6: (
        "tests/services/test_digest_client.py::test_basic_is_answered_only_where_the_configuration_says_so",
        "tests/services/test_digest_client.py::test_each_challenge_is_answered",
    ),
    # characters above U+FFFD blanked; the whole body as a tree
    7: (_ROWS + "test_row_7_an_emoji_comes_back_as_it_was",),
    # Basic by default, secrets in clear, files without authentication
    8: (
        _ROWS + "test_row_8_defaults_are_safe",
        "tests/server/test_files.py::test_only_a_signed_address_is_served",
        _IDENTITY + "test_a_device_in_quarantine_is_only_recorded_until_somebody_admits_it",
    ),
    # user and password in the log
    9: ("tests/test_log.py::test_a_secret_field_is_hidden_and_the_rest_is_json",),
    # a shell with what the device said
    10: (_ROWS + "test_row_10_there_is_no_shell_anywhere",),
    # plain HTTP, nobody asked who he is
    11: (
        _ROWS + "test_row_11_nothing_is_open_unless_somebody_says_so",
        _REFUSED + "test_without_a_token_every_route_refuses_and_audits",
    ),
    # good practice: limits, argon2id, second factor, append-only audit, two persons, masks, no scripts in pages
    12: (
        _BAD + "test_a_document_type_is_refused_in_every_encoding",
        "tests/services/test_people.py::test_nothing_secret_of_a_person_is_stored_or_audited",
        "tests/services/test_people.py::test_a_code_of_the_second_factor_is_good_once",
        "tests/store/test_audit_chain.py::test_tampering_is_seen",
        "tests/services/test_approvals.py::test_another_person_approves_and_it_runs_once",
        _ROWS + "test_row_12_secrets_are_masked_and_shown_by_right_alone",
        _ROWS + "test_row_12_pages_run_no_script",
    ),
}
