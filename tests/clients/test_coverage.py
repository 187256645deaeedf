"""Which test shows how a published client takes each thing the protocol lets our server say.

The tables name scenarios of the JavaScript client (`js/`) and tests of the Python client; most of
what has a test there has one of the other client beside it.
"""

from __future__ import annotations

import inspect
from typing import NamedTuple

from tests.clients import test_js_client, test_old_python_client, test_python_client
from tests.clients.test_js_client import SUCCESSION, TRANSPORTS, scenarios

from hubbub import model
from hubbub.model import Disconnect
from hubbub.wire import centrifuge as wire


class Nowhere(NamedTuple):
    """It cannot happen to a published client on this door."""

    why: str


Covered = list[str] | Nowhere

ERRORS: dict[int, Covered] = {
    100: [
        "an authenticate that fails is answered with 100, and tried again",
        "an on_join that fails is answered with 100, and asked again",
        "a call that cannot be answered is told why",
        "test_a_connect_that_fails_here_is_tried_again",
        "test_a_subscribe_that_fails_here_is_tried_again",
    ],
    102: [
        "a room without configuration is answered with 102",
        "a token for a room that is not configured is answered with 102",
        "test_who_may_not_enter_is_told_why",
    ],
    103: [
        "what the client may not do is answered with 103",
        "a token for a room that is none is answered with 103",
        "test_what_a_client_may_not_do_in_a_room_is_told_why",
    ],
    104: [
        "a call that cannot be answered is told why",
        "test_a_call_that_cannot_be_answered_is_told_why",
    ],
    105: [
        "a room that the server has put the client into is answered with 105",
        "test_who_may_not_enter_is_told_why",
    ],
    106: ["a room too many is answered with 106", "test_a_room_too_many_is_refused"],
    107: [
        "a name that no room has, and other nonsense, is answered with 107",
        "reading backwards from the beginning is answered with 107",
        "a filter that means nothing, or where none may be, is answered with 107",
        "test_who_may_not_enter_is_told_why",
    ],
    108: [
        "what a room does not have is answered with 108",
        "a call of a server that answers none is told 108",
        "test_what_a_client_may_not_do_in_a_room_is_told_why",
    ],
    109: [
        "an expired token is answered with 109, and the client gets another",
        "an expired token without another leaves the client unauthorized",
        "an expired token for a room is answered with 109 and replaced",
        "test_an_expired_token_is_replaced",
        "test_an_expired_token_for_a_room_is_replaced",
    ],
    110: [
        "an identity that is past is answered with 110",
        "a grant that is past is answered with 110",
        "test_who_may_not_enter_is_told_why",
    ],
    111: ["asked to come less often with 111, a client tries again"],
    112: [
        "a position of another epoch is answered with 112",
        "with getState a gap is answered with 112, and the state is loaded again",
        "test_with_get_state_a_gap_is_refused_and_the_state_loaded_again",
    ],
}
"""Codes of error replies."""

CLOSES: dict[int, Covered] = {
    3001: [
        "a stopping server is 3001, and its successor gets its clients back",
        "test_a_stopping_server_is_left_and_its_successor_found",
    ],
    3004: [
        "an internal error is 3004, and the client comes back",
        "test_a_client_that_is_sent_away_for_now_comes_back",
    ],
    3005: [
        "a connection that is not renewed ends with 3005, and comes back",
        "a connection renewed with an expired token ends with 3005",
        "an identity that runs out ends the connection with 3005",
        "test_a_connection_that_cannot_be_renewed_comes_back",
    ],
    3006: [
        "a subscription renewed with an expired token ends the connection with 3006",
        "test_a_subscription_renewed_with_an_expired_token_ends_the_connection",
    ],
    3008: [
        "a client that reads too slowly is sent away with 3008 and comes back",
        "test_a_client_that_reads_too_slowly_is_sent_away_and_comes_back",
    ],
    3009: Nowhere("a published client finishes what it has begun to say: tests/chaos/test_abuse"),
    3010: [
        "a connection renewed for other rooms ends with 3010, and comes back",
        "where the server put it in, its connection ends with 3010, for now",
        "test_a_connection_that_cannot_be_renewed_comes_back",
    ],
    3012: [
        "a client that answers no ping is sent away with 3012 and comes back",
        "test_a_client_that_answers_no_ping_is_sent_away_and_one_that_does_is_not",
    ],
    3013: Nowhere("it waits for its requests to be answered, and so never has too many of them"),
    3500: [
        "a token that is none ends a connection with 3500 for good",
        "a connection renewed for another user ends with 3500 for good",
        "a subscription renewed with a token for another room ends it with 3500",
        "a token for another room or another user ends the connection with 3500",
        "test_a_token_for_another_room_or_user_is_the_end",
    ],
    3501: [
        "no word on who it is ends a connection with 3501 for good",
        "a client that breaks the protocol is sent away with 3501",
        "test_a_client_that_breaks_the_protocol_is_sent_away",
    ],
    3502: [
        "a client that says nothing is sent away with 3502 for good",
        "a client that the application lets wait is sent away with 3502",
        "test_who_is_not_let_in_is_told_why_and_stays_away",
    ],
    3503: [
        "a forced disconnect is 3503, and for good",
        "test_a_client_that_is_sent_away_for_good_stays_away",
    ],
    3504: [
        "a user with too many connections is sent away with 3504 for good",
        "test_a_user_with_too_many_connections_is_sent_away",
    ],
    3505: [
        "more rooms than a connection may have end it with 3505 for good",
        "test_who_is_not_let_in_is_told_why_and_stays_away",
    ],
    3506: [
        "what JSON has no words for ends a connection with 3506 for good",
        "test_what_json_has_no_words_for_is_the_end",
    ],
    3507: [
        "a token of nobody in particular is turned away with 3507 where users are",
        "test_who_is_not_let_in_is_told_why_and_stays_away",
    ],
    3508: ["a send that nobody hears ends a connection with 3508 for good"],
}
"""Codes of close frames; centrifuge-python has no `send`, so it never hears 3508."""

