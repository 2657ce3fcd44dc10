import pytest

from server.people.names import name_order, plain, same_name, tidy_name, tidy_phone


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0912 345 678", "0912345678"),
        ("+84 912.345.678", "0912345678"),
        ("0084912345678", "0912345678"),
        ("+84(0)912345678", "0912345678"),
        ("84912345678", "0912345678"),
        ("912345678", "0912345678"),  # as a spreadsheet leaves it
        ("０９１２３４５６７８", "0912345678"),
        ("02438234567", "02438234567"),
        ("+49 151 2345678", "+491512345678"),
        ("0049 151 2345678", "+491512345678"),
        ("12345", None),
        ("", None),
        ("0912345678; DROP", None),
        ("٠٩١٢٣٤٥٦٧٨", None),
    ],
)
def test_phones_have_one_spelling(typed: str, kept: str | None) -> None:
    assert tidy_phone(typed) == kept


def test_a_tidied_phone_stays_as_it_is() -> None:
    for phone in ("0912345678", "+491512345678", "02438234567"):
        assert tidy_phone(phone) == phone


@pytest.mark.parametrize("name", ["Lò Văn Én", "Y'Moan", "H’Hen Niê", "K. Brêu", "Tòng Thị O."])
def test_names_of_many_peoples_are_names(name: str) -> None:
    assert tidy_name(f"  {name.replace(' ', '   ')} ") == name


@pytest.mark.parametrize("text", ["", "A", "=1+2", "Lò Văn 3", "Lò\x00Văn", "<b>Lò</b>", "a" * 81])
def test_other_text_is_no_name(text: str) -> None:
    assert tidy_name(text) is None


def test_decomposed_letters_are_the_same_name() -> None:
    assert tidy_name("Lo\u0300 Va\u0306n E\u0301n") == "Lò Văn Én"
    assert same_name("LÒ VĂN ÉN", "Lo\u0300 Va\u0306n  E\u0301n")


def test_members_are_listed_by_given_name_in_the_vietnamese_alphabet() -> None:
    names = ["Vi Đạo", "Lò Ân", "Hà An", "Vi Dũng", "Lò Ăm", "Bùi Ánh", "Lò Ấm", "Ao Anh"]
    assert sorted(names, key=name_order) == [
        "Hà An",
        "Ao Anh",
        "Bùi Ánh",
        "Lò Ăm",
        "Lò Ấm",
        "Lò Ân",
        "Vi Dũng",
        "Vi Đạo",
    ]


def test_headers_are_recognised_without_marks() -> None:
    assert plain("  Họ_và  TÊN: ") == "ho va ten"
    assert plain("Đình chỉ") == "dinh chi"
