"""A text as the tokens that are read of it."""

import pytest

from zoo.report.pieces import in_pieces


@pytest.mark.parametrize(
    ("text", "places", "seen"),
    [
        ("a bad film", [(0, 0), (0, 1), (2, 5), (6, 10), (0, 0)], "a bad film"),
        ("unread", [(0, 2), (2, 6)], "un·read"),
        ("the mat", [(0, 3), (3, 7)], "the mat"),  # a token with the blank before it
        ("the mat ran", [(0, 3), (4, 7)], "the mat …"),
        ("né", [(0, 1), (1, 2), (1, 2)], "n·é"),  # two bytes of a letter
        ("a bad film ", [(0, 10)], "a bad film"),
        ("", [(0, 0)], ""),
    ],
)
def test_marks_stand_within_words_and_where_reading_ends(text, places, seen):
    assert in_pieces(text, places) == seen