UNSUBSCRIBES: dict[int, Covered] = {
    2000: [
        "taken out of a room with 2000, a client stays out",
        "test_taken_out_of_a_room_a_client_stays_out",
    ],
    2500: [
        "in a room that begins anew a client gets 2500, and is told so",
        "test_in_a_room_that_begins_anew_a_client_is_told_what_it_has_lost",
    ],
    2501: [
        "a subscription that is not renewed ends with 2501, and comes back",
        "a grant that runs out ends with 2501, and the application is asked again",
        "test_a_grant_that_runs_out_is_asked_for_again",
    ],
}
"""Codes of unsubscribe pushes."""

CHECKLIST: dict[int, Covered] = {
    1: ["an empty room has nobody, and no publications, explicitly"],
    2: ["a client is told its id, the version, and that pings come every 25 s"],
    3: [
        "a ping is answered with a pong, and nothing more is said",
        "a pong that nobody asked for ends a connection with 3501",
    ],
    4: [
        "connect and subscribe come in one frame",
        "subscribe, unsubscribe and subscribe again in one frame ends subscribed",
        "a batch goes in one frame, and is answered in its order",
    ],
    5: [
        "who asks for joins and leaves hears them, the own join too",
        "a room that the server puts a client into is its own: join, talk, leave",
        "a publication reaches everyone in the room, its author too",
        "test_rooms_of_the_server_are_joined_heard_and_left",
    ],
    6: [
        "a token that is none ends a connection with 3500 for good",
        "an expired token is answered with 109, and the client gets another",
        "no word on who it is ends a connection with 3501 for good",
        "a token for a room that is none is answered with 103",
        "test_a_token_for_a_room_that_is_none_is_refused",
    ],
    7: ["a call of a server that answers none is told 108"],
    8: [
        "a connection that was cut catches up with all it has missed, once",
        "a connection that has missed nothing is told so",
        "more than the room remembers is not caught up with, and the client is told",
        "a subscription begins without a word on recovery",
        "test_a_connection_that_was_cut_catches_up_with_all_it_has_missed_once",
    ],
    9: ["with getState a gap is answered with 112, and the state is loaded again"],
    10: [
        "nobody in particular counts as one user",
        "test_nobody_in_particular_comes_in_where_that_is_allowed",
    ],
    11: [
        "presence follows who comes and goes at once",
        "test_presence_follows_who_comes_and_goes_at_once",
    ],
    12: [
        "a client that asks for deltas gets one document whole",
        "a client that comes back gets what it has missed as deltas",
        "a wish for deltas does no harm",
    ],
    13: [
        "the history is read forwards and backwards, page by page",
        "one answer holds 300 publications at most",
        "test_the_history_is_read_forwards_and_backwards",
    ],
    14: [
        "a forced disconnect is 3503, and for good",
        "a reason that is too long for a close frame comes as far as it fits",
    ],
    15: [
        "localhost works whichever address comes first",
        "a server on the address of IPv6 is as good",
        "test_localhost_is_as_good_as_the_address",
    ],
    16: ["test_a_plain_get_is_answered_at_once"],
    17: ["test_an_old_release_passes_the_same_tests"],
    18: ["test_the_published_javascript_client"],
}
"""protocol.md section 22, row by row."""

TABLES = [ERRORS, CLOSES, UNSUBSCRIBES, CHECKLIST]


def python_tests() -> set[str]:
    modules = (test_python_client, test_old_python_client, test_js_client)
    return {name for module in modules for name, _ in inspect.getmembers(module, callable)}


def test_every_test_that_a_table_names_is_there() -> None:
    named = {
        name for table in TABLES for one in table.values() if isinstance(one, list) for name in one
    }
    assert named <= {*scenarios(TRANSPORTS[0]), SUCCESSION, *python_tests()}


def test_every_error_that_the_server_may_answer_has_a_test() -> None:
    assert {one.code for one in vars(wire).values() if isinstance(one, wire.Error)} <= set(ERRORS)


def test_every_code_that_the_server_may_close_with_has_a_test() -> None:
    ends = [one for one in vars(model).values() if isinstance(one, Disconnect)]
    assert set(CLOSES) == {end.code for end in ends if end.code >= 3000}


def test_no_two_scenarios_have_the_same_name() -> None:
    names = scenarios(TRANSPORTS[0])
    assert len(names) == len(set(names))
