use super::*;

fn read_all(bytes: &[u8]) -> Result<usize, (Malformed, String)> {
    read_within(bytes, &Limits::default())
}

fn read_within(bytes: &[u8], limits: &Limits) -> Result<usize, (Malformed, String)> {
    check_beginning(bytes, limits).map_err(|fault| (fault, String::new()))?;
    let (text, tail) = text_of(bytes);
    let mut names = Names::fhir();
    for name in ["a", "b", "c"] {
        names.add(name);
    }
    let mut lexer = Lexer::new(limits);
    let mut tokens = 0;
    loop {
        match lexer.next(text, tail) {
            Ok(Token::End) => return Ok(tokens),
            Ok(Token::More) => panic!("the document has ended"),
            Ok(_) => tokens += 1,
            Err(fault) => return Err((*fault, lexer.fault_pointer(&names))),
        }
    }
}

fn rule(document: &str) -> &'static str {
    read_all(document.as_bytes()).map_or_else(|(fault, _)| fault.reason.rule(), |_| "read")
}

/// Accepted by the suite, refused here: the gateway and the receiver could take different copies.
const REFUSED_ON_PURPOSE: [&str; 2] =
    ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"];

#[test]
fn the_public_suite_is_judged_as_it_asks_except_for_duplicates() {
    let Ok(samples) = std::env::var("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let folder = std::path::Path::new(&samples).join("json/test_parsing");
    let (mut accepted, mut refused) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let outcome = read_all(&std::fs::read(file.path()).unwrap());
        if REFUSED_ON_PURPOSE.contains(&name.as_str()) {
            let (fault, _) = outcome.unwrap_err();
            assert_eq!(fault.reason, Reason::DuplicateName, "{name}");
        } else if name.starts_with("y_") {
            assert!(outcome.is_ok(), "{name}: {outcome:?}");
            accepted += 1;
        } else if name.starts_with("n_") {
            assert!(outcome.is_err(), "{name}");
            refused += 1;
        }
    }
    assert_eq!((accepted, refused), (93, 188));
}

#[test]
fn a_fault_is_told_by_rule_and_exact_place() {
    let (fault, pointer) = read_all("{\"a\":[1,\n  \"õ\", x]}".as_bytes()).unwrap_err();
    assert_eq!((fault.offset, fault.line, fault.column), (17, 2, 8));
    assert_eq!(pointer, "/a/2");
    assert_eq!(fault.reason, Reason::ValueExpected);
}

#[test]
fn a_name_that_could_be_a_value_is_not_repeated_in_a_pointer() {
    let (_, pointer) = read_all(br#"{"39901012239":{"a":tru}}"#).unwrap_err();
    assert_eq!(pointer, "/*/a");
}

#[test]
fn a_duplicate_name_is_refused_however_it_is_spelled() {
    assert_eq!(rule(r#"{"a":1,"b":2,"a":3}"#), "json-duplicate-name");
    assert_eq!(rule(r#"{"status":1,"\u0073tatus":2}"#), "json-duplicate-name");
    assert_eq!(rule(r#"{"a":{"b":1},"b":2,"c":{"b":1}}"#), "read");
    let many: Vec<String> = (0..40).map(|n| format!(r#""n{n}":0"#)).collect();
    assert_eq!(rule(&format!("{{{}}}", many.join(","))), "read");
    for n in [0, 17, 39] {
        let document = format!("{{{},\"n{n}\":0}}", many.join(","));
        assert_eq!(rule(&document), "json-duplicate-name", "{n}");
    }
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    assert_eq!(rule("\u{feff}{}"), "json-byte-order-mark");
    for half in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud800x", r"\udc00\ud800"] {
        assert_eq!(rule(&format!("[\"{half}\"]")), "json-lone-surrogate", "{half}");
        assert_eq!(rule(&format!("{{\"{half}\":1}}")), "json-lone-surrogate", "{half}");
    }
    assert_eq!(rule(r#"["\ud83d\ude00"]"#), "read");
    let (fault, pointer) = read_all(b"{\"a\":\"\xff\"}").unwrap_err();
    assert_eq!((fault.reason, fault.offset), (Reason::NotUtf8, 6));
    assert_eq!(pointer, "/a");
}

#[test]
fn limits_hold_at_their_edge() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(rule(&nested(64)), "read");
    assert_eq!(rule(&nested(65)), "json-too-deep");
    assert_eq!(rule(&"[".repeat(900_000)), "json-too-deep");
    assert_eq!(rule(&"1".repeat(128)), "read");
    assert_eq!(rule(&"1".repeat(129)), "json-number-too-long");
    assert_eq!(rule(&format!("\"{}\"", "x".repeat(256 << 10))), "read");
    assert_eq!(rule(&format!("\"{}\"", "x".repeat((256 << 10) + 1))), "json-string-too-long");
    assert_eq!(rule(&" ".repeat((1 << 20) + 1)), "document-too-large");
    assert_eq!(rule(&format!("[0{}]", ",0".repeat(100_000))), "json-too-many-members");
}

#[test]
fn a_hundred_thousand_members_take_linear_time() {
    let members: Vec<String> = (0..99_999).map(|n| format!("\"{n}\":0")).collect();
    let document = format!("{{{}}}", members.join(","));
    let limits = Limits { document_bytes_max: 4 << 20, ..Limits::default() };
    let tokens = read_within(document.as_bytes(), &limits).unwrap();
    // Quadratic search would compare five thousand million names here, and be noticed.
    assert_eq!(tokens, 2 + 99_999);
}

#[test]
fn strings_are_written_in_one_form_and_read_back() {
    let text = "\" \\ / \u{8} \u{c} \n \r \t \u{1f} \u{7f} õ \u{2028} 😀";
    let mut written = Vec::new();
    text::write_string(text, &mut written);
    assert_eq!(serde_json::from_slice::<String>(&written).unwrap(), text);
    let (window, tail) = text_of(&written);
    let mut lexer = Lexer::new(&Limits::default());
    assert_eq!(lexer.next(window, tail).unwrap(), Token::String);
    let place = lexer.text();
    let mut read = String::new();
    text::unescape(window, place, &mut read);
    assert_eq!(read, text);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_and_serde_json_never_is_stricter(
        bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",:\\utrfn01.eE-+ d8c\xc3\xb5".as_slice()), 0..40)
    ) {
        if read_all(&bytes).is_ok() {
            serde_json::from_slice::<serde_json::Value>(&bytes).map(drop).or_else(|fault| {
                // `1e99` is a number to RFC 8259 and out of range to serde_json.
                if fault.to_string().contains("out of range") { Ok(()) } else { Err(fault) }
            }).unwrap();
        }
    }
}
