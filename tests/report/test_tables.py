"""Tables for people."""

from hwmap.report.tables import short_names


def test_names_keep_what_tells_them_apart():
    names = [
        "features.0/Conv/bias_prequant",
        "features.1/Conv/bias_prequant",
        "features.1/Relu",
        "head",
        "head2",
    ]

    assert short_names(names) == [
        "features.0/Conv/bias_prequant",
        "features.1/Conv/bias_prequant",
        "Relu",
        "head",
        "head2",
    ]


def test_a_long_name_is_cut_in_the_middle():
    (short, other) = short_names(["a" * 30 + "b" * 30, "c"])

    assert (short, other) == ("a" * 20 + "…" + "b" * 20, "c")
