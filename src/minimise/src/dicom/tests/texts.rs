//! Values as text.

use super::super::syntax::ByteOrder;
use super::super::{CharacterSets, Header, Tag, Text, Undecodable, Vr};

fn header(vr: Vr, byte_order: ByteOrder) -> Header {
    Header { tag: Tag::new(0x10, 0x10), vr, written_vr: vr, length: None, byte_order, is_in_chunks: false }
}

fn values(vr: Vr, sets: &str, value: &[u8]) -> Result<Vec<String>, Undecodable> {
    let sets = CharacterSets::of(sets.as_bytes());
    let text = Text::of(&header(vr, ByteOrder::Little), value, &sets)?;
    Ok(text.values().map(str::to_owned).collect())
}

#[test]
fn names_are_read_in_the_character_sets_of_the_standard() {
    // PS3.5 annexes H, I, J and K, and one name for each of the other sets.
    let cases: &[(&str, &[u8], &str)] = &[
        ("", b"Yamada^Tarou", "Yamada^Tarou"),
        ("ISO_IR 100", b"J\xF5gi^\xD5ie", "Jõgi^Õie"),
        ("ISO_IR 101", b"W\xB3adys\xB3aw", "Władysław"),
        ("ISO_IR 144", b"\xBB\xEE\xDAce\xDC\xD1yp\xD3", "Люкceмбypг"),
        ("ISO_IR 126", b"\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2", "Διονυσιος"),
        ("ISO_IR 127", b"\xE2\xC8\xC7\xE6\xEA", "قباني"),
        ("ISO_IR 138", b"\xF9\xF8\xE5\xEF", "שרון"),
        ("ISO_IR 148", b"\xC7avu\xFEo\xF0lu", "Çavuşoğlu"),
        ("ISO_IR 203", b"\xA4", "€"),
        ("ISO_IR 166", b"\xA1\xD2", "กา"),
        ("ISO_IR 192", "王^小東".as_bytes(), "王^小東"),
        ("GB18030", b"\xCD\xF5^\xD0\xA1\xB6\xAB", "王^小东"),
        ("GBK", b"\xCD\xF5^\xD0\xA1\xB6\xAB", "王^小东"),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1B$B;3ED\x1B(J^\x1B$BB@O:\x1B(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7=\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        (
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1B$)A\xD5\xC5^\x1B$)A\xD0\xA1\xB6\xAB=",
            "Zhang^XiaoDong=张^小东=",
        ),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", b"J\xF5gi=\x1B-L\xBB\xEE", "Jõgi=Лю"),
    ];
    for (sets, value, expected) in cases {
        assert_eq!(values(Vr::PN, sets, value).as_deref(), Ok(&[(*expected).to_owned()][..]), "{sets}");
    }
}

#[test]
fn what_a_character_set_does_not_have_is_no_text() {
    use Undecodable::{NotInCharacterSet, UndeclaredCharacterSet, UnsupportedCharacterSet};
    let cases: &[(&str, &[u8], Undecodable)] = &[
        ("", b"J\xF5gi", NotInCharacterSet),
        ("ISO_IR 100", b"J\x85gi", NotInCharacterSet),
        ("ISO_IR 192", b"J\xF5gi", NotInCharacterSet),
        ("ISO_IR 100", b"\x1B-L\xBB\xEE", UndeclaredCharacterSet),
        ("\\ISO 2022 IR 87", b"\x1B$)C\xFB\xF3", UndeclaredCharacterSet),
        ("\\ISO 2022 IR 149", b"\x1B$)C\xFB\xF3^\xD1\xCE", NotInCharacterSet),
        ("\\ISO 2022 IR 87", b"\x1B$B;", NotInCharacterSet),
        ("ISO_IR 999", b"A", UnsupportedCharacterSet),
        ("ISO_IR 192\\ISO 2022 IR 87", b"A", UnsupportedCharacterSet),
        ("ISO 2022 IR 87", b"A", UnsupportedCharacterSet),
    ];
    for (sets, value, expected) in cases {
        assert_eq!(values(Vr::PN, sets, value), Err(*expected), "{sets}");
    }
}

#[test]
fn padding_is_trimmed_as_the_standard_has_it() {
    let cases: &[(Vr, &[u8], &[&str])] = &[
        (Vr::CS, b"ORIGINAL\\PRIMARY ", &["ORIGINAL", "PRIMARY"]),
        (Vr::LO, b" A \\ B ", &["A", "B"]),
        (Vr::LT, b" A\\ B ", &[" A\\ B"]),
        (Vr::UI, b"1.2\\1.3\0", &["1.2", "1.3"]),
        (Vr::DS, b" 1.50\\-2 ", &["1.50", "-2"]),
        (Vr::DA, b"20261122", &["20261122"]),
        (Vr::SH, b"", &[""]),
    ];
    for (vr, value, expected) in cases {
        assert_eq!(values(*vr, "", value).unwrap(), *expected);
    }
}

#[test]
fn numbers_are_decimal_in_either_byte_order() {
    let text = |vr, order, value: &[u8]| {
        Text::of(&header(vr, order), value, &CharacterSets::DEFAULT).map(|text| text.whole().to_owned())
    };
    assert_eq!(text(Vr::US, ByteOrder::Little, &[1, 2, 255, 255]).unwrap(), "513\\65535");
    assert_eq!(text(Vr::US, ByteOrder::Big, &[1, 2]).unwrap(), "258");
    assert_eq!(text(Vr::SS, ByteOrder::Little, &[255, 255]).unwrap(), "-1");
    assert_eq!(text(Vr::FD, ByteOrder::Little, &1.5_f64.to_le_bytes()).unwrap(), "1.5");
    assert_eq!(text(Vr::AT, ByteOrder::Little, &[0x10, 0, 0x20, 0]).unwrap(), "00100020");
    assert_eq!(text(Vr::UL, ByteOrder::Little, &[1, 2]), Err(Undecodable::BadLength));
    assert_eq!(text(Vr::OB, ByteOrder::Little, &[1, 2]), Err(Undecodable::NotText));
}
